"""Which files of folders are separated, and the names of what comes out."""

import os
from pathlib import Path

import pytest

from uss.separation.inputs import files_below, plan
from uss.separation.names import output_names, picture_name, readable

LATIN1 = os.fsdecode(b"caf\xe9.wav")


@pytest.fixture
def touch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    return make


def below(folder):
    refused = {}
    found = [str(path) for path in files_below(Path(folder), refused)]
    assert not refused
    return found


def test_hidden_files_and_folders_are_left_out(touch):
    touch("in/a.wav", "in/._a.wav", "in/.cache/b.wav", "in/.hidden.wav", "in/deep/c.wav")
    assert below("in") == ["in/a.wav", "in/deep/c.wav"]
    assert below(".") == ["in/a.wav", "in/deep/c.wav"]
    assert list(plan([Path("in/.hidden.wav")], Path("out")).folders) == [Path("in/.hidden.wav")]


def test_links_are_followed_once(touch):
    touch("in/a.wav", "in/real/b.wav", "elsewhere/c.wav", "elsewhere/deep/d.wav")
    Path("in/again").symlink_to("real")
    Path("in/linked").symlink_to("../elsewhere")
    Path("in/twice").symlink_to("../elsewhere")
    Path("in/b2.wav").symlink_to("real/b.wav")
    Path("in/dangling.wav").symlink_to("nothing")
    expected = ["a.wav", "b2.wav", "linked/c.wav", "linked/deep/d.wav", "real/b.wav"]
    expected.insert(2, "dangling.wav")  # which is told as missing, not left out
    assert below("in") == [f"in/{name}" for name in expected]
    Path("way").symlink_to("in")
    assert below("way") == [f"way/{name}" for name in expected]


def test_links_that_lead_in_circles_end(touch):
    touch("in/a.wav", "in/deep/b.wav")
    for name in ("in/one", "in/two", "in/deep/up"):
        Path(name).symlink_to(".")
    Path("in/deep/top").symlink_to("..")
    Path("in/self").symlink_to("self")
    assert below("in") == ["in/a.wav", "in/deep/b.wav", "in/self"]


def test_the_outputs_are_no_inputs(touch):
    touch("in/a.wav", "in/out/a/a_bell.wav")
    Path("in/link").symlink_to("out")
    assert list(plan([Path("in")], Path("in/out")).folders) == [Path("in/a.wav")]


def test_a_folder_of_outputs_is_none_of_inputs(touch):
    touch("in/a.wav")
    folders, refused = plan([Path("in")], Path("./in/."))
    assert not folders
    assert refused[Path("in")].startswith("the outputs go there, and are no inputs")


def test_folders_without_audio_or_rights_are_named_and_the_others_go_on(touch, monkeypatch):
    touch("good/a.wav", "notes/readme.txt", "locked/b.wav")
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)  # root may look everywhere
    folders, refused = plan([Path(n) for n in ("locked", "notes", "good")], Path("out"))
    assert folders == {Path("good/a.wav"): Path("out/a")}
    assert refused == {
        Path("locked"): "Permission denied",
        Path("notes"): "no audio files in this folder",
    }


def test_names_that_a_disk_may_not_tell_apart(touch):
    """Case, and how an accent is written: on some disks the later would overwrite the earlier."""
    names = ["A.wav", "a.wav", "caf\u00e9.wav", "cafe\u0301.wav"]
    touch(*(f"in/{name}" for name in names))
    folders = plan([Path("in")], Path("out")).folders
    assert len(folders) == 4
    assert len({str(folder).casefold() for folder in folders.values()}) == 4
    assert folders[Path("in/A.wav")] == Path("out/A")
    assert folders[Path("in/a.wav")].name.startswith("a-")
    assert plan([Path("in")], Path("out")).folders == folders


def test_an_input_given_twice_is_one(touch):
    touch("a.wav")
    assert len(plan([Path("a.wav"), Path("./a.wav")], Path("out")).folders) == 1


def test_a_name_of_dots_stays_below_the_output(touch):
    touch("...wav")
    assert plan([Path("...wav")], Path("out")).folders == {Path("...wav"): Path("out/...wav")}


@pytest.mark.parametrize("letter", ["a", "音", "\udce9"])
def test_long_names_are_shortened_and_stay_unique(letter):
    times = 251 // len(os.fsencode(letter))
    one, other = (Path(letter * (times - 1) + end + ".wav") for end in "xy")
    sounds = ["Bell", "Bells " * 60, "Bells " * 60 + "!!", "residual"]
    names = output_names(one, sounds)
    assert len({*names.values(), *output_names(other, sounds).values()}) == 8
    for name in [*names.values(), picture_name(one)]:
        assert len(os.fsencode(name)) <= 255
    assert names["Bell"].endswith("_bell.wav")


def test_short_names_stay_as_they_are():
    assert output_names(Path("in/a.b.wav"), ["Dial tone", "residual"]) == {
        "Dial tone": "a.b_dial_tone.wav",
        "residual": "a.b_residual.wav",
    }


def test_sounds_whose_names_differ_little_have_files_of_their_own():
    names = output_names(Path("a.wav"), ["R&B", "R/B", "r b", "?", "!", "e\u0301", "\u00e9"])
    assert len(set(names.values())) == 7
    with pytest.raises(ValueError, match="two queries are named 'x'"):
        output_names(Path("a.wav"), ["x", "x"])


def test_what_is_no_utf8_can_be_read():
    assert readable(Path(LATIN1)) == "caf\\xe9.wav"
    assert readable("café") == "café"
