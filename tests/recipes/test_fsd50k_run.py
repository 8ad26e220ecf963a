"""egs/fsd50k through all stages: a synthetic FSD50K from a local server, small networks."""

import hashlib
import json

import pytest

from tests.helpers.recipe_runs import copy_recipe, run
from tests.helpers.web_server import Server
from uss.data.dataset import Dataset
from uss.labels import audioset_ancestors
from uss.layout import LISTS
from uss.tables import Anchor, Mixture, Result, read_table

pytestmark = pytest.mark.slow

SMALL = [
    "data.source=download",
    "resample.clip_seconds=2.0",
    "resample.clips_per_part=40",
    "pretrained.sound_event_detector=null",
    "pretrained.query_encoder=null",
    "pretrained.audio_mae=null",
    "anchors.method=loudest",
    "detector.model.channels=[4, 4, 8, 8, 8, 16]",
    "detector.training.steps=2",
    "detector.training.batch_size=4",
    "detector.training.threads=1",
    "mixtures.num_train=16",
    "mixtures.num_query_per_class=2",
    "mixtures.num_dev_per_class=1",
    "mixtures.num_eval_per_class=2",
    "amae.model.width=64",
    "amae.model.depth=1",
    "amae.model.heads=2",
    "amae.model.decoder_width=32",
    "amae.model.decoder_depth=1",
    "amae.model.decoder_heads=2",
    "amae.model.mean=null",
    "amae.model.std=null",
    "amae.training.steps=2",
    "amae.training.batch_size=4",
    "amae.training.threads=1",
    "train.steps=4",
    "train.batch_size=4",
    "train.threads=1",
    "train.warmup_steps=0",
    "evaluate.num_draws=50",
    *(f"{system}.channels=[4, 4, 4, 4, 4, 4]" for system in ("resunet_joint", "mae_film")),
]
NUM_PER_CLASS = {"query": 2, "dev": 1, "eval": 2}


@pytest.fixture
def recipe(published_fsd50k, make_once, monkeypatch):
    """After all stages; the working directory."""
    made = make_once("fsd50k", lambda folder: download_and_run(published_fsd50k, folder))
    monkeypatch.chdir(made / "egs" / "fsd50k")
    return made / "egs" / "fsd50k"


def download_and_run(published, folder):
    recipe = copy_recipe("fsd50k", folder)
    files = {path.name: path.read_bytes() for path in published.files}
    with Server(dict(files)) as server:
        described = [
            {
                "key": name,
                "size": len(content),
                "checksum": f"md5:{hashlib.md5(content).hexdigest()}",
                "links": {"self": server.url(name)},
            }
            for name, content in files.items()
        ]
        server.files["record"] = json.dumps({"files": described}).encode()
        run(recipe, "--nj", "1", overrides=[*SMALL, f"data.record={server.url('record')}"])


def test_every_stage_leaves_its_results(recipe):
    systems = (recipe / "conf" / "default_systems").read_text().split()
    results = read_table("exp/default/results.csv", Result)
    num_mixtures = len(read_table("data/mixtures/eval.csv", Mixture))
    assert num_mixtures == NUM_PER_CLASS["eval"] * len({row.class_id for row in results})
    for system in systems:
        assert sum(row.system == system for row in results) == 2 * num_mixtures  # two embeddings
    for name in ("table1.md", "figure2.pdf", "index.html", "RESULTS.md"):
        assert (recipe / "exp" / "default" / name).stat().st_size > 0


def test_no_mixture_holds_a_class_and_one_above_it(recipe):
    dataset, ancestors = Dataset(), audioset_ancestors()
    num_mixtures = 0
    for name in ("train", *NUM_PER_CLASS):
        split = LISTS[name].split
        anchors = {a.anchor_id: a for a in read_table(f"data/{split}/anchors.csv", Anchor)}
        labels = dataset.clip_labels(split)
        for row in read_table(f"data/mixtures/{name}.csv", Mixture):
            target = anchors[row.target_anchor].class_id
            others = labels[anchors[row.interferer_anchor].clip_id]
            related = {target} | ancestors[target]
            assert not others & related
            assert not any(target in ancestors[other] for other in others)
            num_mixtures += 1
    assert num_mixtures > 30


def test_short_clips_are_padded_and_long_ones_divided(published_fsd50k, recipe):
    seconds = {clip.fname: clip.seconds for clip in published_fsd50k.clips}
    clips = [clip for split in ("train", "dev", "eval") for clip in Dataset().clips(split)]
    assert min(clip.duration_seconds for clip in clips) < 1.0
    assert len(clips) > len(seconds)  # some are longer than clip_seconds
    total = sum(clip.duration_seconds for clip in clips)
    assert total >= sum(seconds.values()) - 0.01
