"""Stage 1: parts, shards, and a second run."""

import hashlib
import logging

import numpy as np
import pytest

from tests.helpers.tiny_recipe import RATE, clip, run_without_torch, tone
from uss import audio
from uss.bin import resample
from uss.data.waveforms import WaveformSet
from uss.tables import Rejected, read_table


def run(*options):
    resample.main(list(options))
    resample.main(["--merge", *options])


def digests(recipe):
    return {
        str(path.relative_to(recipe.data)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(recipe.data.glob("*/waveforms/*.h5"))
    }


@pytest.fixture
def many(recipe, raw):
    """Eight clips for training, three a part; two of them bad, in different parts."""
    clips = []
    for number in range(8):
        path = raw / f"n{number}.wav"
        if number not in (2, 5):
            rate = (RATE, 44100)[number % 2]
            noise = np.random.default_rng(number).uniform(-0.5, 0.5, rate)
            audio.write_wav(path, noise, rate)
        clips.append(clip(f"-{number}_x", f"/m/{number % 2}", str(path)))
    recipe.clips("train", *clips)
    recipe.clips("unlabelled", clip("unlabelled_good", path="data/raw/train_good.wav"))
    return recipe


BUDGET = "--set=resample.max_rejected_fraction=0.5"


def test_parts_do_not_depend_on_the_number_of_shards(many, monkeypatch):
    run(BUDGET)
    alone = digests(many)
    assert list(alone) == [
        "dev/waveforms/part_0000.h5",
        "eval/waveforms/part_0000.h5",
        "train/waveforms/part_0000.h5",
        "train/waveforms/part_0001.h5",
        "train/waveforms/part_0002.h5",
        "unlabelled/waveforms/part_0000.h5",
    ]
    assert WaveformSet("data/train").names == [f"-{number}_x" for number in (0, 1, 3, 4, 6, 7)]
    for path in many.data.glob("*/waveforms/*"):
        path.unlink()
    monkeypatch.setenv("NUM_SHARDS", "3")
    written = []
    for shard in (3, 1, 2):
        monkeypatch.setenv("SHARD", str(shard))
        resample.main([BUDGET])
        written.append(len(digests(many)))
    assert written == [2, 4, 6]
    assert digests(many) == alone


def test_merge_needs_every_part(many, monkeypatch):
    monkeypatch.setenv("NUM_SHARDS", "2")
    monkeypatch.setenv("SHARD", "1")
    resample.main([])
    with pytest.raises(ValueError, match=r"part_000\d\.h5: not there yet; stage 1 writes"):
        resample.main(["--merge"])


def test_merge_takes_no_part_that_was_cut_or_made_of_other_clips(many):
    run(BUDGET)
    part = many.data / "train" / "waveforms" / "part_0001.h5"
    whole = part.read_bytes()
    part.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="part_0001.h5: the file is not the one that was written"):
        resample.main([BUDGET, "--merge"])
    run(BUDGET)
    assert part.read_bytes() == whole
    table = many.data / "train" / "clips.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(lines[:-1]))
    with pytest.raises(
        ValueError, match=r"part_000\d.h5: changed input: audio, clips; stage 1 writes"
    ):
        resample.main([BUDGET, "--merge"])


def messages(caplog, *options):
    caplog.clear()
    caplog.set_level(logging.INFO)
    resample.main([BUDGET, *options])
    return caplog.messages


def test_a_second_run_does_nothing_and_says_why(many, caplog):
    run(BUDGET)
    before = {path: path.stat().st_mtime_ns for path in many.data.rglob("*") if path.is_file()}
    found = messages(caplog)
    assert len(found) == 6
    assert all(": unchanged since " in message for message in found)
    assert messages(caplog, "--set=resample.max_rejected_fraction=0.9") == found
    resample.main(["--merge", BUDGET])
    assert before == {
        path: path.stat().st_mtime_ns for path in many.data.rglob("*") if path.is_file()
    }


def test_a_second_run_imports_no_torch(many):
    run(BUDGET)
    assert run_without_torch("resample", BUDGET).count("unchanged since") == 6
    run_without_torch("resample", "--merge", BUDGET)


def test_only_what_changed_runs_again(many, caplog):
    run(BUDGET)

    def rerun(*options):
        return [message for message in messages(caplog, *options) if message.startswith("run ")]

    audio.write_wav(many.data / "raw" / "n4.wav", tone(amplitude=0.1), RATE)
    assert rerun() == ["run data/train/waveforms/part_0001.h5: changed input: audio"]
    many.clips("dev", clip("dev_good", "/m/0"))
    assert rerun() == ["run data/dev/waveforms/part_0000.h5: changed input: clips"]
    assert WaveformSet("data/dev").target.tolist() == [[True, False]]
    (many.data / "eval" / "waveforms" / "part_0000.h5").unlink()
    assert rerun() == ["run data/eval/waveforms/part_0000.h5: not there yet"]
    quieter = rerun("--set=resample.silence_dbfs=-70")
    assert len(quieter) == 6
    assert "changed setting: silence_dbfs (-60.0 -> -70.0)" in quieter[0]


def test_a_clip_that_appears_is_packed(many, caplog):
    """A missing file is remembered as missing, and looked for again."""
    run(BUDGET)
    audio.write_wav(many.data / "raw" / "n2.wav", tone(), RATE)
    run(BUDGET)
    assert [row.clip_id for row in read_table("data/train/rejected.csv", Rejected)] == ["-5_x"]
    assert "-2_x" in WaveformSet("data/train").names


def test_parts_that_are_too_many_are_removed(many, caplog):
    run(BUDGET)
    many.clips("train", clip("train_good", "/m/1"))
    caplog.set_level(logging.INFO)
    run(BUDGET)
    assert WaveformSet("data/train").names == ["train_good"]
    assert sum("the split has fewer parts now" in message for message in caplog.messages) == 2
