"""Mutated HDF5 files, everywhere that one is read: read as they are, or refused in one line.

MUTANTS=300 python -m pytest tests/mutants
"""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.mutants.hdf5 import mutate
from tests.mutants.verdict import verdict
from uss.bin import average_embeddings, cli
from uss.data.anchor_set import AnchorSet
from uss.data.averages import read_average_embeddings
from uss.data.feature_set import FeatureSet, feature_dir
from uss.data.packed import part_path, write_part
from uss.data.packed_clips import PackedClips
from uss.data.waveforms import WaveformSet
from uss.schema import System, SystemAmae
from uss.separation.model import Query
from uss.separation.queries import read_query, save_query

pytestmark = pytest.mark.slow

NUM = int(os.environ.get("MUTANTS", "20"))  # of each kind of file
SYSTEM = System(amae=SystemAmae(features="paper"))
LOADED = SimpleNamespace(query_size=12)
MODEL = SimpleNamespace(system=SYSTEM, panns_digest="0123", directory=Path("model"), loaded=LOADED)


def packed_clips(rng):
    names = np.array([f"Y{row:011d}.wav".encode() for row in range(20)], "S20")
    datasets = {"audio_name": list(map(bytes.decode, names.tolist()))}
    datasets["waveform"] = rng.integers(-999, 999, (20, 400)).astype(np.int16)
    datasets["target"] = rng.integers(0, 2, (20, 7)).astype(bool)
    return datasets


def averages(rng):
    return {
        "class_id": ["/m/0", "/m/1", "/m/2"],
        "class_name": ["A", "B", "C"],
        "embedding": rng.random((3, 12), np.float32),
        "probabilities": rng.random((3, 5), np.float32),
        "num_targets": np.array([2, 0, 4]),
    }


def write_waveforms(recipe, rng):
    path = part_path(recipe.data / "train" / "waveforms", 0)
    write_part(path, packed_clips(rng), sample_rate=8000)
    return path


def read_waveforms(path):
    clips = WaveformSet("data/train")
    assert clips.read(range(len(clips))).shape == (len(clips), clips.num_samples)
    assert clips.target.dtype == bool


def write_anchors(recipe, rng):
    return part_path(recipe.data / "train" / "anchors", 0)


def read_anchors(path):
    anchors = AnchorSet("data/train")
    assert anchors.signals(range(len(anchors))).dtype == np.float32
    average_embeddings.main(["--name", "a"])
    assert np.isfinite(read_average_embeddings("exp/a/average_embeddings.h5").embedding).all()


def write_features(recipe, rng):
    path = part_path(feature_dir(recipe.data, SYSTEM), 0)
    write_part(path, {"features": rng.random((9, 4, 8)).astype(np.float16)})
    return path


def read_features(path):
    features = FeatureSet("data", SYSTEM)
    assert features.read(range(len(features))).ndim == 3


def write_averages(recipe, rng):
    path = recipe.folder / "model" / "average_embeddings.h5"
    write_part(path, averages(rng), sample_rate=8000, segment_samples=16000)
    return path


def read_averages(path):
    cli.main(["classes", "--model", str(path.parent)])


def write_packed_clips(recipe, rng):
    path = recipe.folder / "packed.h5"
    write_part(path, packed_clips(rng), sample_rate=8000)
    return path


def read_packed_clips(path):
    clips = PackedClips(path)
    assert clips.targets(list(range(len(clips.names)))).dtype == bool
    for row in range(len(clips.names)):
        assert clips.waveform(row).dtype == np.int16


def write_query(recipe, rng):
    path = recipe.folder / "query.h5"
    save_query(MODEL, Query("bell", rng.random(12, np.float32), {}), path)
    return path


def read_saved_query(path):
    assert read_query(MODEL, path).values.ndim == 1


@pytest.mark.parametrize(
    "write, read",
    [
        (write_waveforms, read_waveforms),
        (write_anchors, read_anchors),
        (write_features, read_features),
        (write_averages, read_averages),
        (write_packed_clips, read_packed_clips),
        (write_query, read_saved_query),
    ],
    ids=["waveforms", "anchors", "features", "averages", "packed clips", "query"],
)
def test_a_mutant_is_read_or_refused(recipe, write, read):
    recipe.balanced()
    from uss.tables import Mixture, write_table

    anchors = AnchorSet("data/train").anchors
    mixtures = [Mixture(f"{n:03d}", anchors[n].anchor_id, anchors[0].anchor_id) for n in range(9)]
    write_table(recipe.data / "mixtures" / "query.csv", mixtures, Mixture)
    path = write(recipe, np.random.default_rng(0))
    whole = path.read_bytes()
    assert verdict(lambda: read(path)) == "ok"
    found, wrong = [], {}
    for seed in range(NUM):
        path.write_bytes(whole)
        how = mutate(path, seed)
        found.append(verdict(lambda: read(path)))
        if found[-1] not in ("ok", "refused"):
            wrong[seed, how] = found[-1]
    assert not wrong, "\n".join(f"{key}: {value[-1500:]}" for key, value in wrong.items())
    assert found.count("refused") > NUM // 4
