"""Make a system of a published checkpoint of bytedance/uss, for `uss separate` at once, and for
stages 6 and 7 as if trained here.

Reads the Lightning checkpoint, conf/pretrained.yaml, conf/systems/<system>.yaml where there is one.
Writes exp/<name>/<system>/: config.yaml with `imported`, checkpoints/step_00000000.pt, and the two
PANNs of the checkpoint as published files, which conf/pretrained.yaml has to name: a separator
understands the embeddings of its own query encoder only. And what `uss separate` needs: both PANNs
as panns.pt, and average_embeddings.h5 with AudioSet's classes, of which none has an average before
stage 6 writes it anew. Writes conf/systems/<system>.yaml where there is none, so that run.sh knows
the system; stage 5 skips it.

    python -m uss.bin.import_uss uss.ckpt --name paper --system resunet_published
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml

from uss.checksums import damage
from uss.command import add_name, parser, run
from uss.config import load, to_dict
from uss.data.packed import write_part
from uss.files import atomic, changes, digest, write_text
from uss.labels import audioset_classes
from uss.layout import EXPERIMENTS
from uss.model_store.config_file import required
from uss.model_store.model_config import checkpoints, read_config, write_config
from uss.schema import Pretrained, System
from uss.separation.model_files import EMBEDDINGS, PANNS

if TYPE_CHECKING:
    from torch import Tensor

    from uss.models.published import UssCheckpoint

SEGMENT_SECONDS = 2  # of the published trainings

PREFIXES = {  # key of pretrained.yaml -> where the checkpoint has that network
    "sound_event_detector": "anchor_segment_detector.sed_model.",
    "query_encoder": "query_net.base.",
}

logger = logging.getLogger(__name__)


def panns_paths(directory: Path) -> dict[str, Path]:
    return {key: directory / f"{key}.pth" for key in PREFIXES}


def needs_import(directory: Path, inputs: dict[str, str]) -> bool:
    """Whether anything is missing or damaged; ValueError where the directory holds another
    model."""
    has_config = (directory / "config.yaml").exists()
    if has_config or checkpoints(directory):
        if not has_config or read_config(directory).get("inputs") != inputs:
            raise ValueError(
                f"{directory} holds another model; choose another --system or --name, or remove it"
            )
    files = [*panns_paths(directory).values(), directory / PANNS]
    files += [path for _, path in checkpoints(directory)]
    damaged = [path for path in files if path.exists() and damage(path) is not None]
    files.append(directory / EMBEDDINGS)
    if damaged:
        logger.warning("%s is damaged, and is written again", damaged[0])
    return bool(damaged) or not checkpoints(directory) or not all(path.exists() for path in files)


def write_model(
    checkpoint: Path, directory: Path, system_path: Path, inputs: dict[str, str]
) -> None:
    """Write the model directory.

    Raises:
        ValueError: the file is no such checkpoint, or the system's YAML describes another network.
    """
    from uss.model_store.checkpoint import save, write_tensors
    from uss.models import published

    tensors = published.expect(checkpoint, "uss")
    model = published.build_uss(tensors, checkpoint)
    system = to_dict(model.system)
    refuse_other_system(system, system_path, checkpoint)
    config = {
        "kind": "separator",
        "system": system,
        "training": {"seed": None, "steps": 0},
        "inputs": inputs,
        "imported": checkpoint.name,
    }
    encoder = model.query_encoder
    query = encoder.fc1 if model.system.query == "embedding" else encoder.fc_audioset
    write_config(
        directory,
        config,
        sample_rate=published.SAMPLE_RATE,
        query_size=query.out_features,
        amae=None,
    )
    for key, path in panns_paths(directory).items():
        with atomic(path) as temporary:
            write_tensors({"model": part(tensors, PREFIXES[key])}, temporary)
    write_panns(directory / PANNS, model)
    write_classes(directory / EMBEDDINGS)
    save(directory, {"step": 0, "model": model.separator.state_dict()})
    logger.info("imported %s as %s", checkpoint, directory)


def part(tensors: "dict[str, Tensor]", prefix: str) -> "dict[str, Tensor]":
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}


def write_panns(path: Path, model: "UssCheckpoint") -> None:
    """Unless stage 6 has written it, with the outputs of the recipe's classes."""
    from uss.model_store.checkpoint import write_tensors
    from uss.models import published

    if path.exists() and damage(path) is None:
        return
    networks = {key: getattr(model, key) for key in PREFIXES}
    shape = to_dict(published.PANNS)
    with atomic(path) as temporary:
        content = {k: {"model": shape, "weights": n.state_dict()} for k, n in networks.items()}
        write_tensors(content, temporary)


def write_classes(path: Path) -> None:
    """AudioSet's classes, unless stage 6 has written the recipe's, with their averages."""
    from uss.models import published

    if path.exists():
        return
    classes = audioset_classes()
    datasets: dict[str, np.ndarray | list[str]] = {
        "class_id": classes.ids,
        "class_name": classes.names,
        "embedding": np.zeros((len(classes), published.PANNS.channels[-1]), np.float32),
        "probabilities": np.zeros((len(classes), len(classes)), np.float32),
        "num_targets": np.zeros(len(classes), np.int64),
    }
    rate = published.SAMPLE_RATE
    write_part(path, datasets, sample_rate=rate, segment_samples=SEGMENT_SECONDS * rate)


def refuse_other_system(system: dict, path: Path, checkpoint: Path) -> None:
    if path.exists():
        named = load(path.parents[1], f"systems/{path.stem}", System)
        changed = changes(to_dict(named), system)
        if changed:
            raise ValueError(
                f"{path} is not the system of {checkpoint}: {', '.join(changed)}; choose a "
                "--system that conf/systems/ has not: its YAML will be written"
            )


def write_system(system: dict, path: Path, imported: str) -> None:
    header = f"# The published baseline, imported from {imported}: stage 5 has nothing to train.\n"
    write_text(path, header + yaml.safe_dump(system, sort_keys=False))
    logger.info("wrote %s", path)


def advise(directory: Path, conf: Path, pretrained: Pretrained) -> None:
    """Says what pretrained.yaml must name before stage 2."""
    paths = panns_paths(directory)
    named = {key: getattr(pretrained, key) for key in paths}
    if all(named[key] and Path(named[key]).resolve() == paths[key].resolve() for key in paths):
        logger.info("%s names the PANNs of %s", conf / "pretrained.yaml", directory)
        return
    logger.warning(
        "%s understands the embeddings of its own query encoder only: write these lines in %s, "
        "and run from stage 2 on\n%s",
        directory,
        conf / "pretrained.yaml",
        "\n".join(f"{key}: {path}" for key, path in paths.items()),
    )


def main(argv: list[str] | None = None) -> None:
    arguments = add_name(parser(__doc__))
    arguments.add_argument("checkpoint", type=Path, help="of bytedance/uss")
    arguments.add_argument("--system", required=True, help="its name here: exp/<name>/<system>/")
    options = arguments.parse_args(argv)
    pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
    checkpoint, directory = options.checkpoint, EXPERIMENTS / options.name / options.system
    system_path = options.conf / "systems" / f"{options.system}.yaml"
    if not checkpoint.is_file():
        raise ValueError(f"{checkpoint}: no such file; check the path or fetch the weights")
    inputs = {"checkpoint": digest(checkpoint)}
    if needs_import(directory, inputs):
        write_model(checkpoint, directory, system_path, inputs)
    else:
        logger.info("skip %s: it was imported from %s", directory, checkpoint)
    if not system_path.exists():
        config, origin = read_config(directory), directory / "config.yaml"
        system, imported = (required(config, origin, key) for key in ("system", "imported"))
        write_system(system, system_path, imported)
    advise(directory, options.conf, pretrained)


if __name__ == "__main__":
    run(main)
