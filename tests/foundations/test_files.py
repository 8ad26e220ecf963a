"""Atomic files, digests, and the records that decide what runs again."""

import hashlib
import json
import logging
import os

import pytest

from uss import files
from uss.files import Step, atomic, changes, digest, meta_path, read_facts, write_json, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_atomic_writes_and_makes_the_folder(tmp_path):
    path = tmp_path / "new" / "a.txt"
    write_text(path, "one")
    assert path.read_text() == "one"
    assert names(path.parent) == ["a.txt"]


def test_a_file_that_holds_the_text_already_is_left_alone(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "é")
    os.utime(path, ns=(1, 1))
    write_text(path, "é")
    assert path.stat().st_mtime_ns == 1
    write_text(path, "e")
    assert path.stat().st_mtime_ns != 1


def test_a_failed_write_leaves_the_old_file_and_no_temporary(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt), atomic(path) as temporary:
        temporary.write_text("half of the n")
        assert path.read_text() == "old"
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_the_temporary_is_a_hidden_sibling_with_the_suffix(tmp_path):
    """Hidden, so that no glob for parts finds it; with the suffix, so that soundfile knows it."""
    with atomic(tmp_path / "part_0000.h5") as temporary:
        temporary.write_text("x")
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".h5"
        assert not list(tmp_path.glob("part_*"))
    assert names(tmp_path) == ["part_0000.h5"]


def test_read_json_names_the_file(tmp_path):
    path = tmp_path / "a.json"
    for content in ("{", "[1]"):
        path.write_text(content)
        with pytest.raises(ValueError, match=r"a\.json: not (a )?JSON"):
            files.read_json(path)


def finished(tmp_path, text="content", **facts):
    output = tmp_path / "out.txt"
    write_text(output, text)
    Step(output, {"table": sha256("table")}, {"seed": 0}).finish(**facts)
    return output


@pytest.fixture
def hashed(monkeypatch):
    """The files that were really read for their digest."""
    read = []
    original = hashlib.file_digest
    monkeypatch.setattr(
        files.hashlib, "file_digest", lambda file, kind: read.append(1) or original(file, kind)
    )
    return read


def test_digest_is_taken_from_the_record_while_size_and_time_agree(tmp_path, hashed):
    output = finished(tmp_path)
    hashed.clear()
    assert digest(output) == sha256("content")
    assert not hashed
    time = output.stat().st_mtime_ns
    output.write_text("another")  # as long
    os.utime(output, ns=(time + 1, time + 1))
    assert digest(output) == sha256("another")
    assert len(hashed) == 1
    output.write_text("content!")
    os.utime(output, ns=(time, time))
    assert digest(output) == sha256("content!")


def test_digest_without_or_with_a_broken_record(tmp_path):
    output = finished(tmp_path)
    for record in (b"", b"[]", b"{}", b'{"output": {"size": 7}}', b"\xff\xfe", None):
        if record is None:
            meta_path(output).unlink()
        else:
            meta_path(output).write_bytes(record)
        assert digest(output) == sha256("content")


@pytest.mark.parametrize(
    ("path", "stage"),
    [
        ("data/classes.csv", 0),
        ("data/train/clips.csv", 0),
        ("data/eval/waveforms/part_0000.h5", 1),
        ("data/eval/anchors.csv", 2),
        ("data/eval/sed_anchors/part_0003.h5", 2),
        ("data/mixtures/query.csv", 3),
        ("data/features/paper_joint/train/part_0000.h5", 4),
        ("exp/mixtures/average_embeddings.h5", 6),
        ("exp/a/resunet/results/part_0000.csv", 7),
    ],
)
def test_what_is_missing_names_the_stage_that_writes_it(tmp_path, path, stage):
    message = rf"{path} is missing; stage {stage} writes it: ./run.sh --stage {stage} --stop-stage"
    with pytest.raises(ValueError, match=message):
        digest(tmp_path / path)
    with pytest.raises(ValueError, match=message):
        Step(tmp_path / "out.txt", {"x": tmp_path / path}, {})


def reason(caplog, output, inputs=None, settings=None):
    """What `is_current` says."""
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="uss.files"):
        current = Step(
            output, inputs or {"table": sha256("table")}, settings or {"seed": 0}
        ).is_current()
    (message,) = caplog.messages
    assert message.startswith("skip " if current else "run "), message
    return message.partition(": ")[2]


def test_a_second_run_is_skipped(tmp_path, caplog):
    output = finished(tmp_path)
    assert reason(caplog, output).startswith("unchanged since 20")


def test_every_reason_to_run(tmp_path, caplog):
    output = tmp_path / "out.txt"
    assert reason(caplog, output) == "not there yet"
    finished(tmp_path)
    assert reason(caplog, output, inputs={"table": sha256("x")}) == "changed input: table"
    assert reason(caplog, output, inputs={"table": None}) == "changed input: table"
    both = {"table": sha256("table"), "events": None}
    assert reason(caplog, output, inputs=both) == "changed input: events (new)"
    assert reason(caplog, output, settings={"seed": 1}) == "changed setting: seed (0 -> 1)"
    output.write_text("edited")
    assert reason(caplog, output) == "the file is not the one that was written"
    for record in ("", "[]", "{}", '{"inputs": {}, "settings": {}}'):
        meta_path(output).write_text(record)
        assert reason(caplog, output) == "its record is missing or broken"


def test_a_touched_file_is_still_current(tmp_path, caplog):
    output = finished(tmp_path)
    os.utime(output, ns=(1, 1))
    assert reason(caplog, output).startswith("unchanged")


def test_inputs_are_compared_by_content(tmp_path, caplog):
    table = tmp_path / "table.csv"
    table.write_text("table")
    output = finished(tmp_path)
    assert reason(caplog, output, inputs={"table": table}).startswith("unchanged")
    table.write_text("other")
    assert reason(caplog, output, inputs={"table": table}) == "changed input: table"


def test_settings_survive_json(tmp_path, caplog):
    """A tuple comes back from JSON as a list: no reason to run."""
    output = tmp_path / "out.txt"
    write_text(output, "x")
    settings = {"rows": (0, 5), "rate": 1e-3, "nested": {"a": None}}
    Step(output, {}, settings).finish()
    with caplog.at_level(logging.INFO, logger="uss.files"):
        assert Step(output, {}, settings).is_current()
    assert not Step(output, {}, {**settings, "nested": {"a": 1}}).is_current()


def test_a_crash_between_output_and_record_runs_again(tmp_path, caplog):
    """The output is new, the record still the old one's."""
    output = finished(tmp_path)
    write_text(output, "made from other inputs")
    new_inputs = {"table": sha256("new table")}
    assert reason(caplog, output, inputs=new_inputs) == "changed input: table"
    assert reason(caplog, output) == "the file is not the one that was written"


def test_finish_records_facts_and_code(tmp_path):
    output = finished(tmp_path, num_clips=3)
    assert read_facts(output) == {"num_clips": 3}
    record = json.loads(meta_path(output).read_text())
    assert record["output"]["digest"] == sha256("content")
    assert record["code"]
    meta_path(output).unlink()
    with pytest.raises(ValueError, match="out.txt.meta.json is missing"):
        read_facts(output)


def test_the_code_version_is_never_compared(tmp_path, caplog):
    output = finished(tmp_path)
    record = json.loads(meta_path(output).read_text())
    write_json(meta_path(output), {**record, "code": "another"})
    assert reason(caplog, output).startswith("unchanged")


def test_changes_are_dotted_keys():
    before = {"a": 1, "b": {"c": 2, "d": "x" * 30}, "old": None}
    after = {"a": 1, "b": {"c": 3, "d": "y"}, "new": {"e": 1}}
    assert changes(before, after) == [
        "b.c (2 -> 3)",
        "b.d",
        "new (new)",
        "old (gone)",
    ]
    assert changes(after, after) == []


def test_digest_of_stats_sees_sizes_and_missing_files(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    paths[0].write_text("a")
    before = files.digest_of_stats(paths)
    assert before == files.digest_of_stats(paths)
    paths[1].write_text("b")
    both = files.digest_of_stats(paths)
    time = paths[1].stat().st_mtime_ns
    paths[1].write_text("bb")
    os.utime(paths[1], ns=(time, time))
    assert len({before, both, files.digest_of_stats(paths)}) == 3


def test_code_version_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    from uss import __version__

    assert files.code_version() == __version__
