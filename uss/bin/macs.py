"""What each system costs: parameters, and multiply-accumulates of one segment, as a table.

Reads conf/systems/<system>.yaml, conf/resample.yaml, anchors.yaml, detector.yaml, amae.yaml and
pretrained.yaml; data/classes.csv where the query is `at_soft`. Writes nothing and needs no data
else: it can be asked before anything is trained. RESULTS.md has the same table.

    python -m uss.bin.macs --systems resunet_joint mae_frozen
"""

from dataclasses import asdict
from pathlib import Path

from uss.command import add_systems, parser, run
from uss.model_store.untrained import untrained
from uss.reporting.results_table import cost_table, markdown


def costs(conf: Path, systems: list[str], overrides: list[str]) -> dict[str, dict]:
    """System -> the fields of uss.models.cost.Cost; errors as `untrained`."""
    from uss.models.cost import separator_cost

    return {name: asdict(separator_cost(*untrained(conf, name, overrides))) for name in systems}


def main(argv: list[str] | None = None) -> None:
    options = add_systems(parser(__doc__)).parse_args(argv)
    found = costs(options.conf, options.systems, options.overrides)
    print(markdown(cost_table(found)), end="")


if __name__ == "__main__":
    run(main)
