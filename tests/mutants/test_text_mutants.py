"""Mutated tables and YAML: read as they are, or refused in one line.

MUTANTS=300 python -m pytest tests/mutants
"""

import os
import shutil
from functools import partial

import pytest

from egs.audioset.local import segments
from egs.debian_sounds.local import packages, recordings
from tests.helpers.audioset_recipe import CLASSES
from tests.helpers.debian_recipe import ROOT
from tests.helpers.tiny_recipe import Recipe
from tests.mutants.text import VALUES, mutate_table, mutate_yaml
from tests.mutants.verdict import verdict
from uss.bin import check_config, check_data, mixtures
from uss.recipe_config import FILES, check
from uss.tables import Anchor, ClassPair, ClassRow, Clip, Event, read_table, write_table

pytestmark = pytest.mark.slow

NUM = int(os.environ.get("MUTANTS", "20"))  # of each table and YAML


def set_up(recipe: Recipe) -> None:
    recipe.balanced()
    recipe.conf("anchors")
    recipe.conf("mixtures", num_train=20, num_query_per_class=2, num_dev_per_class=2)
    events = [
        Event(f"e{row:02d}", clip.clip_id, clip.labels.split()[0], 0.25, 0.5, f"g{row}")
        for row, clip in enumerate(read_table("data/dev/clips.csv", Clip))
    ]
    write_table(recipe.data / "dev" / "events.csv", events, Event)
    pair = ClassPair("p", "/m/1", "/m/3")
    write_table(recipe.data / "forbidden_pairs.csv", [pair, pair._replace(pair_id="q")], ClassPair)
    for name in ("debian_sounds", "packages"):
        content = (ROOT / "egs/debian_sounds/local" / f"{name}.csv").read_text().splitlines()
        (recipe.data / f"{name}.csv").write_text("\n".join(content[:9]) + "\n")
    rows = [
        f"{n:011d}, {n}.000, {n + 10}.000, {','.join(CLASSES.ids[n : n + 2])}" for n in range(9)
    ]
    rows = [f'{row.rpartition(" ")[0]} "{row.rpartition(" ")[2]}"' for row in rows]
    header = ["# Segments", "# num_ytids=9, num_segs=9", "# YTID, start_seconds"]
    (recipe.data / "segments.csv").write_text("\n".join([*header, *rows]) + "\n")


def stage_0():
    check_data.main([])


def stage_3():
    shutil.rmtree("data/mixtures", ignore_errors=True)
    mixtures.main([])


def audiosets_list():
    segments.read_segments([segments.Path("data/segments.csv")], CLASSES)


def debians_list():
    for row in recordings.read_listed("data/debian_sounds.csv"):
        assert isinstance(row.benchmark, bool)


def debians_packages():
    packages.read_packages("data/packages.csv")


@pytest.mark.parametrize(
    "table, cls, read",
    [
        ("classes.csv", ClassRow, stage_0),
        ("dev/clips.csv", Clip, stage_0),
        ("dev/events.csv", Event, stage_0),
        ("forbidden_pairs.csv", ClassPair, stage_0),
        ("train/anchors.csv", Anchor, stage_3),
        ("segments.csv", None, audiosets_list),
        ("debian_sounds.csv", None, debians_list),
        ("packages.csv", None, debians_packages),
    ],
)
def test_a_mutated_table(recipe, table, cls, read):
    set_up(recipe)
    path = recipe.data / table
    whole = path.read_bytes()
    rows = cls and read_table(path, cls)
    assert verdict(read) == "ok"
    found, wrong = [], {}
    for seed in range(NUM):
        content, how = mutate_table(whole, seed)
        path.write_bytes(content)
        found.append(verdict(read))
        if found[-1] not in ("ok", "refused"):
            wrong[seed, how] = found[-1]
        elif how.startswith("same") and cls and read_table(path, cls) != rows:
            wrong[seed, how] = "read as something else"
    assert not wrong, "\n".join(f"{key}: {value[-1500:]}" for key, value in wrong.items())
    assert found.count("refused") > NUM // 4


@pytest.fixture
def conf(tmp_path):
    shutil.copytree(ROOT / "egs/mini/conf", tmp_path / "conf")
    (tmp_path / "local").mkdir()
    shutil.copy(ROOT / "egs/mini/local/data_config.py", tmp_path / "local")
    return tmp_path / "conf"


@pytest.mark.parametrize("name", ["data", *FILES, "systems/mae_frozen"])
def test_a_mutated_yaml(conf, name):
    path = conf / f"{name}.yaml"
    whole = path.read_bytes()
    values = check(conf, [])
    wrong = {}
    for seed in range(NUM // 4):
        content, how = mutate_yaml(whole, seed)
        path.write_bytes(content)
        found = verdict(lambda: check_config.main([f"--conf={conf}"]))
        if found not in ("ok", "refused"):
            wrong[seed, how] = found
        elif how.startswith("same") and check(conf, []) != values:
            wrong[seed, how] = "read as something else"
    assert not wrong, "\n".join(f"{key}: {value[-1500:]}" for key, value in wrong.items())


def test_overrides_of_all_sorts(conf):
    wrong = {}
    for value in VALUES:
        for key in ("train.steps", "train.betas", "mae_frozen.query", "pretrained.audio_mae"):
            word = f"{key}={value}".replace("\0", "")
            found = verdict(partial(check_config.main, [f"--conf={conf}", "--set", word]))
            if found not in ("ok", "refused"):
                wrong[word[:99]] = found[-1500:]
    assert not wrong, wrong
