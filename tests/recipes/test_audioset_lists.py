"""Stage 0 of egs/audioset: names of files, and AudioSet's lists."""

import numpy as np
import pytest

from egs.audioset.local import audio_sources, clip_names
from egs.audioset.local.clip_names import parse, starts_at
from egs.audioset.local.segments import Segment, read_segments
from egs.audioset.local.splits import split_segments
from tests.helpers.audioset_recipe import CLASSES, Recipe
from tests.helpers.audioset_synthetic import make_ids, make_rows, write_list
from uss.separation.inputs import AUDIO_SUFFIXES


@pytest.mark.parametrize(
    "name, clip_id, start",
    [
        ("Y-0049eE1OZ4.wav", "-0049eE1OZ4", None),
        ("-0049eE1OZ4.FLAC", "-0049eE1OZ4", None),
        ("Y1234567890.mp3", "Y1234567890", None),
        ("YY1234567890.mp3", "Y1234567890", None),
        ("_a_b_c_d_e_.m4a", "_a_b_c_d_e_", None),
        ("_a_b_c_d_30_30.flac", "_a_b_c_d_30", 30.0),
        ("-_Y_1_30000_30000_40000.wav", "-_Y_1_30000", 30000.0),
        ("Y-_Y_1_30000_30.000.wav", "-_Y_1_30000", 30.0),
        ("Y1234567890_0_10.wav", "Y1234567890", 0.0),
        ("-0049eE1OZ4_30.0-40.0.wav", "-0049eE1OZ4", 30.0),
        ("-0049eE1OZ4_30-40.mp3", "-0049eE1OZ4", 30.0),
        ("id_-0049eE1OZ4.m4a", "-0049eE1OZ4", None),
        ("id__a_b_c_d_e_.wav", "_a_b_c_d_e_", None),
        ("[-0049eE1OZ4]-[30-40].webm", "-0049eE1OZ4", 30.0),
        ("A title [1] [-0049eE1OZ4].opus", "-0049eE1OZ4", None),
        ("-0049eE1OZ4_30.ogg", "-0049eE1OZ4", 30.0),
        ("-0049eE1OZ4_000030.mp4", "-0049eE1OZ4", 30.0),
        ("-0049eE1OZ4_000030_000040.mkv", "-0049eE1OZ4", 30.0),
        ("-0049eE1OZ4_30.0_40.0_10.0.mp3", "-0049eE1OZ4", 30.0),
    ],
)
def test_an_id_is_the_first_eleven_characters(name, clip_id, start):
    assert parse(name) == (clip_id, start)


@pytest.mark.parametrize(
    "name",
    [
        "Y0049eE1OZ4.wav"[1:],  # ten characters
        "X-0049eE1OZ4.wav",
        "-0049eE1OZ4_a.wav",
        "-0049eE1OZ4_.wav",
        "-0049eE1OZ4.wav.part",
        "-0049eE1OZ4.json",
        "-0049eE1OZ4",
        "-0049eE1OZ 4.wav",
    ],
)
def test_names_without_an_id(name):
    assert parse(name) is None


@pytest.mark.parametrize(
    "name, ids, found",
    [
        ("id_abcdefgh_12.wav", ["id_abcdefgh"], "id_abcdefgh"),
        ("id_abcdefgh_12.wav", ["abcdefgh_12"], "abcdefgh_12"),
        ("A title--0049eE1OZ4.mp4", ["-0049eE1OZ4"], "-0049eE1OZ4"),
        ("A title-a_b-c_d-e_f.webm", ["a_b-c_d-e_f"], "a_b-c_d-e_f"),
        ("Dog_bark_-0049eE1OZ4_12.mp4", ["-0049eE1OZ4"], "-0049eE1OZ4"),
        ("Y1234567890 [-0049eE1OZ4].wav", ["-0049eE1OZ4"], "-0049eE1OZ4"),
        ("some_recording_of_birds.wav", ["-0049eE1OZ4"], "the name holds no YouTube id"),
        ("[-0049eE1OZ4].wav", ["Y1234567890"], "the lists do not name the clip"),
        ("-0049eE1OZ4_40.0-50.0.wav", ["-0049eE1OZ4"], "another stretch of the video"),
    ],
)
def test_where_a_name_is_read_in_several_ways_the_lists_decide(name, ids, found):
    segments = {clip_id: Segment(clip_id, 12.0, 22.0, "", "") for clip_id in ids}
    segment = audio_sources.find_segment(name, segments)
    assert (segment if isinstance(segment, str) else segment.clip_id) == found


def test_what_separation_takes_for_audio_is_a_clip_too():
    assert AUDIO_SUFFIXES <= set(clip_names.AUDIO_SUFFIXES)
    assert {parse(f"Y1234567890{suffix}").clip_id for suffix in AUDIO_SUFFIXES} == {"Y1234567890"}


def test_the_start_in_a_name_is_in_seconds_or_milliseconds():
    def agrees(name, start_seconds):
        return starts_at(parse(f"12345678901{name}.wav"), start_seconds)

    assert all(agrees(name, 30.0) for name in ("", "_30", "_30.000", "_30000", "_30000_40000"))
    assert all(agrees(name, 30.5) for name in ("_30", "_30.5", "_30500", "_30500_40500"))
    assert all(agrees(name, 0.0) for name in ("_0", "_0_10", "_0_10000"))
    assert not any(agrees(name, 0.0) for name in ("_30", "_30000", "_10_20"))
    assert not any(agrees(name, 30.0) for name in ("_0", "_40", "_40000_50000"))


@pytest.mark.slow
def test_lists_at_real_scale(tmp_path):
    rng = np.random.default_rng(0)
    ids = make_ids(22160, rng)
    assert sum("_" in clip_id for clip_id in ids) / len(ids) == pytest.approx(0.15, abs=0.005)
    assert sum(clip_id[0] == "-" for clip_id in ids) / len(ids) == pytest.approx(0.02, abs=0.005)
    rows = make_rows(ids, CLASSES, rng)
    write_list(tmp_path / "balanced_train_segments.csv", rows)
    segments = read_segments([tmp_path / "balanced_train_segments.csv"], CLASSES)
    assert [segment.clip_id for segment in segments] == sorted(ids)
    for row, segment in zip(rows, segments, strict=True):
        assert (segment.start_seconds, segment.end_seconds) == (row.start_seconds, row.end_seconds)
        assert set(segment.labels.split()) == set(row.labels)

    splits = split_segments(segments, [], CLASSES, num_dev=4, seed=0)
    assert len(splits["train"]) + len(splits["dev"]) == len(ids)
    for class_id in CLASSES.ids:
        assert sum(class_id in segment.labels.split() for segment in splits["dev"]) >= 4
    assert len(splits["dev"]) < 4 * len(CLASSES)


@pytest.mark.parametrize(
    "line, message",
    [
        ('-0049eE1OZ4, 30.000, "/m/09x0r"', "expected `id, start, end"),
        ('-0049eE1OZ4, 30.000, forty, "/m/09x0r"', "expected `id, start, end"),
        ("-0049eE1OZ4, 30.000, 40.000, /m/09x0r,/m/04rlf", "expected `id, start, end"),
        ('0049eE1OZ4, 30.000, 40.000, "/m/09x0r"', "names no segment"),
        ('-0049eE1OZ4, 40.000, 30.000, "/m/09x0r"', "names no segment"),
        ('-0049eE1OZ4, 30.000, 40.000, "/m/0"', "'/m/0' is none of AudioSet's 527 classes"),
        ("<html>", "expected `id, start, end"),
    ],
)
def test_a_bad_row_of_a_list(tmp_path, line, message):
    path = tmp_path / "list.csv"
    path.write_text(f"# num_segs=1\n# YTID\n{line}\n")
    with pytest.raises(ValueError, match=f"list.csv: line 3: .*{message}"):
        read_segments([path], CLASSES)


def test_a_list_that_is_cut_short_or_holds_an_id_twice(tmp_path):
    path = Recipe(tmp_path).data / "segments" / "eval_segments.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-5]) + "\n")
    with pytest.raises(ValueError, match="holds 15 segments, its header says 20; remove it"):
        read_segments([path], CLASSES)
    path.write_text("\n".join([*lines[:-1], lines[-2]]) + "\n")
    with pytest.raises(ValueError, match="line 23: id .* stands twice"):
        read_segments([path], CLASSES)
