"""Stage 0 of a folder of labelled recordings."""

from collections import Counter

import numpy as np
import pytest
import soundfile

from uss.bin.check_data import check
from uss.data.dataset import Dataset
from uss.data.folder_tables import clip_starts, tables_from_csv, tables_from_folders
from uss.labels import audioset_classes

RATE = 8000
CLASSES = ("Bell", "Dog", "My own sound")


def write(path, seconds=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(str(path)))
    soundfile.write(path, 0.1 * rng.uniform(-1, 1, round(seconds * RATE)), RATE)


@pytest.fixture
def folder(tmp_path):
    """Twelve recordings of each class, one of them of 5 s."""
    for name in CLASSES:
        for number in range(12):
            write(tmp_path / "sounds" / name / f"{number}.wav", 5.0 if number == 3 else 1.0)
    return tmp_path / "sounds"


def test_every_class_has_recordings_on_every_side(folder, tmp_path):
    tables_from_folders(folder, clip_seconds=2.0, seed=1, data=tmp_path / "data")
    dataset = Dataset(tmp_path / "data")
    check(dataset)
    assert dataset.classes.names == list(CLASSES)
    audioset = audioset_classes()
    assert dataset.classes.ids[:2] == [audioset.ids[audioset.index_of_name(n)] for n in CLASSES[:2]]
    assert dataset.classes.ids[2] == "My_own_sound"
    num_groups = {}
    for split in ("train", "dev", "eval"):
        clips = dataset.clips(split)
        of_class = Counter(label for label, _ in {(clip.labels, clip.group) for clip in clips})
        num_groups[split] = [of_class[class_id] for class_id in dataset.classes.ids]
    assert num_groups == {"train": [8] * 3, "dev": [2] * 3, "eval": [2] * 3}


def test_the_same_seed_gives_the_same_tables(folder, tmp_path):
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        tables_from_folders(folder, clip_seconds=2.0, seed=seed, data=tmp_path / name)
    one, two, three = (
        (tmp_path / name / "eval" / "clips.csv").read_text() for name in ("one", "two", "three")
    )
    assert one == two != three


def test_nothing_of_a_long_recording_is_cut_off(folder, tmp_path):
    tables_from_folders(folder, clip_seconds=2.0, data=tmp_path / "data")
    dataset = Dataset(tmp_path / "data")
    clips = [
        c for s in ("train", "dev", "eval") for c in dataset.clips(s) if c.group == "Dog/3.wav"
    ]
    stretches = [(clip.start_seconds, clip.duration_seconds) for clip in clips]
    assert stretches == [(0.0, 2.0), (2.0, 2.0), (4.0, 1.0)]


@pytest.mark.parametrize(
    "seconds, starts",
    [(1.0, [0]), (2.0, [0]), (4.0, [0, 2]), (4.5, [0, 2, 2.5]), (5.0, [0, 2, 4]), (2.2, [0, 0.2])],
)
def test_the_clips_of_a_recording(seconds, starts):
    assert clip_starts(seconds, 2.0) == pytest.approx(starts)


def test_a_table_with_several_labels_and_groups(folder, tmp_path):
    lines = ["path,labels,group"]
    for number in range(12):
        lines.append(f"Bell/{number}.wav,Bell,session{number // 2}")
        lines.append(f"Dog/{number}.wav,Bell; Dog,session{number // 2}")
    (folder / "table.csv").write_text("\n".join(lines))
    tables_from_csv(folder / "table.csv", clip_seconds=5.0, data=tmp_path / "data")
    dataset = Dataset(tmp_path / "data")
    check(dataset)  # no group on two sides
    labels = {clip.labels for split in ("train", "dev", "eval") for clip in dataset.clips(split)}
    ids = dataset.classes.ids
    assert labels == {ids[0], " ".join(ids)}


def test_a_file_that_is_no_audio_is_left_out_and_named(folder, tmp_path, caplog):
    (folder / "Dog" / "notes.txt").write_text("woof")
    tables_from_folders(folder, clip_seconds=2.0, data=tmp_path / "data")
    assert "notes.txt" in caplog.text
    assert "notes" not in (tmp_path / "data" / "train" / "clips.csv").read_text()


@pytest.mark.parametrize(
    "text, message",
    [
        ("file,label\n", "the header must be path,labels,group"),
        ("path,labels,group\nDog/1.wav,Dog\n", "line 2: expected path,labels,group"),
        ("path,labels,group\nDog/1.wav,,g\n", "line 2: expected"),
        ("path,labels,group\nDog/99.wav,Dog,g\n", "line 2: .*99.wav is missing"),
        ("path,labels,group\nDog/1.wav,Dog,g\n", "'Dog' has 1 recordings .* each class needs 3"),
    ],
)
def test_broken_tables(folder, tmp_path, text, message):
    (folder / "table.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        tables_from_csv(folder / "table.csv", clip_seconds=2.0, data=tmp_path / "data")


def test_a_table_in_another_encoding(folder, tmp_path):
    (folder / "table.csv").write_bytes("path,labels,group\nDog/1.wav,Möwe,g\n".encode("cp1252"))
    with pytest.raises(ValueError, match=r"table.csv: line 2: not UTF-8"):
        tables_from_csv(folder / "table.csv", clip_seconds=2.0, data=tmp_path / "data")


def test_a_home_of_nobody(tmp_path):
    for of in (tables_from_csv, tables_from_folders):
        with pytest.raises(ValueError, match="no such user"):
            of("~nobody at all/x", clip_seconds=2.0, data=tmp_path)


def test_no_folder_and_an_empty_one(tmp_path):
    with pytest.raises(ValueError, match="is no folder"):
        tables_from_folders(tmp_path / "none", clip_seconds=2.0, data=tmp_path / "data")
    with pytest.raises(ValueError, match="has no files in folders named as the classes"):
        tables_from_folders(tmp_path, clip_seconds=2.0, data=tmp_path / "data")


def test_a_file_that_is_no_audio_counts_for_no_split(folder, tmp_path):
    """Three recordings of a class are one a split, whatever else lies beside them."""
    for number in range(3, 12):
        (folder / "Dog" / f"{number}.wav").write_text("woof")
    tables_from_folders(folder, clip_seconds=2.0, data=tmp_path / "data")
    check(Dataset(tmp_path / "data"))
    for split in ("train", "dev", "eval"):
        assert "Dog/" in (tmp_path / "data" / split / "clips.csv").read_text()


def test_a_class_without_recordings_of_its_own_is_named(folder, tmp_path, caplog):
    lines = ["path,labels,group"]
    for number, other in enumerate("BCDE"):
        lines.append(f"Bell/{number}.wav,A;{other},both{other}")
        lines += [f"Dog/{2 * number + i}.wav,{other},{other}{i}" for i in (0, 1)]
    (folder / "table.csv").write_text("\n".join(lines))
    tables_from_csv(folder / "table.csv", clip_seconds=2.0, data=tmp_path / "data")
    dataset = Dataset(tmp_path / "data")
    without = [
        s
        for s in ("train", "dev", "eval")
        if not any("A" in x.split() for x in (clip.labels for clip in dataset.clips(s)))
    ]
    assert [f"class 'A' has no recording in {' and '.join(without)}" in caplog.text] == [
        bool(without)
    ]
