"""Class tables: a recipe's own, AudioSet's, and its ontology."""

import numpy as np
import pytest

from uss.labels import Classes, audioset_classes, audioset_parents, read_classes
from uss.tables import ClassRow, write_table


def classes(*ids):
    return Classes([ClassRow(i, class_id, f"n{class_id}") for i, class_id in enumerate(ids)], "x")


def test_a_recipes_own_table(tmp_path):
    path = tmp_path / "classes.csv"
    write_table(path, [ClassRow(1, "/m/b", "Bee"), ClassRow(0, "/m/z", "Zither")], ClassRow)
    found = read_classes(path)
    assert found.ids == ["/m/z", "/m/b"]
    assert found.names == ["Zither", "Bee"]
    assert len(found) == 2
    assert found.index("/m/b") == found.index_of_name("Bee") == 1
    assert "/m/z" in found and "/m/a" not in found
    assert found.multi_hot("/m/b").tolist() == [False, True]
    assert found.multi_hot("  /m/b /m/z ").tolist() == [True, True]
    assert found.multi_hot("").dtype == np.bool_


def test_faults(tmp_path):
    path = tmp_path / "classes.csv"
    write_table(path, [ClassRow(0, "/m/a", "A"), ClassRow(2, "/m/b", "B")], ClassRow)
    with pytest.raises(ValueError, match=r"classes\.csv: the indices must be 0, 1, 2"):
        read_classes(path)
    with pytest.raises(ValueError, match="x: the class_id 'a' stands twice"):
        classes("a", "a")
    for rows, message in (
        ([ClassRow(0, "/m/a", "A"), ClassRow(1, "/m/b", "A")], "x: the name 'A' stands twice"),
        ([ClassRow(0, "/m/a", "")], "x: a name is empty"),
    ):
        with pytest.raises(ValueError, match=message):
            Classes(rows, "x")
    with pytest.raises(ValueError, match="no class is named 'Bea'; the nearest are: .*nb"):
        classes("a", "b", "c").index_of_name("Bea")


def test_audioset_has_its_527_classes():
    found = audioset_classes()
    assert len(found) == 527
    assert len(set(found.names)) == 527
    known = {0: "Speech", 137: "Music", 307: "Car", 526: "Field recording"}
    assert {index: found.names[index] for index in known} == known
    assert found.index("/m/09x0r") == 0  # Speech
    assert found.index("/m/04rlf") == 137  # Music


def test_the_ontologys_parents():
    parents = audioset_parents()
    ids = audioset_classes()
    missing = [class_id for class_id in ids.ids if class_id not in parents]
    assert not missing
    assert all(parent in parents for of_one in parents.values() for parent in of_one)
    assert parents["/m/09x0r"] == ["/m/09l8g"]  # Speech is a human voice
    assert parents["/m/09l8g"] == ["/m/0dgw9r"]  # which is a human sound
    assert parents["/m/0dgw9r"] == []


def test_the_ontology_has_no_cycle():
    parents = audioset_parents()

    def ancestors(class_id, above=()):
        assert class_id not in above
        for parent in parents[class_id]:
            ancestors(parent, (*above, class_id))

    for class_id in parents:
        ancestors(class_id)


def test_a_message_names_some_of_many_classes():
    found = classes(*"abcdefg")
    assert found.shown(["b"]) == "b (nb)"
    assert found.shown(list("abcde")) == "a (na), b (nb), c (nc), d (nd), e (ne)"
    assert found.shown(list("abcdefg")).endswith("e (ne), and 2 more")
