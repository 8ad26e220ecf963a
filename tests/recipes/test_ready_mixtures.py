"""Stage 0 of egs/vbdemand and egs/musdb18, on folders as they are published."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from egs.musdb18.local import prepare as musdb18
from egs.vbdemand.local import prepare as vbdemand
from tests.helpers.recipe_runs import ROOT
from uss.bin import check_config, check_data
from uss.tables import ClassRow, Clip, Recording, read_table

RATE = 8000


def write(path: Path, seconds: float = 1.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(str(path)))
    soundfile.write(path, 0.1 * rng.standard_normal(round(seconds * RATE)), RATE)


@pytest.fixture(params=["vbdemand", "musdb18"])
def any_recipe(request):
    return request.param


@pytest.fixture
def enter(tmp_path, monkeypatch):
    """A copy of a recipe, and the working directory; the set goes to set/ in it."""

    def enter_recipe(name: str) -> Path:
        folder = shutil.copytree(ROOT / "egs" / name, tmp_path / name)
        monkeypatch.chdir(folder)
        return folder / "set"

    return enter_recipe


def test_voicebank_demand(enter, caplog):
    caplog.set_level(logging.INFO)
    audio = enter("vbdemand")
    for name in ("p232_001", "p232_002", "p257_003"):
        write(audio / "noisy_testset_wav" / f"{name}.wav", 1.5)
        write(audio / "clean_testset_wav" / f"{name}.wav", 1.5)
    (audio / "clean_testset_wav" / "p232_002.wav").unlink()
    for number in range(10):
        write(audio / "clean_trainset_28spk_wav" / f"p226_{number:03d}.wav", 1 + number / 10)
    vbdemand.main(["--set", f"data.audio={audio}", "--set", "data.num_queries=4"])
    check_data.main([])
    rows = read_table("data/recordings.csv", Recording)
    assert [row.mixture_id for row in rows] == ["p232_001", "p257_003"]
    assert rows[0][1:4] == (
        str(audio / "noisy_testset_wav" / "p232_001.wav"),
        str(audio / "clean_testset_wav" / "p232_001.wav"),
        "/m/09x0r",
    )
    clips = read_table("data/train/clips.csv", Clip)
    assert [clip.clip_id for clip in clips] == ["p226_000", "p226_003", "p226_006", "p226_009"]
    assert [clip.duration_seconds for clip in clips] == [1.0, 1.3, 1.6, 1.9]
    missing = audio / "clean_testset_wav" / "p232_002.wav"
    assert f"left out: noisy files, of which 1 files are missing: {missing}; unpack" in caplog.text
    assert "2 references in 2 mixtures, 4 clips of 1 classes for queries" in caplog.text


def test_musdb18(enter, caplog):
    audio = enter("musdb18")
    stems = ["mixture", "vocals", "drums", "bass", "other"]
    for split, track in (("test", "A & B - It's"), ("test", "Half"), ("train", "Long")):
        for stem in stems:
            write(audio / split / track / f"{stem}.wav", 50 if split == "train" else 1)
    (audio / "test" / "Half" / "bass.wav").unlink()
    musdb18.main(["--set", f"data.audio={audio}"])
    check_data.main([])
    rows = read_table("data/recordings.csv", Recording)
    assert {row.mixture_path for row in rows} == {str(audio / "test/A & B - It's/mixture.wav")}
    names = {row.class_id: row.name for row in read_table("data/classes.csv", ClassRow)}
    assert {Path(row.path).stem for row in rows} == set(stems[1:]) == set(names.values())
    assert all(names[row.class_id] == Path(row.path).stem for row in rows)
    clips = read_table("data/train/clips.csv", Clip)
    assert [(clip.start_seconds, clip.duration_seconds) for clip in clips] == [(10.0, 30.0)] * 4
    assert f"of which 1 files are missing: {audio / 'test' / 'Half' / 'bass.wav'};" in caplog.text


def test_without_a_folder_it_says_where_the_set_is(enter, any_recipe):
    enter(any_recipe)
    main = {"vbdemand": vbdemand.main, "musdb18": musdb18.main}[any_recipe]
    with pytest.raises(ValueError, match="--set data.audio=; .* is at https://"):
        main([])
    with pytest.raises(ValueError, match="nowhere is no folder; .* is at https://"):
        main(["--set", "data.audio=nowhere"])


def test_its_configuration_is_whole_without_the_yamls_of_other_stages(enter, any_recipe):
    enter(any_recipe)
    check_config.main([])
    Path("conf/stages").unlink()
    with pytest.raises(SystemExit):
        check_config.main([])


def test_check_data_names_what_is_missing(enter):
    audio = enter("musdb18")
    for split in ("test", "train"):
        for stem in ("mixture", "vocals", "drums", "bass", "other"):
            write(audio / split / "Song" / f"{stem}.wav")
    musdb18.main(["--set", f"data.audio={audio}"])
    (audio / "test" / "Song" / "other.wav").unlink()
    with pytest.raises(ValueError, match="id 'Song_other': .*other.wav is missing"):
        check_data.main([])
    clips = Path("data/train/clips.csv")
    clips.write_text("".join(x for x in clips.read_text().splitlines(True) if "/m/018vs" not in x))
    with pytest.raises(ValueError, match="id 'Song_bass': no clip of .* has the class /m/018vs"):
        check_data.main([])
