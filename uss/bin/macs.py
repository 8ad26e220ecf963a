"""What each system costs: parameters, and multiply-accumulates of one segment, as a table.

Reads conf/systems/<system>.yaml, conf/resample.yaml, anchors.yaml, tagger.yaml, amae.yaml and
pretrained.yaml; data/classes.csv where the query is `at_soft`. Writes nothing and needs no data
else: it can be asked before anything is trained. RESULTS.md has the same table.

    python -m uss.bin.macs --systems resunet_joint mae_frozen
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from uss.bin.command import add_systems, parser, run
from uss.bin.networks import CLASSES
from uss.config import load
from uss.evaluation.results_table import cost_table, markdown
from uss.labels import read_classes
from uss.schema import Amae, Anchors, Pretrained, Resample, System, Tagger

if TYPE_CHECKING:
    from uss.models.mae_resunet import Separator


class Untrained(NamedTuple):
    """A system as its training begins, in eval mode; its condition and segment."""

    separator: "Separator"
    condition_size: int
    sample_rate: int  # Hz
    num_samples: int


def costs(conf: Path, systems: list[str], overrides: list[str]) -> dict[str, dict]:
    """System -> the fields of uss.models.cost.Cost; errors as `untrained`."""
    from uss.models.cost import separator_cost

    return {name: asdict(separator_cost(*untrained(conf, name, overrides))) for name in systems}


def untrained(conf: Path, name: str, overrides: list[str]) -> Untrained:
    """The system with initial weights from torch's generator (torch.manual_seed).

    Raises:
        ValueError: a YAML that does not fit, or parts of a system that do not fit together.
    """
    from uss.models.mae_resunet import build_separator
    from uss.models.published import AUDIO_MAE, PANNS

    pretrained = load(conf, "pretrained", Pretrained, overrides)
    sample_rate = load(conf, "resample", Resample, overrides).sample_rate
    seconds = load(conf, "anchors", Anchors, overrides).segment_seconds
    tagger = PANNS if pretrained.query_encoder else load(conf, "tagger", Tagger, overrides).model
    amae = AUDIO_MAE if pretrained.audio_mae else load(conf, "amae", Amae, overrides).model
    if amae.mean is None:
        amae = replace(amae, mean=0.0, std=1.0)  # which the recipe measures in stage 4
    system = load(conf, f"systems/{name}", System, overrides)
    is_embedding = system.query == "embedding"
    condition_size = tagger.channels[-1] if is_embedding else len(read_classes(CLASSES))
    separator = build_separator(system, condition_size, sample_rate, amae).eval()
    return Untrained(separator, condition_size, sample_rate, round(seconds * sample_rate))


def main(argv: list[str] | None = None) -> None:
    options = add_systems(parser(__doc__)).parse_args(argv)
    found = costs(options.conf, options.systems, options.overrides)
    print(markdown(cost_table(found)), end="")


if __name__ == "__main__":
    run(main)
