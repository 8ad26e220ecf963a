"""The mask network as ONNX: magnitudes and query in, complex mask out.

The STFT stays outside, where every runtime has one of its own. So does the A-MAE: its features are
an input.
"""

import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from uss.files import atomic
from uss.model_store.loading import load_separator
from uss.models.mae_resunet import MaskNetwork
from uss.separation.model_files import segment_samples

TOLERANCE = 1e-4
NAMES = ("magnitude", "query", "features")

logger = logging.getLogger(__name__)


class WithoutFeatures(nn.Module):
    """ONNX has no input that is None."""

    def __init__(self, network: MaskNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, magnitude: Tensor, query: Tensor) -> Tensor:
        return self.network(magnitude, query, None)


def export(directory: Path, path: Path) -> float:
    """Write the file; inputs magnitude (batch, frames, bins), query (batch, K) and, with an
    A-MAE, features; output mask (batch, 2, frames, bins), its real and imaginary part. The frames
    are those of a training segment: 201 for 2 s in the paper.

    Returns:
        the largest difference between onnxruntime's mask and torch's, for random inputs.

    Raises:
        ValueError: packages are missing, the two differ by more than 1e-4, or the file cannot be
            written.
    """
    try:
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401  torch.onnx needs it
    except ImportError as error:
        raise ValueError(
            f"uss export needs {error.name}: pip install onnx onnxruntime onnxscript"
        ) from None
    if path.is_dir():
        raise ValueError(f"--onnx {path}: this is a folder; name a file in it")
    loaded = load_separator(directory)
    separator = loaded.separator
    torch.manual_seed(0)
    window_size = separator.stft.window_size
    num_samples = segment_samples(directory, loaded.sample_rate, window_size)
    mixture = 0.1 * torch.randn(2, num_samples)
    inputs = [separator.stft(mixture).abs(), torch.rand(2, loaded.query_size)]
    with torch.no_grad():
        if separator.amae is None:
            network: nn.Module = WithoutFeatures(separator.network)
        else:
            network = separator.network
            inputs.append(separator.amae(mixture))
        names = NAMES[: len(inputs)]
        try:
            with atomic(path) as temporary:
                difference = write(network.eval(), dict(zip(names, inputs, strict=True)), temporary)
                if difference > TOLERANCE:
                    raise ValueError(
                        f"the exported network differs by {difference:.1e} from {directory}"
                    )
        except OSError as error:
            raise ValueError(f"--onnx {path}: {error.strerror or error}") from None
    logger.info("%s: onnxruntime gives the same mask, to %.1e", path, difference)
    return difference


def write(network: nn.Module, inputs: dict[str, Tensor], path: Path) -> float:
    """Write the network as ONNX for any batch size; the largest difference of its output in
    onnxruntime."""
    import onnxruntime

    batch = torch.export.Dim("batch")
    torch.onnx.export(
        network,
        tuple(inputs.values()),
        path,
        input_names=list(inputs),
        output_names=["mask"],
        dynamic_shapes={name: {0: batch} for name in inputs},
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(path)
    larger = {name: torch.cat([values, values[:1]]) for name, values in inputs.items()}
    (mask,) = session.run(["mask"], {name: values.numpy() for name, values in larger.items()})
    return float(np.abs(mask - network(*larger.values()).numpy()).max())
