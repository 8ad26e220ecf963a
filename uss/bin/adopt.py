"""Make a trained model of another recipe a system of this one, for stages 6 and 7.

Reads a model directory after its own stage 6 (config.yaml, the last checkpoint, panns.pt,
average_embeddings.h5); conf/systems/, and conf/resample.yaml where there is one.
Writes exp/<name>/<system>/, as uss.model_store.adoption has it. Run again, it does nothing.

Stages 4 and 5 leave such a system alone. Its own PANNs embed this recipe's classes in stage 6, and
the targets in stage 7, where it is measured beside the others. It may have another sample rate.

    python -m uss.bin.adopt ../audioset/exp/paper/mae_frozen --system mae_audioset --name default
"""

import logging
import re
from pathlib import Path

from uss.command import parser, run
from uss.config import load
from uss.evaluation.results import BOUND, UNTRAINED
from uss.layout import EXPERIMENTS, PANNS
from uss.model_store.adoption import adopt, sample_rate_of
from uss.model_store.model_config import read_config
from uss.schema import Resample

NAME = re.compile("[A-Za-z0-9_][A-Za-z0-9._-]*")
RESERVED = (BOUND, UNTRAINED, "examples", "log")  # folders of exp/<name>/ that are no systems

logger = logging.getLogger(__name__)


def refuse_names(name: str, system: str, conf: Path) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(
            f"--name {name!r} names a folder below exp/: letters, digits, '.', '_' and '-' only"
        )
    if not NAME.fullmatch(system) or system in RESERVED:
        raise ValueError(
            f"--system {system!r} names a folder: letters, digits, '.', '_' and '-' only, and none "
            f"of {', '.join(RESERVED)}"
        )
    path = conf / "systems" / f"{system}.yaml"
    if path.exists():
        raise ValueError(f"{path} is a system that this recipe trains; choose another --system")


def segment_of(source: Path) -> int:
    """Samples of the segments of a model that separates, and whose PANNs make its queries.

    Raises ValueError, with the remedy, where it is none.
    """
    read_config(source)  # it is a model directory
    if not (source / PANNS).exists():
        raise ValueError(
            f"{source} has no {PANNS}, and nothing else makes queries that it understands; stage 6 "
            "of its own recipe writes it"
        )
    from uss.separation.model import Model

    model = Model(source)
    assert model.query_encoder  # it opens, and fits
    return model.num_samples


def say_rate(source: Path, conf: Path, overrides: list[str]) -> None:
    if not (conf / "resample.yaml").exists():
        return
    here = load(conf, "resample", Resample, overrides).sample_rate
    own = sample_rate_of(source)
    if own != here:
        logger.info(
            "%s separates at %d Hz, and this recipe has %d Hz: stages 6 and 7 resample for it, "
            "there and back, and measure at %d Hz",
            *(source, own, here, here),
        )


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("model", type=Path, help="directory of a system after its stage 6")
    arguments.add_argument("--system", required=True, help="its name here: exp/<name>/<system>/")
    arguments.add_argument("--name", default="default", help="of the experiment: exp/<name>/")
    options = arguments.parse_args(argv)
    refuse_names(options.name, options.system, options.conf)
    directory = EXPERIMENTS / options.name / options.system
    if adopt(options.model, directory, segment_of(options.model)):
        say_rate(options.model, options.conf, options.overrides)
        logger.info(
            "adopted %s as %s; what is next: ./run.sh --stage 6 --name %s --systems %s",
            *(options.model, directory, options.name, options.system),
        )
    else:
        logger.info("skip %s: it was adopted from %s", directory, options.model)


if __name__ == "__main__":
    run(main)
