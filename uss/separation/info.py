"""What a model directory holds, in words."""

from pathlib import Path

from uss.config import from_dict
from uss.schema import System
from uss.separation.model_files import EMBEDDINGS, PANNS, class_table
from uss.training.model_config import newest_checkpoint, read_config


def describe(directory: Path) -> str:
    """Lines `key: value`. Raises ValueError where it is no separator that is trained."""
    config = read_config(directory)
    if config["kind"] != "separator":
        raise ValueError(f"{directory} holds a model of kind {config['kind']}, not separator")
    checkpoint = newest_checkpoint(directory)
    system = from_dict(System, config["system"], f"{directory}/config.yaml")
    rate = config["facts"]["sample_rate"]
    lines = {
        "model": directory,
        "sample rate": f"{rate} Hz",
        "query": f"{system.query}, {config['facts']['condition_size']} values"
        + (", scaled to a root mean square of 1" if system.query_norm == "rms" else ""),
        "normalization": system.normalization,
        "stft": f"{system.stft.window_size} samples, hop {system.stft.hop_size}",
        "channels": " ".join(map(str, system.channels)),
        "A-MAE": f"{system.amae.features}, {system.amae.fusion}"
        if system.amae.features != "none"
        else "none",
        "training": f"{config['training']['steps']} steps, seed {config['training']['seed']}"
        if not config.get("imported")
        else f"imported from {config['imported']}",
        "weights": checkpoint.name,
        "code": config["facts"].get("code"),
    }
    if (directory / EMBEDDINGS).exists():
        lines["classes"] = len(class_table(directory))
    else:
        lines["classes"] = f"none: {EMBEDDINGS} is missing, stage 6 writes it"
    has_panns = (directory / PANNS).exists()
    lines["--query and --auto"] = "yes" if has_panns else f"no: {PANNS} is missing (stage 6)"
    return "\n".join(f"{key}: {value}" for key, value in lines.items())
