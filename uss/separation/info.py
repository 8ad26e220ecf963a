"""What a model directory holds, in words."""

from pathlib import Path

from uss.model_store.adoption import read_adoption
from uss.model_store.config_file import SeparatorFacts, required, section
from uss.model_store.model_config import newest_checkpoint, read_config
from uss.schema import System
from uss.separation.model_files import EMBEDDINGS, PANNS, class_table


def describe(directory: Path) -> str:
    """Lines `key: value`. Raises ValueError where it is no separator that is trained."""
    config, origin = read_config(directory), Path(directory) / "config.yaml"
    kind = required(config, origin, "kind")
    if kind != "separator":
        raise ValueError(f"{directory} holds a model of kind {kind}, not separator")
    checkpoint = newest_checkpoint(directory)
    system = section(System, config, origin, "system")
    facts = section(SeparatorFacts, config, origin, "facts")
    steps, seed = (required(config, origin, "training", key) for key in ("steps", "seed"))
    lines = {
        "model": directory,
        "sample rate": f"{facts.sample_rate} Hz",
        "query": f"{system.query}, {facts.query_size} values"
        + (", scaled to a root mean square of 1" if system.query_norm == "rms" else ""),
        "normalization": system.normalization,
        "stft": f"{system.stft.window_size} samples, hop {system.stft.hop_size}",
        "channels": " ".join(map(str, system.channels)),
        "A-MAE": f"{system.amae.features}, {system.amae.fusion}"
        if system.amae.features != "none"
        else "none",
        "training": f"{steps} steps, seed {seed}"
        if not config.get("imported")
        else f"imported from {config['imported']}",
        "weights": checkpoint.name,
        "code": facts.code,
    }
    adoption = read_adoption(directory)
    if adoption:
        lines["adopted from"] = adoption.adopted_from
    if (directory / EMBEDDINGS).exists():
        lines["classes"] = len(class_table(directory))
    else:
        lines["classes"] = f"none: {EMBEDDINGS} is missing, stage 6 writes it"
    lines |= _networks_that_listen(directory, was_adopted=adoption is not None)
    return "\n".join(f"{key}: {value}" for key, value in lines.items())


def _networks_that_listen(directory: Path, was_adopted: bool) -> dict[str, str]:
    """Which of the options that need the PANNs the directory serves, and why not."""
    path = directory / PANNS
    if not path.exists():
        missing = f"no: {PANNS} is missing (stage 6)"
        return {"--query": missing, "--auto": missing}
    from uss.model_store.panns_file import read_panns

    networks = read_panns(path)
    told = {
        option: "yes" if network in networks else f"no: {PANNS} holds no {network}"
        for option, network in (("--query", "query_encoder"), ("--auto", "sound_event_detector"))
    }
    if was_adopted:
        told["--auto"] = "no: its detector knows the classes of the recipe that trained it"
    return told
