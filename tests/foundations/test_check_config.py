"""Every recipe's YAML fits its dataclasses; what does not fit ends with 2 and one line."""

import importlib
import shutil
from pathlib import Path

import pytest

from uss.bin import check_config
from uss.config import load
from uss.schema import Mixtures, SeparatorTraining, System

EGS = Path(__file__).parents[2] / "egs"

# docs/method.md, section 1: normalization, A-MAE features, updated
SYSTEMS = {
    "resunet": ("none", "none", False),
    "resunet_joint": ("joint", "none", False),
    "mae_frozen": ("joint", "paper", False),
    "mae_updated": ("joint", "paper", True),
    "mae_aligned": ("joint", "aligned", False),
    "mae_film": ("joint", "aligned", True),
}
MORE = {
    "mini": {"mae_film_frozen"},
    "debian_sounds": {
        "mae_random",
        "mae_random_bottleneck",
        "mae_aligned_concat",
        "mae_aligned_bottleneck",
        "mae_film_frozen",
        "mae_film_random",
        "log_mel_film",
    },
}


@pytest.mark.parametrize("recipe", ["mini", "debian_sounds", "fsd50k", "audioset"])
def test_the_recipes_systems_are_those_of_the_paper(recipe):
    conf = EGS / recipe / "conf"
    names = SYSTEMS.keys() | MORE.get(recipe, set())
    assert {path.stem for path in (conf / "systems").glob("*.yaml")} == names
    for name, expected in SYSTEMS.items():
        system = load(conf, f"systems/{name}", System)
        assert (system.normalization, system.amae.features, system.amae.updated) == expected
        assert system.query == ("at_soft" if recipe == "mini" else "embedding")
        as_published = recipe in ("audioset", "fsd50k")
        # in its own size what a small detector says of a sound steers too little
        assert system.query_norm == ("none" if as_published else "rms")
        assert system.initial_mask == ("random" if as_published else "half")
        assert system.query_from == ("target" if as_published else "class")
        assert system.amae.features != "paper" or system.amae.fusion == "concat"
    training, mixtures = load(conf, "train", SeparatorTraining), load(conf, "mixtures", Mixtures)
    num_train = mixtures.num_train or training.num_examples
    assert num_train <= training.num_examples, "rows that no step reads"


@pytest.mark.parametrize(
    "system, random",
    [
        ("mae_aligned", "mae_random"),
        ("mae_aligned_bottleneck", "mae_random_bottleneck"),
        ("mae_film", "mae_film_random"),
    ],
)
def test_the_control_differs_in_the_weights_of_the_amae_alone(system, random):
    conf = EGS / "debian_sounds" / "conf"
    ours = load(conf, f"systems/{system}", System)
    control = load(conf, f"systems/{random}", System)
    assert ours.amae.pretrained and not control.amae.pretrained
    control.amae.pretrained = True
    assert control == ours


@pytest.fixture
def conf(tmp_path):
    """A copy of the default recipe's."""
    shutil.copytree(EGS / "mini" / "conf", tmp_path / "conf")
    (tmp_path / "local").mkdir()
    shutil.copy(EGS / "mini" / "local" / "data_config.py", tmp_path / "local")
    return tmp_path / "conf"


def error(conf, capsys, *options):
    """The one line that the check ends with, after its exit with 2."""
    with pytest.raises(SystemExit) as caught:
        check_config.main(["--conf", str(conf), *options])
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_good_overrides(conf, capsys):
    check_config.main(
        [f"--conf={conf}", "--set", "train.steps=500", "--set=mae_frozen.amae.fusion=channel"]
    )
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.stepz=1", "train.yaml: unknown key stepz; the nearest known one is steps"),
        ("train.steps=0", "train.yaml: steps is 0, must be at least 1"),
        ("train.steps=ten", "train.yaml: steps is 'ten', expected int"),
        ("train.learning_rate=nan", "train.yaml: learning_rate is 'nan', expected float"),
        ("data.num_rounds.train=0", "data.yaml: num_rounds.train, dev and eval must be at least 1"),
        ("amae.model.heads=5", "amae.yaml: model.width must be a multiple of heads, in encoder"),
        ("resunet.query=name", "systems/resunet.yaml: query is 'name', not one of: embedding, "),
        ("mae_updated.amae.source=cached", "systems/mae_updated.yaml: amae.source is cached, but"),
        ("tranin.steps=1", "--set tranin.steps=1: expected FILE.KEY=VALUE"),
        ("nosuch.steps=1", "--set nosuch.steps=1: expected FILE.KEY=VALUE"),
        ("data.seed=010", "data.yaml: seed is '010', expected int (write decimal digits alone"),
        (
            "train.steps={a: 1, a: 2}",
            "--set train.steps={a: 1, a: 2}: '{a: 1, a: 2}' is not a YAML",
        ),
        ("train.steps", "--set train.steps: expected FILE.KEY=VALUE, such as train.steps=10"),
        ("steps=1", "--set steps=1: expected FILE.KEY=VALUE"),
        ("train.steps=[", "--set train.steps=[: '[' is not a YAML value"),
    ],
)
def test_a_bad_override(conf, capsys, override, message):
    line = error(conf, capsys, "--set", override)
    assert line.removeprefix(f"{conf}/").startswith(message), line


@pytest.mark.parametrize(
    ("override", "known"),
    [
        ("nosuch.steps=1", "train.steps"),
        ("stepz=1", "detector.training.steps or amae.training.steps or train.steps"),
        ("mae_frozn.amae.fusion=concat", "mae_frozen.amae.fusion"),
    ],
)
def test_the_nearest_key_is_named(conf, capsys, override, known):
    assert error(conf, capsys, "--set", override).endswith(f"; the nearest known is {known}")


@pytest.mark.parametrize("module", ["mixtures", "resample", "average_embeddings", "train_amae"])
@pytest.mark.parametrize(
    "override", ["nosuchkey=1", "nosuch.steps=1", "train.nosuch=1", "evaluate.seed=-1"]
)
def test_every_entry_point_refuses_what_the_check_refuses(conf, capsys, module, override):
    """Also for a YAML that it does not read."""
    expected = error(conf, capsys, "--set", override)
    needed = {"average_embeddings": ["--name=a"], "train_amae": ["--systems", "resunet"]}
    main = importlib.import_module(f"uss.bin.{module}").main
    with pytest.raises(SystemExit) as caught:
        main([*needed.get(module, []), f"--conf={conf}", "--set", override])
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"{expected}\n"


@pytest.mark.parametrize(
    "override",
    ["reference=baseline", "system_order=[baseline]", "figure2_systems=[resunet, baseline]"],
)
def test_a_system_of_evaluate_that_is_not_there(conf, capsys, override):
    key = override.partition("=")[0]
    message = error(conf, capsys, "--set", f"evaluate.{override}")
    assert f"evaluate.yaml: {key} names 'baseline'; conf/systems/ has: " in message


def test_a_bad_file(conf, capsys):
    path = conf / "mixtures.yaml"
    path.write_text(path.read_text() + "num_trian: 5\n")
    line = error(conf, capsys)
    assert line == f"{path}: unknown key num_trian; the nearest known one is num_train"
    path.write_text("seed: [\n")
    assert error(conf, capsys).startswith(f"{path}: not YAML")
    path.unlink()
    assert error(conf, capsys) == f"{path} is missing; correct it, or get it from the recipe"


def test_what_a_recipe_must_have(conf, capsys):
    shutil.rmtree(conf / "systems")
    assert error(conf, capsys).endswith("has no YAML file: a recipe needs a system")
    (conf.parent / "local" / "data_config.py").unlink()
    assert "data_config.py is missing" in error(conf, capsys)
