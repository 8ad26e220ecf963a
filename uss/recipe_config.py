"""Every YAML of a recipe: which dataclass each has, and whether command-line overrides fit them."""

import dataclasses
import sys
import typing
from collections.abc import Iterable
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path

from uss import schema
from uss.config import load, nearest, split_override
from uss.layout import ADOPTED, EXPERIMENTS
from uss.renamed import refuse_old_override

FILES: dict[str, type] = {
    "resample": schema.Resample,
    "detector": schema.Detector,
    "anchors": schema.Anchors,
    "mixtures": schema.Mixtures,
    "amae": schema.Amae,
    "train": schema.SeparatorTraining,
    "evaluate": schema.Evaluate,
    "pretrained": schema.Pretrained,
}
OPTIONAL = ("detector",)  # a recipe that trains none may leave it out


STAGE_OF = {  # the first stage that reads each of them
    **{"resample": 1, "detector": 2, "anchors": 2, "pretrained": 2},
    **{"mixtures": 3, "amae": 4, "train": 5, "evaluate": 7},
}


def stages(conf: Path) -> list[int]:
    """Those that a recipe has: all, or what conf/stages lists."""
    path = conf / "stages"
    return [int(word) for word in path.read_text().split()] if path.exists() else list(range(8))


def data_config(recipe: Path) -> type:
    """The dataclass `Data` of the recipe's own data.yaml, from its local/data_config.py."""
    local = recipe.resolve() / "local"
    path = local / "data_config.py"
    if not path.exists():
        raise ValueError(f"{path} is missing: it must define the dataclass Data of data.yaml")
    # Every recipe has a package `local`: here each has a name of its own. Its dots are no packages.
    package = str(local).replace(".", "%2E")
    if package not in sys.modules:
        spec = ModuleSpec(package, None, is_package=True)
        spec.submodule_search_locations = [str(local)]
        sys.modules[package] = module_from_spec(spec)
    return import_module(f"{package}.data_config").Data


def systems(conf: Path) -> dict[str, type]:
    return {f"systems/{path.stem}": schema.System for path in sorted(conf.glob("systems/*.yaml"))}


def check(conf: Path, overrides: list[str]) -> dict[str, object]:
    """Every configuration of a recipe by name (`systems/<name>` for a system).

    Raises:
        ValueError: for the first key or override that does not fit.
    """
    files = {name: cls for name, cls in FILES.items() if STAGE_OF[name] in stages(conf)}
    known = {"data": data_config(conf.resolve().parent), **files, **systems(conf)}
    if not systems(conf) and 5 in stages(conf):
        raise ValueError(f"{conf / 'systems'} has no YAML file: a recipe needs a system")
    check_overrides(conf, overrides)
    configs: dict[str, object] = {
        name: load(conf, name, cls, overrides)
        for name, cls in known.items()
        if name not in OPTIONAL or (conf / f"{name}.yaml").exists()
    }
    if "evaluate" in configs:
        check_system_names(conf, typing.cast(schema.Evaluate, configs["evaluate"]))
    return configs


def check_system_names(conf: Path, config: schema.Evaluate) -> None:
    """Raises ValueError where evaluate.yaml names a system that the recipe does not have, and that
    was not adopted under any name of an experiment."""
    known = [name.rpartition("/")[2] for name in systems(conf)]
    records = (conf.resolve().parent / EXPERIMENTS).glob(f"*/*/{ADOPTED}")
    adopted = sorted({path.parent.name for path in records})
    reference = [] if config.reference is None else [config.reference]
    for key, names in (
        ("reference", reference),
        ("figure2_systems", config.figure2_systems),
        ("system_order", config.system_order),
    ):
        for name in names:
            if name not in known + adopted:
                raise ValueError(
                    f"{conf / 'evaluate.yaml'}: {key} names {name!r}; conf/systems/ has: "
                    f"{', '.join(known)}" + (f"; adopted: {', '.join(adopted)}" if adopted else "")
                )


def check_overrides(conf: Path, overrides: list[str]) -> None:
    """Raises ValueError, naming the nearest known key, for an override that fits no YAML of the
    recipe: an entry point reads a few of them, and would not see the others."""
    known = FILES | systems(conf)
    recipe = conf.resolve().parent
    is_recipe = (recipe / "local" / "data_config.py").exists()
    if is_recipe and overrides:
        known["data"] = data_config(recipe)
    stems = {name.rpartition("/")[2]: name for name in known}
    wanted = {}
    for override in overrides:
        refuse_old_override(override)
        key = override.partition("=")[0]
        stem, dot, _ = key.partition(".")
        if stem == "data" and dot and not is_recipe:
            continue  # what reads data.yaml brings its own dataclass
        if not dot or stem not in stems or key == override:
            raise ValueError(_unknown(override, known))
        split_override(override)
        wanted[stems[stem]] = known[stems[stem]]
    for name, cls in wanted.items():
        load(conf, name, cls, overrides)


def _unknown(override: str, known: dict[str, type]) -> str:
    name = override.partition("=")[0]
    shown = " ".join(override.split())[:200]
    keys = [
        f"{file.rpartition('/')[2]}.{key}" for file, cls in known.items() for key in keys_of(cls)
    ]
    if "." in name:
        some = [nearest(name, keys)]
    else:  # which file is not said
        last = nearest(name, [key.rpartition(".")[2] for key in keys])
        some = [key for key in keys if key.endswith(f".{last}")][:3]
    return (
        f"--set {shown}: expected FILE.KEY=VALUE, such as train.steps=10, with the name of a file "
        f"in conf/ or conf/systems/; the nearest known is {' or '.join(some)}"
    )


def keys_of(cls: type, prefix: str = "") -> Iterable[str]:
    """The dotted keys of a dataclass."""
    for name, hint in typing.get_type_hints(cls).items():
        if dataclasses.is_dataclass(hint):
            yield from keys_of(typing.cast(type, hint), f"{prefix}{name}.")
        else:
            yield prefix + name
