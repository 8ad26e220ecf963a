"""Stage 0 of egs/debian_sounds on small packages made by hand."""

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from egs.debian_sounds.local import clips, containers
from egs.debian_sounds.local.data_config import Data
from egs.debian_sounds.local.recordings import Recording
from tests.helpers.debian_recipe import (
    LABELS,
    NOTICE,
    NUM_GROUPS,
    ROOT,
    SMALL,
    make_recipe,
    prepare,
    tables,
)
from uss.bin.check_data import check
from uss.config import load
from uss.data.dataset import LABELLED_SPLITS, UNLABELLED, Dataset
from uss.files import read_facts
from uss.tables import Event, read_table


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, dict[str, dict]]:
    recipe, contents = make_recipe(tmp_path_factory.mktemp("debian"))
    prepare(recipe)
    return recipe, contents


@pytest.fixture(scope="module")
def recipe(made) -> Path:
    return made[0]


@pytest.fixture(scope="module")
def dataset(recipe) -> Dataset:
    return Dataset(recipe / "data")


def test_recordings_come_out_of_every_container_unchanged(made):
    recipe, contents = made
    recordings = read_table(recipe / "data" / "extracted.csv", Recording)
    assert len(recordings) == len(LABELS) * NUM_GROUPS
    for recording in recordings:
        container, _, member = recording.path.partition("!/")
        content = contents[recording.package][container]
        if member:
            content = dict(containers.read_container(container, content, lambda path: True))[
                recording.path
            ]
        assert (recipe / recording.file).read_bytes() == content
    assert read_facts(recipe / "data" / "extracted.csv")["rejected"] == {}


def test_splits_are_disjoint_by_recording(dataset):
    check(dataset)
    assert dataset.splits == [*LABELLED_SPLITS, UNLABELLED]
    for split in LABELLED_SPLITS:
        assert set().union(*dataset.clip_labels(split).values()) == set(dataset.classes.ids)


def test_overlapping_classes_share_no_clip(dataset):
    ids = dict(zip(dataset.classes.names, dataset.classes.ids, strict=True))
    guitar, plucked = ids["Guitar"], ids["Plucked string instrument"]
    assert dataset.forbidden() == {guitar: {plucked}, plucked: {guitar}}
    for split in LABELLED_SPLITS:
        labels = dataset.clip_labels(split).values()
        assert not any({guitar, plucked} <= of_clip for of_clip in labels)
        assert any(len(of_clip) == 2 for of_clip in labels)


def test_true_times_tell_where_the_sound_is(recipe, dataset):
    """Outside of events there is only the ambience; a gap surrounds each event."""
    config = load(recipe / "conf", "data", Data)
    for split in LABELLED_SPLITS:
        events = defaultdict(list)
        for event in dataset.events(split):
            events[event.clip_id].append(event)
        for clip in dataset.clips(split):
            waveform, rate = soundfile.read(recipe / clip.path)
            assert (len(waveform), rate) == (80000, 8000) and np.abs(waveform).max() < 1
            is_event = np.zeros(len(waveform), bool)
            end = 0.0
            of_clip = sorted(events[clip.clip_id], key=lambda event: event.start_seconds)
            assert sorted(event.class_id for event in of_clip) == clip.labels.split()
            for event in of_clip:
                assert event.start_seconds - end >= config.min_gap_seconds - 1e-6
                assert event.duration_seconds <= config.max_event_seconds
                end = event.start_seconds + event.duration_seconds
                part = slice(round(event.start_seconds * rate), round(end * rate))
                is_event[part] = True
                level = 10 * np.log10(np.mean(waveform[part] ** 2))
                assert config.event_dbfs[0] - 1 < level < config.event_dbfs[1] + 1
            assert end <= config.clip_seconds - config.min_gap_seconds + 1e-6
            floor = 10 * np.log10(np.mean(waveform[~is_event] ** 2))
            assert config.floor_dbfs[0] - 1 < floor < config.floor_dbfs[1] + 1


def test_every_event_names_its_source(recipe):
    for split in LABELLED_SPLITS:
        folder = recipe / "data" / split
        events = read_table(folder / "events.csv", Event)
        sources = read_table(folder / "sources.csv", clips.Source)
        assert [(e.event_id, e.group) for e in events] == [(s.event_id, s.group) for s in sources]
        assert {source.sample_rate for source in sources} <= {8000, 11025, 16000}


def test_unlabelled_audio_is_the_rest(recipe, dataset):
    """Music that the table lists outside the benchmark too, but no spoken name."""
    files = (recipe / "data" / "unlabelled" / "files").rglob("*.wav")
    assert sorted(path.name for path in files) == ["more.wav", "music.wav"]
    assert read_facts(dataset.clips_path(UNLABELLED))["num_unusable"] == 1
    assert len(dataset.clips(UNLABELLED)) == 2
    assert {clip.labels for clip in dataset.clips(UNLABELLED)} == {""}


def test_attribution_names_packages_and_recordings(recipe):
    text = (recipe / "data" / "ATTRIBUTION.md").read_text()
    assert "| words | usr/share/words/owl0.flac | CC0 | Owl |" in text
    for package in ("game-data", "words"):
        assert (recipe / "data" / "recordings" / package / NOTICE.format(package)).exists()


@pytest.mark.slow
def test_another_folder_gets_the_same(recipe, tmp_path):
    other, _ = make_recipe(tmp_path)
    prepare(other)
    assert tables(other) == tables(recipe)


def test_prepare_sh_a_second_time_does_nothing_and_needs_no_torch(recipe, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('nothing to resample')\n")
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
    }
    options = [word for key in SMALL for word in ("--set", f"data.{key}")]
    done = subprocess.run(
        ["local/prepare.sh", "--conf", "conf", *options],
        cwd=recipe,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("skip data/") == 7 and "run data/" not in done.stderr
