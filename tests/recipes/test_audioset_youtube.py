"""egs/audioset's download by a program that stands for yt-dlp: what its errors mean for a clip."""

import io
import logging
import os
import signal
import subprocess
import time

import pytest
import soundfile

from egs.audioset.local import download_plan, youtube
from egs.audioset.local.segments import read_segments
from tests.helpers.audioset_recipe import (
    CLASSES,
    RATE,
    ROOT,
    STAGE_0,
    WEIGHTS,
    Recipe,
    found,
    unavailable,
)
from tests.helpers.audioset_synthetic import waveform
from tests.helpers.small_disk import mounted
from tests.helpers.yt_dlp_sentences import SENTENCES


@pytest.mark.parametrize(
    ("sentence", "kind"), [(text, kind) for kind, texts in SENTENCES.items() for text in texts]
)
def test_only_a_sentence_about_the_video_makes_it_gone(sentence, kind):
    messages = f"WARNING: noise\nERROR: [youtube] -ssl_reload: {sentence}\n"
    error = youtube.failure(messages)
    assert (error.kind, "[youtube] -ssl_reload: " in str(error)) == (kind, True)
    assert youtube.failure(f"ERROR: {sentence}\n").kind == kind


def test_no_reason_at_all():
    assert youtube.failure("").kind == "failed"


SAYS = """#!/bin/bash
if [[ $1 == --version ]]; then echo 2024.07.09; exit; fi
echo "ERROR: [youtube] ${{@: -1}}: {sentence}" >&2
exit 1
"""
WORKS = """#!/bin/bash
while (( $# )); do [[ $1 == --output ]] && output=$2; shift; done
cp "{sound}" "${{output/%(ext)s/wav}}"
"""
THIS_APP = SENTENCES["unreadable"][0]


class Programs:
    """A folder, first in PATH, with a yt-dlp that does as it is told."""

    def __init__(self, folder, row):
        self.folder = folder
        folder.mkdir()
        self.put("ffmpeg", "#!/bin/sh\n")
        content = io.BytesIO()
        soundfile.write(content, waveform(row, CLASSES, RATE), RATE, format="WAV")
        self.sound = folder / "sound.wav"
        self.sound.write_bytes(content.getvalue())

    def put(self, name, content):
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.write_text(content)
        path.chmod(0o755)

    def yt_dlp_says(self, sentence):
        self.put("yt-dlp", SAYS.format(sentence=sentence))

    def yt_dlp_works(self):
        self.put("yt-dlp", WORKS.format(sound=self.sound))


@pytest.fixture
def recipe(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.chdir(tmp_path)
    return Recipe(tmp_path)


@pytest.fixture
def programs(recipe, tmp_path, monkeypatch):
    programs = Programs(tmp_path / "programs", recipe.all_rows[0])
    monkeypatch.setenv("PATH", f"{programs.folder}:/usr/bin:/bin")
    return programs


FAST = (
    "data.source=download",
    "data.download.seconds_between_requests=0",
    "data.download.backoff_seconds=0.01",
)


def some(recipe, num, *overrides):
    """The first segments of eval, and a configuration, for a download without the rest."""
    path = recipe.data / "segments" / "eval_segments.csv"
    segments = read_segments([path], CLASSES)
    return {"eval": segments[:num]}, recipe.config(*FAST, *overrides).download


@pytest.mark.parametrize("sentence", [THIS_APP, SENTENCES["gone"][0]])
def test_a_yt_dlp_that_gets_nothing_writes_no_clip_off(recipe, programs, sentence):
    programs.yt_dlp_says(sentence)
    for _ in range(3):  # as often as a clip that fails is tried
        with pytest.raises(ValueError, match="40 downloads failed in a row, .*old yt-dlp") as error:
            recipe.prepare(*FAST, "data.download.max_failures_in_a_row=40")
        assert "2024.07.09" in str(error.value) and sentence[:40] in str(error.value)
        assert unavailable() == {}
    programs.yt_dlp_works()
    recipe.prepare(*FAST)
    assert found().keys() == {row.clip_id for row in recipe.all_rows} and unavailable() == {}


@pytest.mark.parametrize("sentence", [THIS_APP, SENTENCES["gone"][0]])
def test_a_few_clips_are_not_written_off_either(recipe, programs, sentence, caplog):
    splits, config = some(recipe, 12)
    programs.yt_dlp_says(sentence)
    with pytest.raises(ValueError, match="none of 12 downloads succeeded, .* old yt-dlp"):
        download_plan.download(splits, recipe.data, config)
    assert unavailable() == {}
    programs.yt_dlp_works()
    download_plan.download({"eval": splits["eval"][:10]}, recipe.data, config)
    programs.yt_dlp_says(sentence)
    caplog.clear()
    download_plan.download(splits, recipe.data, config)
    assert "none of 2 downloads succeeded" in caplog.text and "written off" in caplog.text
    assert unavailable() == {}
    programs.yt_dlp_works()
    download_plan.download(splits, recipe.data, config)
    assert len(list(recipe.data.glob("raw/*/*.flac"))) == 12


def test_a_yt_dlp_that_breaks_half_way(recipe, programs):
    """Clips that were gone before stay gone."""
    splits, config = some(
        recipe, 20, "data.download.num_parallel=1", "data.download.max_failures_in_a_row=5"
    )
    log = recipe.folder / "calls"
    programs.put(
        "yt-dlp",
        f"""#!/bin/bash
        echo >>{log}
        n=$(wc -l <{log})
        if (( n == 3 || n == 4 || n > 10 )); then
            echo "ERROR: [youtube] x: Private video. Sign in" >&2; exit 1
        fi
        {WORKS.format(sound=programs.sound).partition(chr(10))[2]}""",
    )
    with pytest.raises(ValueError, match="5 downloads failed in a row"):
        download_plan.download(splits, recipe.data, config)
    gone = [segment.clip_id for segment in splits["eval"][2:4]]
    assert unavailable() == {
        clip_id: ("gone", 1, "[youtube] x: Private video. Sign in") for clip_id in gone
    }
    programs.yt_dlp_works()
    download_plan.download(splits, recipe.data, config)
    there = {path.stem[1:] for path in recipe.data.glob("raw/*/*.flac")}
    assert there == {segment.clip_id for segment in splits["eval"]} - set(gone)


def test_a_clip_that_is_always_refused_does_not_hold_up_the_others(recipe, programs, caplog):
    splits, config = some(recipe, 20)
    refused = splits["eval"][2].clip_id
    programs.put(
        "yt-dlp",
        f"""#!/bin/bash
        if [[ ${{@: -1}} == *{refused} ]]; then
            echo "ERROR: [youtube] x: An error occurred. Please try again later." >&2; exit 1
        fi
        {WORKS.format(sound=programs.sound).partition(chr(10))[2]}""",
    )
    download_plan.download(splits, recipe.data, config)
    assert len(list(recipe.data.glob("raw/*/*.flac"))) == 19 and unavailable() == {}
    assert f"the next run tries {refused}" in caplog.text


@pytest.mark.parametrize(
    "fills",
    ['cat /dev/zero >"$output"', 'echo "ERROR: unable to write data: [Errno 28] No space left on '
     'device" >&2'],
)  # fmt: skip
def test_a_full_disk_is_no_clips_fault(recipe, programs, fills):
    splits, config = some(recipe, 6)
    (recipe.data / "raw").mkdir()
    programs.put(
        "yt-dlp",
        f"""#!/bin/bash
        while (( $# )); do [[ $1 == --output ]] && output=${{2/%(ext)s/wav}}; shift; done
        {fills}
        exit 1""",
    )
    with mounted(recipe.data / "raw", "-t", "tmpfs", "-o", "size=8m", "none"):
        with pytest.raises(OSError, match="No space left on device: 'data/raw'"):
            download_plan.download(splits, recipe.data, config)
        assert not list((recipe.data / "raw" / ".partial").iterdir())
    assert unavailable() == {}
    programs.yt_dlp_works()
    download_plan.download(splits, recipe.data, config)
    assert len(list(recipe.data.glob("raw/*/*.flac"))) == 6


WAITS = """#!/bin/bash
# As yt-dlp does: a program of its own cuts the section; it would go on alone.
if [[ $1 == --version ]]; then exit 1; fi
bash -c 'echo $$ >>{pids}; trap "" TERM INT; while sleep 0.1; do :; done' &
wait
"""


def alive(pids):
    return [pid for pid in pids.read_text().split() if os.path.exists(f"/proc/{pid}/exe")]


def test_what_yt_dlp_started_ends_at_the_time_limit(recipe, programs):
    splits, config = some(recipe, 2, "data.download.timeout_seconds=0.5")
    pids = recipe.folder / "pids"
    programs.put("yt-dlp", WAITS.format(pids=pids))
    with pytest.raises(ValueError, match="none of 2 .* failed with 'no clip within 0.5 s'"):
        download_plan.download(splits, recipe.data, config)
    assert len(pids.read_text().split()) == 2 and alive(pids) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_programs_too(recipe, programs, number):
    pids = recipe.folder / "pids"
    programs.put("yt-dlp", WAITS.format(pids=pids))
    options = [
        word
        for override in (*FAST, *(f"pretrained.{key}=null" for key in WEIGHTS))
        for word in ("--set", override)
    ]
    process = subprocess.Popen(
        [*STAGE_0, *options],
        cwd=recipe.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while not pids.exists() or len(pids.read_text().split()) < 4:
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.1)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode not in (0, None) and "this is a bug" not in said
    assert alive(pids) == []
    assert list((recipe.data / "raw" / ".partial").iterdir()) == []
    assert unavailable() == {}


def test_a_recorded_clip_is_tried_again_without_its_row(recipe, programs):
    splits, config = some(recipe, 4)
    programs.yt_dlp_works()
    record = recipe.data / "eval" / "unavailable.csv"
    clip_id = splits["eval"][1].clip_id
    record.parent.mkdir()
    header = "clip_id,kind,num_attempts,reason\n"
    record.write_text(f"{header}{clip_id},gone,1,{THIS_APP}\n")
    download_plan.download(splits, recipe.data, config)
    assert len(list(recipe.data.glob("raw/*/*.flac"))) == 3
    record.write_text(header)
    download_plan.download(splits, recipe.data, config)
    assert len(list(recipe.data.glob("raw/*/*.flac"))) == 4
