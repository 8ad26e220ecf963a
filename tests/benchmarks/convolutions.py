"""What a training step's convolutions take of it, and how near they are to the processor's limit.

    python -m tests.benchmarks.convolutions [--batch-size 4] [--rounds 9]

Of resunet_joint of egs/debian_sounds, on one thread: each convolution of its U-Net, but those of
single pixels, on maps of the sizes that a batch of anchors gives it, channels last as in training;
beside them a product of large matrices. Counted is the processor's time, user and system, of the
round that took least. Prints a table in Markdown, and what follows for a step (`cpu_step` measures
it): no arrangement of its work is faster than its convolutions.
"""

import argparse
import os
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from tests.benchmarks.cpu_step import EMBEDDING_SIZE, RECIPE, SAMPLE_RATE

SECONDS = 2.0  # of an anchor
MATRIX = 1024
GRADIENTS = {"to input": [True, False, False], "to weights": [False, True, False]}


def shapes(batch_size: int) -> Counter:
    """How often each (is transposed, stride, padding, input's, weight's shape) is met in a step."""
    from uss.config import load
    from uss.models.mae_resunet import build_separator
    from uss.schema import System

    system = load(RECIPE, "systems/resunet_joint", System, [])
    separator = build_separator(system, EMBEDDING_SIZE, SAMPLE_RATE, None)
    met: Counter = Counter()

    def count(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        transposed = isinstance(layer, nn.ConvTranspose2d)
        shape = tuple(inputs[0].shape), tuple(layer.weight.shape)
        met[transposed, layer.stride, layer.padding, *shape] += 1

    for layer in separator.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.kernel_size != (1, 1):
            layer.register_forward_pre_hook(count)
    waveform = torch.randn(batch_size, round(SECONDS * SAMPLE_RATE))
    with torch.no_grad():
        separator(waveform, torch.randn(batch_size, EMBEDDING_SIZE))
    return met


def least(work: Callable[[], object], rounds: int) -> float:
    """CPU seconds, of the round that took least."""
    seconds = []
    for _ in range(rounds + 1):  # the first warms up
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds[1:])


def measured(shape: tuple, rounds: int) -> tuple[float, dict[str, float]]:
    """Operations of each part, and the CPU seconds of the parts."""
    transposed, stride, padding, input_shape, weight_shape = shape
    x = torch.randn(input_shape).to(memory_format=torch.channels_last)
    weight = torch.randn(weight_shape).to(memory_format=torch.channels_last)
    given = (list(stride), list(padding), [1, 1], transposed, [0, 0], 1)
    y = torch.ops.aten.convolution(x, weight, None, *given)
    gradient = torch.randn_like(y)
    pixels = (x if transposed else y)[:, 0].numel()
    parts = {"forward": partial(torch.ops.aten.convolution, x, weight, None, *given)}
    for part, wanted in GRADIENTS.items():
        parts[part] = partial(
            torch.ops.aten.convolution_backward, gradient, x, weight, None, *given, wanted
        )
    seconds = {part: least(work, rounds) for part, work in parts.items()}
    return 2.0 * pixels * weight.numel(), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    matrix = torch.randn(MATRIX, MATRIX)
    limit = 2.0 * MATRIX**3 / least(lambda: matrix @ matrix, options.rounds)
    print(f"One thread, load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores\n")
    parts = " | ".join(f"{part}, GFLOP/s" for part in ["forward", *GRADIENTS])
    print(f"| in a step | channels | frames x bins | kernel | {parts} |")
    print("|---|---|---|---|---|---|---|")
    operations = seconds = 0.0
    for shape, number in shapes(options.batch_size).items():
        each, took = measured(shape, options.rounds)
        operations += 3 * number * each
        seconds += number * sum(took.values())
        transposed, _, _, input_shape, weight_shape = shape
        out = weight_shape[1 if transposed else 0]
        _, channels, frames, bins = input_shape
        kernel = f"{weight_shape[2]} x {weight_shape[3]}{', transposed' if transposed else ''}"
        rates = " | ".join(f"{each / part / 1e9:.0f}" for part in took.values())
        print(f"| {number} | {channels} to {out} | {frames} x {bins} | {kernel} | {rates} |")
    print(
        f"\nAll of a step: {operations / 1e9:.1f} GFLOP in {seconds:.3f} CPU s, "
        f"{operations / seconds / 1e9:.0f} GFLOP/s. A product of {MATRIX} x {MATRIX} matrices: "
        f"{limit / 1e9:.0f} GFLOP/s, at which they would take {operations / limit:.3f} s."
    )


if __name__ == "__main__":
    main()
