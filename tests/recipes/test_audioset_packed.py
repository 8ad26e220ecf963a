"""Stage 0 of egs/audioset: packed files, used in place."""

import os

import h5py
import numpy as np
import pytest

from tests.helpers.audioset_copy import all_clips, clips, touch_all
from tests.helpers.audioset_recipe import CLASSES, RATE, Recipe
from tests.helpers.audioset_synthetic import write_packed
from uss.bin.check_data import check
from uss.data.dataset import LABELLED_SPLITS, Dataset
from uss.tables import PackedRow, Surplus, read_table


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Recipe(tmp_path)


def pack(recipe, but=()):
    for name, rows in recipe.rows.items():
        there = {row.clip_id for row in rows} - set(but)
        write_packed(recipe.data / "packed" / f"{name}.h5", rows, there, CLASSES, RATE, seconds=1.0)


def test_packed_files_in_place(recipe):
    gone = {row.clip_id for row in recipe.all_rows[5:15]}
    pack(recipe, but=gone)
    with h5py.File("data/packed/eval_segments.h5", "a") as file:
        file["audio_name"][0] = b"Y00000000000.wav"
        file["audio_name"][2] = file["audio_name"][1]
    recipe.prepare("data.source=packed")
    gone |= {recipe.rows["eval_segments"][number].clip_id for number in (0, 2)}
    assert all_clips().keys() == {row.clip_id for row in recipe.all_rows} - gone
    for split in LABELLED_SPLITS:
        rows = {row.clip_id: row.row for row in read_table(f"data/{split}/packed.csv", PackedRow)}
        assert rows.keys() == clips(split).keys()
        for clip_id, clip in clips(split).items():
            with h5py.File(clip.path) as file:
                assert file["audio_name"][rows[clip_id]].decode() == f"Y{clip_id}.wav"
    reasons = [row.reason for row in read_table("data/surplus.csv", Surplus)]
    assert reasons == [
        "the lists do not name the clip",
        "the clip is row 1 of data/packed/eval_segments.h5",
    ]
    check(Dataset())
    touch_all(recipe)
    recipe.prepare()
    assert not list(recipe.data.glob("*/packed.csv"))


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def without_targets(path):
    with h5py.File(path, "a") as file:
        del file["target"]


def as_float(path):
    with h5py.File(path, "a") as file:
        waveform = file["waveform"][:].astype(np.float32)
        del file["waveform"]
        file["waveform"] = waveform


def other_class_order(path):
    with h5py.File(path, "a") as file:
        file["target"][:] = np.roll(file["target"][:], 1, axis=1)


def unequal(path):
    with h5py.File(path, "a") as file:
        names = file["audio_name"][:-1]
        del file["audio_name"]
        file["audio_name"] = names


@pytest.mark.parametrize(
    "damage, message",
    [
        (cut, "broken: it does not open"),
        (lambda path: path.write_text("<html>"), "broken, or no HDF5 file"),
        (without_targets, "lacks target; expected a waveform file"),
        (as_float, r"waveform is float32 \(20, 4000\), expected int16"),
        (other_class_order, "row 0, Y.*: the target has other classes"),
        (unequal, "its datasets differ in length"),
    ],
)
def test_a_packed_file_that_cannot_be_used(recipe, damage, message):
    pack(recipe)
    damage(recipe.data / "packed" / "eval_segments.h5")
    with pytest.raises(ValueError, match=f"data/packed/eval_segments.h5.*{message}"):
        recipe.prepare("data.source=packed")
