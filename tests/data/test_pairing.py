"""Which anchors meet: the rules of docs/method.md, against a slow implementation of their own."""

from collections import Counter
from itertools import count

import numpy as np
import pytest

from tests.helpers.tiny_recipe import anchors_of, clip
from uss.data.pairing import Pairing, class_list, train_stream
from uss.seeding import PURPOSES

CLASS_IDS = ["/m/c", "/m/a", "/m/empty", "/m/b", "/m/d"]  # not sorted, one without clips
PRESENT = ["/m/c", "/m/a", "/m/b", "/m/d"]
LABELS = (
    ["/m/a"] * 5 + ["/m/b"] * 3 + ["/m/c"] * 4 + ["/m/d", "/m/a /m/b", "/m/a /m/c", "/m/b /m/d"]
)
CLIPS = [clip(f"clip_{row:02d}", labels) for row, labels in enumerate(LABELS)]
ANCHORS = anchors_of(CLIPS)
INDEX_OF = {class_id: index for index, class_id in enumerate(CLASS_IDS)}
BY_ID = {anchor.anchor_id: anchor for anchor in ANCHORS}
CLIP_LABELS = {one.clip_id: frozenset(one.labels.split()) for one in CLIPS}


def pairing(seed=0, forbidden=None, anchors=ANCHORS, clip_labels=CLIP_LABELS, class_ids=CLASS_IDS):
    return Pairing(anchors, clip_labels, class_ids, forbidden or {}, seed)


def expected_targets(seed, num_rows):
    """Row i by the letter of docs/method.md, section 2."""
    num_classes = len(PRESENT)
    came_before = Counter()
    for i in range(num_rows):
        order = np.random.default_rng([seed, PURPOSES["class_order"], i // num_classes])
        c = int(order.permutation(num_classes)[i % num_classes])
        anchors = [anchor for anchor in ANCHORS if anchor.class_id == PRESENT[c]]
        e = came_before[c]
        shuffle = np.random.default_rng([seed, PURPOSES["anchor_order"], c, e // len(anchors)])
        yield anchors[shuffle.permutation(len(anchors))[e % len(anchors)]].anchor_id
        came_before[c] += 1


class ExpectedInterferers:
    """Row i by the letter of docs/method.md: try t of row i is number i mod 1024 of the t-th draw
    of 1024 rows from the generator (seed, purpose, index, i // 1024)."""

    def __init__(self, forbidden, *numbers):
        self.forbidden, self.numbers = forbidden, numbers
        self.of_class = [[a for a in ANCHORS if a.class_id == class_id] for class_id in PRESENT]
        self.generators, self.tries = {}, {}

    def draw(self, block, number):
        generator = self.generators.setdefault(block, np.random.default_rng([*self.numbers, block]))
        tries = self.tries.setdefault(block, [])
        while len(tries) <= number:
            classes = generator.integers(len(PRESENT), size=1024)
            sizes = np.array([len(self.of_class[c]) for c in classes])
            tries.append((classes, generator.integers(sizes)))
        return tries[number]

    def of(self, row, class_id):
        avoided = {class_id, *self.forbidden.get(class_id, ())}
        for number in count():
            classes, entries = (draws[row % 1024] for draws in self.draw(row // 1024, number))
            anchor = self.of_class[classes][entries]
            if anchor.class_id not in avoided and not avoided & CLIP_LABELS[anchor.clip_id]:
                return anchor.anchor_id


@pytest.mark.parametrize("forbidden", [{}, {"/m/c": {"/m/d"}, "/m/d": {"/m/c"}}])
@pytest.mark.parametrize("seed", [0, 5])
def test_interferers_follow_the_rules(seed, forbidden):
    pairs = pairing(seed, forbidden)
    expected = ExpectedInterferers(forbidden, seed, PURPOSES["interferer"])
    for i, row in enumerate(train_stream(pairs, 2500)):
        assert row.interferer_anchor == expected.of(i, BY_ID[row.target_anchor].class_id), i
    of_class = [
        ExpectedInterferers(forbidden, seed, PURPOSES["eval_list"], c) for c in range(len(PRESENT))
    ]
    for row in class_list(pairs, 1100, "eval_list", INDEX_OF):
        class_id, entry = CLASS_IDS[int(row.mixture_id[:3])], int(row.mixture_id[4:])
        expected = of_class[PRESENT.index(class_id)].of(entry, class_id)
        assert row.interferer_anchor == expected, row


@pytest.mark.parametrize("seed", [0, 5])
def test_targets_follow_the_rules(seed):
    rows = list(train_stream(pairing(seed), 150))
    assert [row.target_anchor for row in rows] == list(expected_targets(seed, 150))


def test_row_i_depends_on_seed_and_i_only():
    rows = list(train_stream(pairing(), 2200))
    for num_rows in (1, 70, 1023, 1024, 1025, 2100):
        assert list(train_stream(pairing(), num_rows)) == rows[:num_rows]
    ids = [row.mixture_id for row in rows]
    assert ids == [f"{i:08d}" for i in range(2200)] == sorted(ids)
    others = list(train_stream(pairing(1), 2200))
    assert sum(row == other for row, other in zip(rows, others, strict=True)) < 330


def test_every_class_comes_once_a_round_and_every_anchor_as_often():
    num_classes = len(PRESENT)
    rows = list(train_stream(pairing(), num_classes * 60))
    of_class = [BY_ID[row.target_anchor].class_id for row in rows]
    for start in range(0, len(rows), num_classes):
        assert sorted(of_class[start : start + num_classes]) == sorted(PRESENT)
    num_anchors = Counter(anchor.class_id for anchor in ANCHORS)
    for anchor_id, times in Counter(row.target_anchor for row in rows).items():
        share = 60 / num_anchors[BY_ID[anchor_id].class_id]
        assert int(share) <= times <= int(share) + 1


def met(rows):
    """(target's class, interferer's class, labels of the interferer's clip) of each row."""
    for row in rows:
        interferer = BY_ID[row.interferer_anchor]
        target = BY_ID[row.target_anchor]
        yield target.class_id, interferer.class_id, CLIP_LABELS[interferer.clip_id]


def test_the_interferers_clip_does_not_carry_the_targets_label():
    for target, interferer, labels in met(train_stream(pairing(), 1000)):
        assert target != interferer
        assert target not in labels


def test_interferers_are_drawn_evenly_over_the_other_classes():
    """... and within a class over its anchors, as far as the rule above leaves them."""
    rows = list(train_stream(pairing(), 8000))
    counts = Counter(interferer for target, interferer, _ in met(rows) if target == "/m/c")
    assert counts.keys() == {"/m/a", "/m/b", "/m/d"}
    # /m/a: one of its 7 anchors lies in a clip that carries /m/c and is drawn again
    weights = {"/m/a": 6 / 7, "/m/b": 1.0, "/m/d": 1.0}
    for class_id, weight in weights.items():
        share = weight / sum(weights.values())
        assert counts[class_id] / 2000 == pytest.approx(share, abs=0.035)  # 3 deviations
    anchors = Counter(row.interferer_anchor for row in rows)
    assert len(anchors) == len(ANCHORS)


def test_forbidden_classes_do_not_meet_not_even_within_a_clip():
    forbidden = {"/m/c": {"/m/d"}, "/m/d": {"/m/c"}}
    rows = list(train_stream(pairing(forbidden=forbidden), 600))
    seen = set()
    for target, interferer, labels in met(rows):
        seen.add((target, interferer))
        if target == "/m/c":
            assert "/m/d" not in labels
        if target == "/m/d":
            assert "/m/c" not in labels
    assert ("/m/c", "/m/b") in seen and ("/m/d", "/m/a") in seen


def test_no_interferer_names_the_class():
    clips = [clip("x", "/m/a"), clip("y", "/m/a /m/b")]
    labels = {one.clip_id: frozenset(one.labels.split()) for one in clips}
    found = pairing(anchors=anchors_of(clips), clip_labels=labels)
    with pytest.raises(ValueError, match="class /m/a finds no interferer.*add clips"):
        list(train_stream(found, 10))
    only = pairing(anchors=anchors_of(clips[:1]), clip_labels=labels)
    with pytest.raises(ValueError, match="class /m/a finds no interferer"):
        list(class_list(only, 1, "eval_list", {"/m/a": 0}))


def test_classes_without_anchors_are_known():
    assert pairing().class_ids == PRESENT
    assert pairing().missing == ["/m/empty"]
    with pytest.raises(ValueError, match="no class has an anchor"):
        pairing(anchors=[])


def test_an_anchor_of_an_unknown_clip():
    with pytest.raises(ValueError, match="clip 'clip_03', which clips.csv lacks"):
        pairing(clip_labels={k: v for k, v in CLIP_LABELS.items() if k != "clip_03"})


def test_a_list_has_as_many_mixtures_of_each_class():
    rows = list(class_list(pairing(), 10, "eval_list", INDEX_OF))
    assert Counter(BY_ID[row.target_anchor].class_id for row in rows) == dict.fromkeys(PRESENT, 10)
    ids = [row.mixture_id for row in rows]
    assert len(set(ids)) == 40
    assert {mixture_id[:3] for mixture_id in ids} == {"000", "001", "003", "004"}
    for row in rows:
        assert INDEX_OF[BY_ID[row.target_anchor].class_id] == int(row.mixture_id[:3])
    for target, _, labels in met(rows):
        assert target not in labels


def test_a_list_repeats_no_target_before_all_had_their_turn():
    rows = list(class_list(pairing(), 21, "eval_list", INDEX_OF))
    a = [row.target_anchor for row in rows if BY_ID[row.target_anchor].class_id == "/m/a"]
    assert Counter(a).most_common(1)[0][1] == 3  # 7 anchors
    assert len(set(a[:7])) == len(set(a[7:14])) == 7


def test_lists_are_prefixes_of_longer_lists_and_differ_by_purpose():
    short = set(class_list(pairing(), 5, "dev_list", INDEX_OF))
    assert short < set(class_list(pairing(), 9, "dev_list", INDEX_OF))
    other = set(class_list(pairing(), 5, "eval_list", INDEX_OF))
    assert len(short & other) < 10
