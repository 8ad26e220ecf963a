"""Stages 0 and 1 of egs/audioset: a local copy, packed files and a download give the same clips."""

import io
import os
import shutil

import h5py
import numpy as np
import pytest
import soundfile

from tests.helpers.audioset_recipe import CLASSES, RATE, Recipe
from tests.helpers.audioset_synthetic import waveform, write_audio, write_packed
from tests.helpers.web_server import Server
from uss.bin import resample
from uss.data.dataset import LABELLED_SPLITS
from uss.data.waveforms import WaveformSet
from uss.tables import Clip, Rejected, read_table

STAGE_1 = (f"resample.sample_rate={RATE}", "resample.clips_per_part=16")


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Recipe(tmp_path)


def pack_sources(recipe, rate=RATE):
    for name, rows in recipe.rows.items():
        there = {row.clip_id for row in rows}
        write_packed(recipe.data / "packed" / f"{name}.h5", rows, there, CLASSES, rate)


def stage_1(*overrides):
    options = [word for override in (*STAGE_1, *overrides) for word in ("--set", override)]
    resample.main(options)
    resample.main(["--merge", *options])


def tables():
    """What stage 0 says of each clip, but for where it is."""
    clips = {split: read_table(f"data/{split}/clips.csv", Clip) for split in LABELLED_SPLITS}
    return {split: [clip._replace(path="") for clip in rows] for split, rows in clips.items()}


def contents():
    """split -> names, targets, waveforms of all its packed clips."""
    result = {}
    for split in LABELLED_SPLITS:
        waveforms = WaveformSet(f"data/{split}")
        assert (waveforms.sample_rate, waveforms.num_samples) == (RATE, 10 * RATE)
        everything = range(len(waveforms))
        result[split] = (waveforms.names, waveforms.target.copy(), waveforms.read(everything))
    return result


@pytest.mark.slow
def test_the_three_ways_give_the_same_clips(recipe):
    write_audio(recipe.data / "audioset", recipe.all_rows, CLASSES, RATE)
    recipe.prepare()
    stage_1()
    expected, packed = tables(), contents()
    assert sum(len(names) for names, _, _ in packed.values()) == len(recipe.all_rows)
    shutil.rmtree("data/audioset")

    pack_sources(recipe)
    recipe.prepare("data.source=packed")
    stage_1()
    assert tables() == expected
    assert_same(contents(), packed)
    size = sum(path.stat().st_size for path in recipe.data.glob("*/waveforms/*.h5"))
    assert size < 0.1 * sum(path.stat().st_size for path in recipe.data.glob("packed/*.h5"))
    shutil.rmtree("data/packed")

    files = {row.clip_id: recording(row) for row in recipe.all_rows}
    with Server(files) as server:
        recipe.prepare(
            "data.source=download",
            "data.download.program=http",
            "data.download.seconds_between_requests=0",
            f"data.download.url={server.url('{id}')}",
        )
    stage_1()
    assert tables() == expected
    assert_same(contents(), packed)


def recording(row):
    content = io.BytesIO()
    silence = np.zeros(round(row.start_seconds * RATE), np.float32)
    samples = np.concatenate([silence, waveform(row, CLASSES, RATE)])
    soundfile.write(content, samples, RATE, format="WAV", subtype="PCM_16")
    return content.getvalue()


def assert_same(found, expected):
    for split in LABELLED_SPLITS:
        assert found[split][0] == expected[split][0]
        np.testing.assert_array_equal(found[split][1], expected[split][1])
        difference = np.abs(found[split][2].astype(int) - expected[split][2])
        assert difference.max() <= 2  # 16-bit steps: rounded once or twice


def test_rows_are_read_in_the_order_asked_for(recipe):
    pack_sources(recipe)
    recipe.prepare("data.source=packed")
    stage_1()
    train, row_of = WaveformSet("data/train"), {row.clip_id: row for row in recipe.all_rows}
    rows = [40, 3, 17, 3]
    for row, found in zip(rows, train.read(np.array(rows)), strict=True):
        expected = waveform(row_of[train.names[row]], CLASSES, RATE)
        np.testing.assert_allclose(found[: len(expected)] / 32767, expected, atol=1e-4)


def test_a_silent_row_is_rejected(recipe):
    pack_sources(recipe)
    with h5py.File("data/packed/eval_segments.h5", "a") as file:
        file["waveform"][4] = 0
        name = file["audio_name"][4].decode()
    recipe.prepare("data.source=packed")
    stage_1()
    (row,) = read_table("data/eval/rejected.csv", Rejected)
    assert (f"Y{row.clip_id}.wav", row.reason) == (name, "silent: -inf dBFS")
    assert len(WaveformSet("data/eval")) == 19


def test_packed_clips_at_another_rate(recipe):
    pack_sources(recipe, rate=2000)
    recipe.prepare("data.source=packed")
    with pytest.raises(
        ValueError, match="h5 holds 10 s at 2000 Hz, resample.yaml asks for 10 s at"
    ):
        stage_1()


@pytest.mark.slow
def test_packed_files_that_change(recipe, caplog):
    caplog.set_level("INFO")
    pack_sources(recipe)
    recipe.prepare("data.source=packed")
    stage_1()
    caplog.clear()
    stage_1()
    assert "run data/" not in caplog.text
    waveforms = WaveformSet("data/eval")
    stat = os.stat("data/packed/eval_segments.h5")
    os.utime("data/packed/eval_segments.h5", ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))
    with pytest.raises(ValueError, match="eval_segments.h5 is gone or changed since stage 1"):
        waveforms.read([0])
    stage_1()
    assert "run data/eval/waveforms/part_0000.h5: changed input: audio" in caplog.text
    WaveformSet("data/eval").read([0])
    with h5py.File("data/packed/eval_segments.h5", "a") as file:
        file["audio_name"][:] = np.flip(file["audio_name"][:])
    with pytest.raises(ValueError, match="is not clip .* any more; run stage 0 again"):
        stage_1()
