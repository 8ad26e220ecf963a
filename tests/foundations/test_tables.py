"""Tables: what is read is what was written, and a fault is named by file, line, id and remedy."""

import os

import pytest

from uss.tables import (
    Anchor,
    ClassPair,
    ClassRow,
    Clip,
    Event,
    Mixture,
    PackedRow,
    Rejected,
    Result,
    read_rows,
    read_table,
    write_table,
)

CLIP = Clip("a", "audio/a.wav", 0.0, 10.0, "/m/1 /m/2", "g")
ROWS = [
    ClassRow(0, "/m/1", 'Sound, "odd" one'),
    CLIP,
    Event("e", "a", "/m/1", 1.25, 2.5, "g"),
    Rejected("a", "truncated: 1.00 s of 10.00 s"),
    Anchor("a:000", "a", "/m/1", 64000, 0.987654, "g"),
    Mixture("00000000", "a:000", "b:001"),
    ClassPair("p", "/m/1", "/m/2"),
    Result("resunet", "oracle", "000_000", "/m/1", "g", -1.25, 12.5, 0.0),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row).__name__)
def test_round_trip(tmp_path, row):
    path = tmp_path / "table.csv"
    write_table(path, [row], type(row))
    assert read_table(path, type(row)) == [row]
    first = path.read_bytes()
    assert first.startswith(",".join(row._fields).encode() + b"\n")
    write_table(path, read_table(path, type(row)), type(row))
    assert path.read_bytes() == first


def test_an_empty_table(tmp_path):
    write_table(tmp_path / "rejected.csv", [], Rejected)
    assert read_table(tmp_path / "rejected.csv", Rejected) == []


def test_rows_are_sorted_by_id(tmp_path):
    ids = ["b", "-a", "_", "B", "10", "9", "é"]
    path = tmp_path / "clips.csv"
    write_table(path, [CLIP._replace(clip_id=clip_id) for clip_id in ids], Clip)
    assert [row.clip_id for row in read_table(path, Clip)] == sorted(ids)
    rows = [ClassRow(index, f"/m/{index}", "x") for index in (10, 9, 0)]
    write_table(path, rows, ClassRow)
    assert [row.index for row in read_table(path, ClassRow)] == [0, 9, 10]


def test_a_result_is_known_by_system_embedding_and_mixture(tmp_path):
    row = ROWS[-1]
    rows = [row, row._replace(embedding="average"), row._replace(mixture_id="000_001")]
    write_table(tmp_path / "results.csv", rows, Result)
    assert len(read_table(tmp_path / "results.csv", Result)) == 3
    with pytest.raises(ValueError, match="id 'resunet oracle 000_000' stands twice"):
        write_table(tmp_path / "results.csv", [row, row], Result)


def test_text_is_kept_as_it_is(tmp_path):
    row = CLIP._replace(clip_id="-Y_a,b", path='a "b", c/ü.wav', labels="")
    write_table(tmp_path / "clips.csv", [row], Clip)
    assert read_table(tmp_path / "clips.csv", Clip) == [row]


HEADER = "clip_id,path,start_seconds,duration_seconds,labels,group\n"
GOOD = "a,a.wav,0,10,/m/1,g\n"
REMEDY = "; stage 0 writes it: ./run.sh --stage 0 --stop-stage 0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the header must be clip_id,path,start_seconds,duration_seconds,labels,group"),
        (GOOD, "line 1: the header must be clip_id,"),
        (HEADER + GOOD + "b,b.wav\n", "line 3: id 'b' has 2 columns, expected 6" + REMEDY),
        (HEADER.replace(",", ";"), "line 1: the header must be clip_id,"),
        (HEADER.replace(",", ", "), "line 1: the header must be clip_id,"),
        (HEADER + ",,,,,\n", "line 2: id '' has start_seconds '', expected float" + REMEDY),
        (HEADER + "\n\n" + GOOD + "b\n", "line 5: id 'b' has 1 columns, expected 6" + REMEDY),
        (HEADER + '"a,a.wav,0,10,,g\n\n', "line 2: not CSV (unexpected end of data"),
        (HEADER + '"a"a,a.wav,0,10,,g\n', "line 2: not CSV ("),
        (HEADER + f"{'a' * 200_000},a.wav,0,10,,g\n", "line 2: not CSV (field larger than"),
        (HEADER + "a,a\0.wav,0,10,,g\n", "line 2: a NUL character, so this is no text" + REMEDY),
        (HEADER + "a,a.wav,1_0,10,,g\n", "line 2: id 'a' has start_seconds '1_0', expected float"),
        (HEADER + "a,a.wav,٣,10,,g\n", "line 2: id 'a' has start_seconds '٣', expected float"),
        (HEADER + "a,a.wav,0x10,9,,g\n", "line 2: id 'a' has start_seconds '0x10', expected fl"),
        (HEADER + "a,a.wav,1e400,9,,g\n", "line 2: id 'a' has start_seconds inf, which is not f"),
        (HEADER + "a,a.wav,1e300,9,,g\n", "line 2: id 'a' has start_seconds 1e+300, which is b"),
        (HEADER + "a\x1b,a.wav,0,9,,g\n", "line 2: id 'a\\x1b' has clip_id 'a\\x1b', with a con"),
        (HEADER + '"a\nb",a.wav,0,9,,g\n', "line 2: id 'a\\nb' has clip_id 'a\\nb', with a con"),
        (HEADER + " a,a.wav,0,9,,g\n", "line 2: id ' a' has clip_id ' a', with a space at its"),
        (HEADER + GOOD + GOOD, "line 3: id 'a' stands twice" + REMEDY),
        (HEADER + "b" + GOOD + GOOD, "line 3: id 'a' is out of order (sort by id)" + REMEDY),
        (HEADER + ",a.wav,0,10,,g\n", "line 2: id '' is empty" + REMEDY),
        (
            HEADER + "a,a.wav,soon,10,,g\n",
            "line 2: id 'a' has start_seconds 'soon', expected float" + REMEDY,
        ),
        (
            HEADER + "a,a.wav,-1,10,,g\n",
            "line 2: id 'a' has start_seconds -1.0, which is negative" + REMEDY,
        ),
        (
            HEADER + "a,a.wav,0,0,,g\n",
            "line 2: id 'a' has duration_seconds 0.0, which is not positive" + REMEDY,
        ),
        (
            HEADER + "a,a.wav,0,nan,,g\n",
            "line 2: id 'a' has duration_seconds nan, which is not finite" + REMEDY,
        ),
    ],
)
def test_faults(tmp_path, text, message):
    path = tmp_path / "clips.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError) as caught:
        read_table(path, Clip)
    assert str(caught.value).startswith(f"{path}: {message}"), caught.value


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEADER + GOOD,
        (HEADER + GOOD).replace("\n", "\r\n"),
        "\ufeff" + (HEADER + GOOD + "\n\n").replace("\n", "\r\n"),
        (HEADER + GOOD).replace("\n", "\r"),
        HEADER + GOOD + "\n",
        HEADER + "\n" + GOOD + "  \n",
        (HEADER + GOOD).rstrip("\n"),
        'clip_id,"path",start_seconds,duration_seconds,labels,group\n"a","a.wav","0","10","/m/1",g\n',
        HEADER + "a,a.wav, 0 ,1e1,/m/1,g\n",
    ],
)
def test_tables_as_other_programs_write_them(tmp_path, text):
    path = tmp_path / "clips.csv"
    path.write_bytes(text.encode())
    assert read_table(path, Clip) == [Clip("a", "a.wav", 0.0, 10.0, "/m/1", "g")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_utf_16_is_refused(tmp_path, encoding):
    path = tmp_path / "clips.csv"
    path.write_bytes((HEADER + GOOD).encode(encoding))
    with pytest.raises(ValueError, match=r"clips\.csv(: line 1: a NUL| is in UTF-16: save it as)"):
        read_table(path, Clip)


@pytest.mark.parametrize("cell", ["1_0", "٣", "0x10", "1.0", "1e3", "-1", "9" * 19, "9" * 5000, ""])
def test_whole_numbers(tmp_path, cell):
    path = tmp_path / "packed.csv"
    path.write_text(f"clip_id,row\na,{cell}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"packed\.csv: line 2: id 'a' has row .*; stage 0 writes"):
        read_table(path, PackedRow)


@pytest.mark.parametrize("name", ["a/b", "..", "../x", "/a"])
def test_an_id_that_names_a_folder(tmp_path, name):
    with pytest.raises(ValueError, match="mixture_id .*, which cannot be a file's name"):
        write_table(tmp_path / "eval.csv", [Mixture(name, "a", "b")], Mixture)


def test_what_is_no_file(tmp_path):
    for path in (tmp_path / "clips.csv", tmp_path / "pipe" / "clips.csv"):
        path.parent.mkdir(exist_ok=True)
        path.mkdir() if path.parent == tmp_path else os.mkfifo(path)
        with pytest.raises(ValueError, match=r"clips\.csv is not a file; stage 0 writes it"):
            read_table(path, Clip)


def test_rows_in_any_order(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("pair_id,class_id,other_class_id\nb,x,y\na,x,y\na,x,y\n")
    assert [row.pair_id for row in read_rows(path, ClassPair, "correct it")] == ["b", "a", "a"]
    path.write_text("pair_id,class_id,other_class_id\nb,x\n")
    with pytest.raises(ValueError, match="line 2: id 'b' has 2 columns, expected 3; correct it"):
        read_rows(path, ClassPair, "correct it")


def test_an_anchor_cannot_start_before_its_clip(tmp_path):
    with pytest.raises(ValueError, match=r"anchors\.csv: line 2: .* start_sample -1, .*stage 2"):
        write_table(tmp_path / "anchors.csv", [ROWS[4]._replace(start_sample=-1)], Anchor)


def test_the_writer_validates_and_keeps_the_old_table(tmp_path):
    path = tmp_path / "clips.csv"
    write_table(path, [CLIP], Clip)
    before = path.read_bytes()
    for rows, message in (
        ([CLIP, CLIP], "line 3: id 'a' stands twice"),
        ([CLIP._replace(clip_id="")], "line 2: id '' is empty"),
        ([CLIP._replace(duration_seconds=float("inf"))], "duration_seconds inf"),
    ):
        with pytest.raises(ValueError, match=message):
            write_table(path, rows, Clip)
    assert path.read_bytes() == before


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(ValueError, match=r"mixtures/eval\.csv is missing; stage 3 writes it"):
        read_table(tmp_path / "mixtures" / "eval.csv", Mixture)
    path = tmp_path / "clips.csv"
    path.write_bytes((HEADER + GOOD).replace("g", "é").encode("latin-1"))
    with pytest.raises(ValueError, match=r"clips\.csv: line 1: not UTF-8"):
        read_table(path, Clip)
