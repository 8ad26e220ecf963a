"""Check every YAML in conf/ with the overrides of the command line, before any work starts.

Reads conf/*.yaml, conf/systems/*.yaml, local/data_config.py. Writes nothing; exit 2 and one line
for the first key that is unknown, malformed or out of range.

    python -m uss.bin.check_config --set train.steps=10
"""

import importlib.util
import sys
from pathlib import Path

from uss import schema
from uss.bin.command import parser
from uss.config import load, split_override

FILES = {
    "resample": schema.Resample,
    "tagger": schema.Tagger,
    "anchors": schema.Anchors,
    "mixtures": schema.Mixtures,
    "amae": schema.Amae,
    "train": schema.Training,
    "evaluate": schema.Evaluate,
    "pretrained": schema.Pretrained,
}


def data_config(recipe: Path) -> type:
    """The dataclass `Data` of the recipe's own data.yaml, from its local/data_config.py."""
    path = recipe / "local" / "data_config.py"
    if not path.exists():
        raise ValueError(f"{path} is missing: it must define the dataclass Data of data.yaml")
    spec = importlib.util.spec_from_file_location("data_config", path)
    assert spec is not None and spec.loader is not None  # the name ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules["data_config"] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module.Data


def check(conf: Path, overrides: list[str]) -> dict[str, object]:
    """Every configuration of a recipe by name (`systems/<name>` for a system).

    Raises:
        ValueError: for the first key or override that does not fit.
    """
    known = {"data": data_config(conf.resolve().parent), **FILES}
    systems = sorted((conf / "systems").glob("*.yaml"))
    if not systems:
        raise ValueError(f"{conf / 'systems'} has no YAML file: a recipe needs a system")
    known |= {f"systems/{path.stem}": schema.System for path in systems}
    stems = [name.rpartition("/")[2] for name in known]
    for override in overrides:
        keys, _ = split_override(override)
        if keys[0] not in stems:
            raise ValueError(
                f"--set {override}: {conf} has no {keys[0]}.yaml, only {', '.join(stems)}"
            )
    return {name: load(conf, name, cls, overrides) for name, cls in known.items()}


def main(argv: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(argv)
    try:
        check(options.conf, options.overrides)
    except ValueError as error:
        print(f"{error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
