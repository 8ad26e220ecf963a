"""Files in, files out: rate, channels, length, subtype, sums."""

import json

import numpy as np
import pytest
import soundfile
import torch

from tests.separation.chirp import RATE, sound
from uss.model_store.loading import load_separator
from uss.separation import file_separation as files
from uss.separation.file_separation import Job, separate_file
from uss.separation.model import Model


def separate(model, path, folder, *classes, residual=True, **options):
    queries = [model.class_query(name) for name in classes]
    separate_file(model, Job(path, folder, queries, residual, **options), show_progress=False)
    return json.loads((folder / "separation.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("system", ["resunet", "at_soft", "updated"])
def test_a_segment_comes_out_as_stage_7_separates_it(experiment, system, write, tmp_path):
    model = Model(experiment / system)
    separator = load_separator(experiment / system).separator  # whose BatchNorms are not folded
    path = write("one.wav", sound(0.5), subtype="FLOAT")
    separate(model, path, tmp_path / "out", "class 0")
    mixture = torch.from_numpy(soundfile.read(path, dtype="float32")[0])[None]
    scale = mixture.abs().max()
    vector = torch.from_numpy(model.class_query("class 0").values)[None]
    with torch.inference_mode():
        expected = (separator(mixture / scale, vector) * scale)[0].numpy()
    found = soundfile.read(tmp_path / "out" / "one_class_0.wav", dtype="float32")[0]
    assert np.abs(found - expected).max() < 1e-6 and np.abs(expected).max() > 1e-3


@pytest.mark.parametrize(
    ("rate", "channels", "subtype", "name"),
    [
        (16000, 1, "PCM_16", "a.wav"),
        (8000, 1, "PCM_16", "a.flac"),
        (44100, 2, "PCM_24", "a.wav"),
        (192000, 1, "PCM_32", "a.wav"),
        (48000, 16, "FLOAT", "a.wav"),
        (32000, 1, "PCM_U8", "a.wav"),
        (44100, 2, "VORBIS", "a.ogg"),
    ],
)
def test_outputs_are_as_the_input_and_add_up_to_it(
    model, write, tmp_path, rate, channels, subtype, name
):
    path = write(name, sound(1.3, rate, channels), rate, subtype=subtype)
    before = soundfile.info(path)
    separate(model, path, tmp_path / "out", "class 0", "/m/1")
    total = 0
    outputs = sorted((tmp_path / "out").glob("*.wav"))
    assert [output.name for output in outputs] == [
        "a_class_0.wav",
        "a_class_1.wav",
        "a_residual.wav",
    ]
    for output in outputs:
        after = soundfile.info(output)
        for key in ("samplerate", "channels", "frames"):
            assert getattr(after, key) == getattr(before, key)
        assert after.subtype == (subtype if subtype in files_bits() else "FLOAT")
        waveform = soundfile.read(output, dtype="float64")[0]
        assert np.abs(waveform).max() > 0
        total = total + waveform
    error = np.abs(total - soundfile.read(path, dtype="float64")[0]).max()
    assert error == 0 if subtype in files_bits() else error < 1e-6


def files_bits():
    from uss.separation.audio_streams import BITS

    return BITS


def test_a_model_that_passes_through_gives_the_input_back(model, write, tmp_path, monkeypatch):
    def identity(self, windows, queries):
        return np.repeat(windows[:, None], queries.shape[1], axis=1)

    monkeypatch.setattr(Model, "separate_windows", identity)
    path = write("a.wav", sound(7.77, channels=3), subtype="PCM_16")
    separate(model, path, tmp_path / "out", "class 0")
    found, _ = soundfile.read(tmp_path / "out" / "a_class_0.wav", dtype="int16")
    assert np.array_equal(found, soundfile.read(path, dtype="int16")[0])
    assert not soundfile.read(tmp_path / "out" / "a_residual.wav", dtype="int16")[0].any()


def test_nothing_clips(model, write, tmp_path, monkeypatch):
    """Beyond full scale, an integer file goes on as a float one."""
    gains = iter([0.5, 0.5, 3.0, 0.5] + [0.5] * 50)

    def louder(self, windows, queries):
        return windows[:, None] * next(gains)

    monkeypatch.setattr(Model, "separate_windows", louder)
    loud = np.clip(3 * sound(3.0), -0.9, 0.9)
    record = separate(model, write("a.wav", loud), tmp_path / "out", "class 0")
    outputs = record["outputs"]
    assert (outputs["class 0"]["subtype"], outputs["residual"]["subtype"]) == ("FLOAT", "FLOAT")
    found, _ = soundfile.read(tmp_path / "out" / "a_class_0.wav")
    assert np.abs(found).max() > 1.2
    rest, _ = soundfile.read(tmp_path / "out" / "a_residual.wav")
    original, _ = soundfile.read(tmp_path / "a.wav")
    np.testing.assert_allclose(found + rest, original, atol=1e-6)


def test_level_does_not_matter_with_joint_normalisation(model, write, tmp_path):
    quiet = write("quiet.wav", sound(2) / 64, subtype="FLOAT")
    loud = write("loud.wav", sound(2), subtype="FLOAT")
    for path in (quiet, loud):
        separate(model, path, tmp_path / path.stem, "class 0", residual=False)
    found, _ = soundfile.read(tmp_path / "quiet" / "quiet_class_0.wav")
    expected, _ = soundfile.read(tmp_path / "loud" / "loud_class_0.wav")
    np.testing.assert_allclose(64 * found, expected, atol=1e-5)


def test_silence_costs_nothing(model, write, tmp_path, monkeypatch):
    passes = []
    separator = model.window_separator.separator
    masked = separator.masked
    monkeypatch.setattr(separator, "masked", lambda *inputs: passes.append(1) or masked(*inputs))
    path = write("a.wav", np.concatenate([np.zeros((20 * RATE, 1)), sound(0.5)]))
    record = separate(model, path, tmp_path / "out", "class 0", confidence=True)
    assert 1 <= len(passes) <= 3
    confidence = record["outputs"]["class 0"]["confidence"]
    assert len(confidence) == len(record["window_starts_seconds"])
    assert confidence[0] is None and -1 <= confidence[-1] <= 1
    assert not soundfile.read(tmp_path / "out" / "a_class_0.wav")[0][: 19 * RATE].any()


def test_memory_does_not_grow_with_the_length(model, write, tmp_path, monkeypatch):
    """What is held between input and outputs, for ten times the length."""
    held = []

    class Watched(files.Assembly):
        def give(self, piece):
            super().give(piece)
            held[-1] = max(held[-1], self._input.shape[1] + self._output.shape[1])

    monkeypatch.setattr(files, "Assembly", Watched)
    monkeypatch.setattr(Model, "separate_windows", lambda self, windows, queries: windows[:, None])
    for seconds in (20, 120):
        held.append(0)
        path = write(f"{seconds}.wav", np.full((seconds * 8000, 1), 0.1), 8000)
        separate(model, path, tmp_path / "out", "class 0")
    assert max(held) <= 2 * 4 * 8000  # a block and a window, on both sides


def test_a_record_says_what_was_done(model, write, tmp_path):
    record = separate(model, write("a.wav", sound(2)), tmp_path / "out", "class 0")
    assert record["window_seconds"] == 0.5
    assert record["window_starts_seconds"][:2] == [0, 0.3125]
    output = record["outputs"]["class 0"]
    assert output["query"] == {"kind": "class", "class_id": "/m/0"}
    assert record["outputs"]["residual"]["query"] is None
    assert record["audio"] == {"sample_rate": RATE, "channels": 1, "num_samples": 2 * RATE}
