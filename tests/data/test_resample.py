"""Stage 1: good and bad clips, the budget."""

import io
import logging

import numpy as np
import pytest
import soundfile

from tests.helpers.tiny_recipe import RATE, clip, tone
from uss import audio
from uss.bin import resample
from uss.data.waveforms import WaveformSet
from uss.files import read_facts
from uss.tables import Rejected, read_table


def run(*options):
    resample.main(list(options))
    resample.main(["--merge", *options])


def rejected(split="train"):
    return read_table(f"data/{split}/rejected.csv", Rejected)


def write_bad_clips(recipe, raw):
    """clip_id -> the reason for which it must be rejected."""
    audio.write_wav(raw / "short.wav", tone(0.7), RATE)
    audio.write_wav(raw / "silent.wav", np.zeros(RATE), RATE)
    audio.write_wav(raw / "faint.wav", tone(amplitude=1e-3), RATE)
    audio.write_wav(raw / "nan.wav", np.where(np.arange(RATE) == 9, np.nan, tone()), RATE)
    audio.write_wav(raw / "no_samples.wav", np.zeros(0), RATE)
    (raw / "empty.wav").write_bytes(b"")
    (raw / "text.wav").write_text("a web page, not a sound\n" * 50)
    soundfile.write(raw / "whole.flac", np.random.default_rng(0).uniform(-0.5, 0.5, RATE), RATE)
    whole = (raw / "whole.flac").read_bytes()
    (raw / "cut.flac").write_bytes(whole[: len(whole) // 2])
    rows = [
        clip(name, "/m/0") for name in ("short", "silent", "faint", "nan", "no_samples", "empty")
    ]
    rows += [clip("text"), clip("gone"), clip("cut", path=str(raw / "cut.flac"))]
    rows += [clip("late", path=str(raw / "train_good.wav"))._replace(start_seconds=5.0)]
    recipe.clips("train", clip("train_good", "/m/1"), *rows)
    return {
        "cut": "breaks off between 0.00 and 1.00 s (",
        "empty": "empty file",
        "faint": "silent: -63.0 dBFS",
        "gone": "missing",
        "late": "truncated: 0.00 s of 1.00 s",
        "nan": "a sample is not finite (NaN or infinite) at 0.001 s",
        "no_samples": "truncated: 0.00 s of 1.00 s",
        "short": "truncated: 0.70 s of 1.00 s",
        "silent": "silent: -inf dBFS",
        "text": "not audio (",
    }


def test_bad_clips_are_rejected_with_their_reason(recipe, raw):
    expected = write_bad_clips(recipe, raw)
    run("--set=resample.max_rejected_fraction=0.95")
    found = {row.clip_id: row.reason for row in rejected()}
    assert found.keys() == expected.keys()
    for clip_id, reason in expected.items():
        assert found[clip_id].startswith(reason), (clip_id, found[clip_id])
    assert WaveformSet("data/train").names == ["train_good"]
    assert WaveformSet("data/train").target.tolist() == [[False, True]]
    assert rejected("eval") == []


def test_what_the_system_refuses_is_not_rejected(recipe, raw):
    """It would be left out for ever: a part is not made again where its clips did not change."""
    bad = raw / "circle.wav"
    bad.symlink_to(bad)
    recipe.clips("train", clip("circle"), clip("train_good", "/m/1"))
    message = r"clip 'circle': .*symbolic links: 'data/raw/circle\.wav'; this is no fault of the"
    with pytest.raises(ValueError, match=message):
        resample.main([])
    assert not list(recipe.data.glob("*/waveforms/part_0000.h5*"))
    bad.unlink()
    audio.write_wav(bad, tone(), RATE)
    run()
    assert rejected() == []
    assert WaveformSet("data/train").names == ["circle", "train_good"]


def test_a_clip_whose_length_is_unknown(recipe, raw):
    """A FLAC file of unknown length, as a program writes it into a pipe."""
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(), RATE, format="FLAC")
    content = bytearray(buffer.getvalue())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    (raw / "train_good.wav").write_bytes(content)
    run()
    np.testing.assert_allclose(
        audio.from_int16(WaveformSet("data/train").read([0])[0]), tone(), atol=1e-4
    )


def test_the_budget(recipe, raw):
    write_bad_clips(recipe, raw)
    message = (
        r"data/train/rejected\.csv: 10 of 11 clips are rejected, such as 'cut' \(breaks off .*"
        r"resample\.max_rejected_fraction \(0\.9\)"
    )
    with pytest.raises(ValueError, match=message):
        run("--set=resample.max_rejected_fraction=0.9")
    assert len(rejected()) == 10  # the table is there to be read
    resample.main(["--merge", "--set=resample.max_rejected_fraction=0.91"])


def test_a_split_of_bad_clips_fails_on_any_budget(recipe, raw):
    recipe.clips("dev", clip("gone"))
    with pytest.raises(
        ValueError, match=r"dev/rejected\.csv: 1 of 1 clips are rejected, .*missing"
    ):
        run("--set=resample.max_rejected_fraction=1.0")


def test_another_rate_several_channels_and_other_formats(recipe, raw):
    stereo = np.stack([tone(1.2, 44100, 1000.0), 0.5 * tone(1.2, 44100, 1000.0)])
    soundfile.write(raw / "stereo.flac", stereo.T, 44100)
    recipe.clips("train", clip("stereo", "/m/0", str(raw / "stereo.flac")))
    run()
    packed = WaveformSet("data/train")
    assert (packed.sample_rate, packed.num_samples, len(packed)) == (RATE, RATE, 1)
    found = audio.from_int16(packed.read([0])[0])
    assert np.abs(found - 0.75 * tone(frequency=1000.0))[200:-200].max() < 2e-3


def test_a_stretch_of_a_file_padded_and_cut(recipe, raw):
    ramp = (np.arange(4 * RATE) / (4 * RATE)).astype(np.float32)
    audio.write_wav(raw / "long.wav", ramp, RATE)
    long = str(raw / "long.wav")
    recipe.clips(
        "train",
        clip("middle", path=long)._replace(start_seconds=2.0),
        clip("short", path=long, seconds=0.5)._replace(start_seconds=1.0),
        clip("too_long", path=long, seconds=3.0),
    )
    run()
    packed = WaveformSet("data/train")
    assert packed.names == ["middle", "short", "too_long"]
    middle, short, too_long = packed.read(range(3))
    np.testing.assert_array_equal(middle, audio.to_int16(ramp[2 * RATE : 3 * RATE]))
    np.testing.assert_array_equal(short[: RATE // 2], audio.to_int16(ramp[RATE : RATE * 3 // 2]))
    assert not short[RATE // 2 :].any()
    np.testing.assert_array_equal(too_long, audio.to_int16(ramp[:RATE]))


def test_a_little_less_than_announced_is_no_truncation(recipe, raw):
    audio.write_wav(raw / "train_good.wav", tone(0.8), RATE)
    run()
    assert rejected() == []


def test_overshoot_is_scaled_and_reported(recipe, raw, caplog):
    audio.write_wav(raw / "train_good.wav", tone(amplitude=2.0), RATE)
    caplog.set_level(logging.INFO)
    run()
    found = audio.from_int16(WaveformSet("data/train").read([0])[0])
    assert np.abs(found - tone(amplitude=1.0)).max() < 1e-3
    assert "train: 1 clips packed, 0 rejected, 1 scaled below full scale" in caplog.messages
    facts = read_facts("data/train/waveforms/part_0000.h5")
    assert facts["scaled_below_full_scale"] == ["train_good"]


def test_what_resampling_lifts_above_full_scale_is_scaled_and_does_not_wrap(recipe, raw):
    """A square wave at full scale in 16 bits: without its upper harmonics it overshoots."""
    square = np.sign(tone(rate=44100, frequency=1000.0)) * 32767 / 32768
    soundfile.write(raw / "train_good.wav", square, 44100, subtype="PCM_16")
    expected = audio.resample(square.astype(np.float32), 44100, RATE)
    peak = np.abs(expected).max()
    assert peak > 1.05
    run()
    found = audio.from_int16(WaveformSet("data/train").read([0])[0])
    np.testing.assert_allclose(found, expected / peak, atol=1e-4)
    facts = read_facts("data/train/waveforms/part_0000.h5")
    assert facts["scaled_below_full_scale"] == ["train_good"]


def test_missing_inputs_name_their_stage(recipe, raw):
    (recipe.data / "eval" / "clips.csv").unlink()
    with pytest.raises(ValueError, match="data/eval/clips.csv is missing; stage 0 writes it"):
        resample.main([])
    with pytest.raises(ValueError, match="waveforms has no parts; stage 1 writes them"):
        WaveformSet("data/eval")


def test_a_bug_is_not_a_rejection(recipe, raw, monkeypatch):
    def broken(*arguments):
        raise KeyError("bug")

    monkeypatch.setattr(audio, "resample", broken)
    with pytest.raises(KeyError):
        resample.main([])
    assert not list(recipe.data.glob("*/waveforms/*"))
