"""Stage 0 of egs/audioset by download: each kind of trouble that a server makes, on 127.0.0.1."""

import io
import logging
import os
import re
import sys

import numpy as np
import pytest
import soundfile

from egs.audioset.local import download_plan
from egs.audioset.local.segments import read_segments
from tests.helpers.audioset_recipe import CLASSES, RATE, Recipe, found, unavailable
from tests.helpers.audioset_synthetic import waveform
from tests.helpers.small_disk import mounted
from tests.helpers.web_server import Server
from tests.helpers.yt_dlp_program import MESSAGES, YT_DLP
from uss.data.dataset import LABELLED_SPLITS
from uss.tables import Missing, read_table

FAST = (
    "data.source=download",
    "data.download.program=http",
    "data.download.seconds_between_requests=0",
    "data.download.backoff_seconds=0.01",
    "data.download.timeout_seconds=2",
)


def recording(row):
    """A whole recording, noise before and after the segment."""
    noise = np.random.default_rng(0).normal(0, 0.1, RATE // 2).astype(np.float32)
    before = np.resize(noise, round(row.start_seconds * RATE))
    content = io.BytesIO()
    samples = np.concatenate([before, waveform(row, CLASSES, RATE), noise])
    soundfile.write(content, samples, RATE, format="WAV", subtype="PCM_16")
    return content.getvalue()


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    rows = Recipe(tmp_path_factory.mktemp("recordings") / "recipe").all_rows
    return {row.clip_id: recording(row) for row in rows}


@pytest.fixture
def server(recordings):
    with Server(dict(recordings)) as server:
        yield server


@pytest.fixture
def recipe(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.chdir(tmp_path)
    return Recipe(tmp_path)


def download(recipe, server, *overrides):
    recipe.prepare(*FAST, f"data.download.url={server.url('{id}')}", *overrides)


def left_over():
    return sorted(os.listdir("data/raw")) if os.path.exists("data/raw") else []


def test_every_clip_is_cut_to_its_seconds(recipe, server, caplog):
    download(recipe, server)
    clips = found()
    assert clips.keys() == {row.clip_id for row in recipe.all_rows}
    for row in recipe.all_rows[:8]:
        samples, rate = soundfile.read(clips[row.clip_id].path, dtype="float32")
        assert rate == RATE and len(samples) == round(row.seconds * RATE)
        np.testing.assert_allclose(samples, waveform(row, CLASSES, RATE), atol=1e-4)
    hyphen = next(row.clip_id for row in recipe.all_rows if row.clip_id.startswith("-"))
    assert clips[hyphen].path == f"data/raw/{'balanced_train_segments'}/Y{hyphen}.flac"
    assert unavailable() == {} and "download of 80 clips: at most 0.1 GB in data/raw" in caplog.text
    assert server.most_at_a_time > 1
    assert {count for count in server.num_requests.values()} == {1}

    caplog.clear()
    download(recipe, server)
    assert sum(server.num_requests.values()) == 80
    assert "eval: 0 clips to download, 20 are there, 0 are given up" in caplog.text
    assert caplog.text.count("skip data/") == 4


BAD_CLIPS = {  # kinds of the server's answers -> the record
    "404*": ("gone", 1, "HTTP 404 Not Found"),
    "410*": ("gone", 1, "HTTP 410 Gone"),
    "403*": ("gone", 1, "HTTP 403 Forbidden"),
    "500*": ("failed", 2, "HTTP 500 Internal Server Error"),
    "html*": ("failed", 2, "a web page instead of the file"),
    "page*": ("failed", 2, "a web page instead of the file"),
    "login*": ("failed", 2, "a web page instead of the file"),
    "short*": ("failed", 2, "truncated: "),  # the header tells of the whole
    "truncate*": ("failed", 2, "truncated: "),
    "stall*": ("failed", 2, "no answer within 1 s"),
    "drip*": ("failed", 2, "too slow"),
}


def sound_file(samples, rate, **options):
    content = io.BytesIO()
    soundfile.write(content, samples, rate, **options)
    return content.getvalue()


BAD_FILES = {  # what the server sends -> the record
    b"": ("failed", 2, "empty file"),
    b"not a sound " * 99: ("failed", 2, "not audio ("),
    sound_file(np.full(200000, np.nan), 8000, format="WAV", subtype="FLOAT"): (
        *("failed", 2),
        "a sample is not finite (NaN or infinite)",
    ),
    sound_file(np.zeros(2 * 10**7, np.uint8).view(np.int16), 800000, format="WAV"): (
        *("failed", 2),
        "no FLAC at 800000 Hz (",
    ),
}


@pytest.mark.slow
def test_bad_clips_are_recorded_and_not_tried_for_ever(recipe, server, caplog):
    ids = [row.clip_id for row in recipe.all_rows]
    bad = dict(zip(ids, BAD_CLIPS, strict=False))
    server.trouble = {clip_id: [kind] for clip_id, kind in bad.items()}
    server.trouble["login"] = ["html*"]
    expected = {clip_id: BAD_CLIPS[kind] for clip_id, kind in bad.items()}
    for clip_id, content in zip(ids[len(bad) :], BAD_FILES, strict=False):
        server.files[clip_id] = content
        expected[clip_id] = BAD_FILES[content]
    options = ("data.download.max_attempts=2", "data.download.timeout_seconds=1")
    download(recipe, server, *options)
    record = unavailable()
    assert record.keys() == expected.keys()
    for clip_id, (kind, num_attempts, reason) in expected.items():
        assert record[clip_id][:2] == (kind, num_attempts), record[clip_id]
        assert record[clip_id][2].startswith(reason)
        assert server.num_requests[clip_id] == num_attempts
    assert found().keys() == set(ids) - expected.keys()
    missing = [
        row for split in LABELLED_SPLITS for row in read_table(f"data/{split}/missing.csv", Missing)
    ]
    assert {row.clip_id: row.reason.partition(": ")[2] for row in missing} == {
        clip_id: reason for clip_id, (_, _, reason) in record.items()
    }
    assert left_over() == [".partial", "balanced_train_segments", "eval_segments"]
    assert not os.listdir("data/raw/.partial")
    assert re.search(r"\d+ failed \(reasons: data/train/unavailable.csv\)", caplog.text)

    before = server.num_requests.copy()
    download(recipe, server, *options)
    assert server.num_requests == before
    (recipe.data / "train" / "unavailable.csv").unlink()
    server.trouble.clear()
    download(recipe, server, *options)
    assert expected.keys() - found().keys() == {
        clip_id for clip_id in expected if clip_id in unavailable()
    }


def test_passing_trouble_leaves_no_trace(recipe, server):
    ids = [row.clip_id for row in recipe.all_rows]
    passing = (["500"], ["html"], ["truncate"], ["short"], ["429"], ["503", "500"], ["429", "429"])
    server.trouble = dict(zip(ids, map(list, passing), strict=False))
    download(recipe, server)
    assert found().keys() == set(ids) and unavailable() == {}
    assert [server.num_requests[clip_id] for clip_id in ids[:8]] == [2, 2, 2, 2, 2, 3, 3, 1]


def test_a_server_that_is_down_stops_the_run(recipe, server, caplog):
    half = [row.clip_id for row in recipe.all_rows][40:]
    server.trouble = {clip_id: ["429*"] for clip_id in half}
    with pytest.raises(
        ValueError, match="10 downloads failed in a row, the last one with 'HTTP 429"
    ):
        download(recipe, server, "data.download.max_failures_in_a_row=10")
    assert unavailable() == {}  # no clip's fault
    num_there = len(list(recipe.data.glob("raw/*/*.flac")))
    assert 0 < num_there <= 40
    assert "pause of 0 s after: HTTP 429" in caplog.text

    server.trouble.clear()
    before = sum(server.num_requests.values())
    (recipe.data / "raw" / ".partial" / "of a killed run").mkdir()
    download(recipe, server)
    assert len(found()) == 80 and not os.listdir("data/raw/.partial")
    assert sum(server.num_requests.values()) - before == 80 - num_there


def test_a_mirror_that_is_down_for_every_clip(recipe, server, caplog):
    files, server.files = server.files, {}
    with pytest.raises(ValueError, match="30 downloads failed in a row, .* 404 .* server is at"):
        download(recipe, server, "data.download.max_failures_in_a_row=30")
    assert unavailable() == {}
    server.files = {clip_id: files[clip_id] for clip_id in list(files)[::2]}
    download(recipe, server)
    assert found().keys() == server.files.keys()
    assert unavailable().keys() == files.keys() - server.files.keys()


def test_one_clip_that_cannot_be_written(recipe, server):
    """A folder stands where its file should: the others are downloaded."""
    row = recipe.rows["eval_segments"][4]
    (recipe.data / "raw" / "eval_segments" / f"Y{row.clip_id}.flac" / "x").mkdir(parents=True)
    download(recipe, server)
    kind, num_attempts, reason = unavailable()[row.clip_id]
    assert (kind, num_attempts) == ("failed", 3) and reason.startswith("not written ([Errno 21]")
    assert len(found()) == 79


def test_a_disk_that_fills_up(recipe, server):
    rows = recipe.rows["eval_segments"][:6]
    path = recipe.data / "segments" / "eval_segments.csv"
    segments = read_segments([path], CLASSES)[:6]
    config = recipe.config(*FAST, f"data.download.url={server.url('{id}')}").download
    files = {row.clip_id: server.files[row.clip_id] for row in rows}
    server.files[segments[1].clip_id] = bytes(20_000_000)
    with mounted(recipe.data / "raw", "-t", "tmpfs", "-o", "size=8m", "none"):
        with pytest.raises(OSError, match="No space left on device"):
            download_plan.download({"eval": segments}, recipe.data, config)
    assert unavailable() == {}
    server.files |= files
    download_plan.download({"eval": segments}, recipe.data, config)
    assert len(list(recipe.data.glob("raw/eval_segments/*.flac"))) == 6


def test_no_server_at_all(recipe, server, caplog):
    url = server.url("{id}").replace("127.0.0.1", "127.0.0.2")
    with pytest.raises(ValueError, match="6 downloads failed in a row, .*no connection"):
        recipe.prepare(*FAST, f"data.download.url={url}", "data.download.max_failures_in_a_row=6")
    record = unavailable()
    assert {(kind, num_attempts) for kind, num_attempts, _ in record.values()} <= {
        ("failed", 1),
        ("failed", 2),
    }


def test_a_disk_that_is_too_small(recipe, server, monkeypatch):
    usage = type("Usage", (), {"free": 10_000_000})
    monkeypatch.setattr(download_plan.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(
        ValueError, match="may take 0.1 GB, but data/raw has 0.0 GB left: make data"
    ):
        download(recipe, server)
    assert sum(server.num_requests.values()) == 0


def test_yt_dlp_is_called_and_its_errors_are_understood(recipe, server, tmp_path, monkeypatch):
    programs = tmp_path / "programs"
    programs.mkdir()
    log = tmp_path / "calls"
    script = YT_DLP.format(python=f"{sys.executable} -S", log=str(log), messages=MESSAGES)
    for name, content in (("yt-dlp", script), ("ffmpeg", "#!/bin/sh\n")):
        (programs / name).write_text(content)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    rows = recipe.rows["eval_segments"][:6]
    for row in rows:
        content = io.BytesIO()
        soundfile.write(content, waveform(row, CLASSES, RATE), RATE, format="WAV")
        server.files[row.clip_id] = content.getvalue()
    ids = [row.clip_id for row in rows]
    server.trouble = {ids[0]: ["404*"], ids[1]: ["403*"], ids[2]: ["500*"], ids[3]: ["429"]}
    segments = read_segments([recipe.data / "segments" / "eval_segments.csv"], CLASSES)[:6]
    config = recipe.config(
        *FAST,
        "data.download.program=yt-dlp",
        "data.download.max_attempts=2",
        "data.download.timeout_seconds=60",
        f"data.download.url={server.url('{id}')}",
    ).download
    download_plan.download({"eval": segments}, recipe.data, config)
    assert unavailable() == {
        ids[0]: ("gone", 1, "[youtube] id: " + MESSAGES["404"]),
        ids[1]: ("gone", 1, "[youtube] id: " + MESSAGES["403"]),
        ids[2]: ("failed", 2, "[youtube] id: " + MESSAGES["500"]),
    }
    there = {path.stem[1:] for path in recipe.data.glob("raw/eval_segments/*.flac")}
    assert there == set(ids[3:])
    row = rows[5]
    call = f"{server.url(row.clip_id)} *{row.start_seconds:.3f}-{row.end_seconds:.3f}\n"
    assert call in log.read_text()


def test_yt_dlp_is_not_installed(recipe, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ValueError, match="needs yt-dlp, which is not installed"):
        recipe.prepare("data.source=download")
