"""Names of before are refused, with the name of today."""

import shutil
from pathlib import Path

import pytest

from uss.config import load
from uss.model_store.config_file import SeparatorFacts, read_config_file, section
from uss.recipe_config import check_overrides
from uss.renamed import refuse_old_file
from uss.schema import Detector

CONF = Path(__file__).parents[2] / "egs" / "mini" / "conf"


def test_an_old_file(tmp_path):
    shutil.copyfile(CONF / "detector.yaml", tmp_path / "tagger.yaml")
    with pytest.raises(ValueError, match=r"tagger\.yaml is called .*detector\.yaml now; rename"):
        load(tmp_path, "detector", Detector)
    (tmp_path / "tagger.yaml").rename(tmp_path / "detector.yaml")
    load(tmp_path, "detector", Detector)


def test_an_old_model_directory(tmp_path):
    (tmp_path / "tagger").mkdir()
    with pytest.raises(ValueError, match="rename it: mv .*/tagger .*/detector"):
        refuse_old_file(tmp_path / "detector")
    (tmp_path / "detector").mkdir()
    refuse_old_file(tmp_path / "detector")


def test_an_old_override(tmp_path):
    with pytest.raises(ValueError, match=r"write detector\.training\.steps=3"):
        check_overrides(tmp_path, ["tagger.training.steps=3"])


def test_an_old_key_of_a_model_directory(tmp_path):
    config = {"facts": {"sample_rate": 8000, "condition_size": 4}}
    with pytest.raises(ValueError, match="condition_size is called query_size now"):
        section(SeparatorFacts, config, tmp_path / "config.yaml", "facts")


def test_an_old_kind_of_a_model_directory(tmp_path):
    (tmp_path / "config.yaml").write_text("kind: tagger\n")
    with pytest.raises(ValueError, match="kind tagger is called detector now: write kind: det"):
        read_config_file(tmp_path / "config.yaml")
