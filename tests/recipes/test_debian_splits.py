"""The division by group on the real table, what may meet, which events make a clip, copies."""

from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest

from egs.debian_sounds.local import clip_contents, fingerprint
from egs.debian_sounds.local.classes import class_rows, forbidden_pairs
from egs.debian_sounds.local.data_config import Data
from egs.debian_sounds.local.packages import read_packages
from egs.debian_sounds.local.recordings import Recording, join, read_listed
from egs.debian_sounds.local.splits import divide, split_recordings
from tests.helpers.debian_recipe import RECIPE, sound
from uss.audio import resample
from uss.config import load

SPLITS = ("train", "dev", "eval")


@pytest.fixture(scope="module")
def config():
    return load(RECIPE / "conf", "data", Data)


@pytest.fixture(scope="module")
def recordings() -> list:
    """The benchmark's rows, as if every file were there."""
    return [
        Recording(
            row.recording_id,
            row.audioset_label,
            row.package,
            row.path,
            "",
            row.duration_seconds,
            row.sample_rate,
            row.licence,
            row.group,
            row.group,
        )
        for row in read_listed(RECIPE / "local" / "debian_sounds.csv")
        if row.benchmark and not row.doubtful
    ]


@pytest.fixture(scope="module")
def side(recordings, config) -> dict[str, str]:
    return split_recordings(recordings, config)


def by_class(recordings) -> dict[str, list]:
    result = defaultdict(list)
    for row in recordings:
        result[row.audioset_label].append(row)
    return result


def test_the_table_is_the_benchmark(recordings):
    assert len(recordings) == 819
    assert len(by_class(recordings)) == 35
    assert len({row.group for row in recordings}) == 363
    packages = read_packages(RECIPE / "local" / "packages.csv")
    assert {row.package for row in recordings} == {row.package for row in packages}


def folds(config) -> list:
    return [replace(config, fold=fold) for fold in range(config.num_folds)]


@pytest.mark.slow
def test_every_class_has_its_share_of_groups_in_each_split(recordings, config):
    for fold in folds(config):
        side = split_recordings(recordings, fold)
        for label, rows in by_class(recordings).items():
            groups = {row.group for row in rows}
            num = Counter(side[group] for group in groups)
            assert num["dev"] == max(1, round(0.15 * len(groups))), label
            num_others = len(groups) - num["dev"]
            assert num_others // 3 <= num["eval"] <= -(-num_others // 3), label
            assert num["train"] >= num["eval"] >= 1, label


@pytest.mark.slow
def test_each_group_is_evaluated_once_or_developed_on_in_every_fold(recordings, config):
    sides = [split_recordings(recordings, fold) for fold in folds(config)]
    for group in {row.group for row in recordings}:
        splits = Counter(side[group] for side in sides)
        assert splits in ({"dev": 3}, {"eval": 1, "train": 2}), group


def test_packages_of_several_groups_are_in_several_parts(recordings, config):
    """So that a class's sounds in training are not all from other packages."""
    part_of = divide(recordings, config)
    for label, rows in by_class(recordings).items():
        groups, parts = defaultdict(set), defaultdict(set)
        for row in rows:
            groups[row.package].add(row.group)
            parts[row.package].add(part_of[row.group])
        assert all(len(parts[p]) > 1 for p in groups if len(groups[p]) > 1), label


def test_the_division_depends_on_the_seed_and_not_on_the_order(recordings, side, config):
    split = split_recordings
    assert split(recordings[::-1], config) == side
    other = load(RECIPE / "conf", "data", Data, ["data.seed=1"])
    assert split(recordings, other) != side


def test_a_group_of_several_classes_stays_together(recordings, config):
    """As when two classes hold copies of one recording."""
    of_class = by_class(recordings)
    joined = {of_class["Owl"][0].group: "shared", of_class["Moo"][0].group: "shared"}
    joined |= {row.group: "shared" for row in of_class["Speech"][:1]}
    rows = [row._replace(group=joined.get(row.group, row.group)) for row in recordings]
    side = split_recordings(rows, config)
    assert side["shared"] in SPLITS
    for label in ("Owl", "Moo", "Speech"):
        num = Counter(side[g] for g in {r.group for r in rows if r.audioset_label == label})
        assert num["eval"] >= 1 and num["dev"] >= 1 and num["train"] >= 1, label


def test_a_class_with_too_few_groups_is_named(recordings, config):
    kept = [row for row in recordings if row.audioset_label != "Owl"]
    owls = [row for row in recordings if row.audioset_label == "Owl"][:3]
    with pytest.raises(ValueError, match="'Owl' has 3 independent groups.*needs 4"):
        split_recordings(kept + owls, config)


def test_overlapping_classes_and_ancestors_are_forbidden(recordings, config):
    classes = class_rows({row.audioset_label for row in recordings})
    names = {row.class_id: row.name for row in classes}
    pairs = forbidden_pairs(classes, config)
    assert {frozenset((names[p.class_id], names[p.other_class_id])) for p in pairs} == {
        frozenset(pair)
        for pair in (
            ("Guitar", "Plucked string instrument"),
            ("Flute", "Wind instrument, woodwind instrument"),
            ("Brass instrument", "Wind instrument, woodwind instrument"),
            ("Drum", "Drum kit"),
            ("Cymbal", "Drum kit"),
            ("Splash, splatter", "Water"),
            ("Gunshot, gunfire", "Explosion"),
        )
    }


def test_an_ancestor_need_not_be_listed(config):
    classes = class_rows({"Bark", "Dog", "Animal", "Piano"})
    names = {row.class_id: row.name for row in classes}
    pairs = forbidden_pairs(classes, config)
    assert {frozenset((names[p.class_id], names[p.other_class_id])) for p in pairs} == {
        frozenset(("Bark", "Dog")),
        frozenset(("Bark", "Animal")),
        frozenset(("Dog", "Animal")),
    }


def test_events_are_even_over_groups_and_recordings(recordings):
    rows = by_class(recordings)["Walk, footsteps"]
    rng = np.random.default_rng(0)
    events = clip_contents.choose(rows, 90, every_recording=False, rng=rng)
    num_of_group = Counter(row.group for row in events)
    assert len(events) == 90
    assert max(num_of_group.values()) - min(num_of_group.values()) <= 1
    for group in num_of_group:
        num = Counter(row.recording_id for row in events if row.group == group)
        assert max(num.values()) - min(num.values()) <= 1


def test_every_recording_sounds_where_results_are_measured(recordings):
    rows = by_class(recordings)["Speech"]
    choose = clip_contents.choose
    assert {row.recording_id for row in choose(rows, 30, True, np.random.default_rng(0))} == {
        row.recording_id for row in rows
    }
    rows = by_class(recordings)["Owl"]
    events = choose(rows, 30, True, np.random.default_rng(0))
    assert Counter(row.recording_id for row in events) == {row.recording_id: 5 for row in rows}


def test_events_of_a_clip_may_meet_and_fit():
    rng = np.random.default_rng(0)
    events = [(f"class{i % 5}", int(rng.integers(300, 4000))) for i in range(400)]
    apart = {frozenset(("class0", "class1"))}
    clips = clip_contents.share_out(
        events,
        lambda one, other: one != other and frozenset((one, other)) not in apart,
        clip_samples=10000,
        gap_samples=1000,
        max_events=3,
        rng=rng,
    )
    assert sorted(index for clip in clips for index in clip) == list(range(400))
    assert {len(clip) for clip in clips} == {1, 2, 3}
    for clip in clips:
        names = [events[index][0] for index in clip]
        assert len(set(names)) == len(names) and not {"class0", "class1"} <= set(names)
        lengths = [events[index][1] for index in clip]
        starts = clip_contents.place(lengths, 1000, 10000, rng)
        end = 0
        for start, length in zip(starts, lengths, strict=True):
            assert start - end >= 1000
            end = start + length
        assert end <= 9000


def find_copies(sounds: dict[str, tuple[np.ndarray, int]]) -> list[tuple[str, str]]:
    names = list(sounds)
    return fingerprint.copies(names, names, sounds.__getitem__, lambda a, b: a < b)


@pytest.mark.slow
def test_copies_are_found_at_another_rate_level_and_start():
    rate = 44100
    waves = {name: sound(seed, 3.0, rate) for seed, name in enumerate("abcd")}
    sounds = {name: (wave.astype(np.float32), rate) for name, wave in waves.items()}
    part = 0.1 * sounds["a"][0][rate // 2 :]
    sounds["resampled"] = (resample(part, rate, 11025), 11025)
    sounds["mixed"] = (sounds["b"][0] + 0.5 * sounds["d"][0][::-1], rate)
    padded = np.pad(sounds["c"][0], (1000, 5))
    sounds["same"] = (padded, rate)
    assert set(find_copies(sounds)) == {
        ("a", "resampled"),
        ("b", "mixed"),
        ("c", "same"),
    }


def test_a_sound_is_found_within_a_long_one(monkeypatch):
    """They are compared where landmarks say that they meet, not from end to end."""
    rate = 11025
    bell, music = sound(1, 2.0, rate), sound(2, 60.0, rate)
    music[40 * rate : 42 * rate] += 0.5 * bell
    sounds = {"bell": (bell, rate), "music": (np.pad(music, (5 * rate, 0)), rate)}
    lengths = []

    def correlate(one, other):
        lengths.append((len(one[0]) / rate, len(other[0]) / rate))
        return plain(one, other)

    plain = fingerprint.correlate
    monkeypatch.setattr(fingerprint, "correlate", correlate)
    monkeypatch.setattr(fingerprint, "COPY_PAIRS", 10**6)  # else landmarks alone would do
    assert find_copies(sounds) == [("bell", "music")]
    assert lengths == [(pytest.approx(2, abs=0.1), pytest.approx(12, abs=0.1))]


def test_tones_of_one_pitch_are_no_copies():
    """They share landmarks, but no offset makes their waveforms agree."""
    rate = 22050
    sounds = {}
    for seed in range(6):
        rng = np.random.default_rng(seed)
        times = np.arange(rate) / rate
        vibrato = np.sin(2 * np.pi * rng.uniform(3, 7) * times + rng.uniform(0, 6))
        cycles = 220 * times + 0.05 * vibrato
        tones = [np.sin(2 * np.pi * n * cycles + rng.uniform(0, 6)) / n for n in range(1, 15)]
        noise = 0.1 * rng.standard_normal(len(times))
        sounds[f"flute{seed}"] = ((sum(tones) + noise).astype(np.float32), rate)
    assert find_copies(sounds) == []
    tone, other = sounds["flute0"][0], sounds["flute1"][0]
    pairs, others = (
        {tuple(mark[:3]) for mark in fingerprint.landmarks(wave, rate)} for wave in (tone, other)
    )
    assert len(pairs & others) >= fingerprint.CANDIDATE_PAIRS


def test_groups_that_share_sound_are_joined_through_others():
    joined = join("abcdef", [("c", "b"), ("e", "d"), ("d", "c")])
    assert joined == {"a": "a", "b": "b", "c": "b", "d": "b", "e": "b", "f": "f"}
