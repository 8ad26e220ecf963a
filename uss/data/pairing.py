"""Which anchors meet: the training stream and the evaluation lists, as pure functions of a seed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from uss.row_generators import RowGenerators
from uss.seeding import rng
from uss.shards import parts
from uss.tables import Anchor, Mixture

MAX_REDRAWS = 1000
ROWS_AT_A_TIME = 1 << 14  # of interferers: their generators stay in the processor's cache


class Pairing:
    """Targets and interferers of a set of anchors.

    Args:
        anchors: rows of anchors.csv, sorted by id.
        clip_labels: clip_id -> class_ids of the clip.
        class_ids: the recipe's classes in order; those without anchors are left out.
        forbidden: class_id -> class_ids that it may never meet.
        seed: of the list.

    Raises:
        ValueError: no class has anchors, or an anchor's clip is unknown.
    """

    def __init__(
        self,
        anchors: list[Anchor],
        clip_labels: dict[str, frozenset[str]],
        class_ids: list[str],
        forbidden: dict[str, set[str]],
        seed: int,
    ) -> None:
        of_class = defaultdict(list)
        for anchor in anchors:
            if anchor.clip_id not in clip_labels:
                raise ValueError(
                    f"anchor {anchor.anchor_id!r} comes from clip {anchor.clip_id!r}, which "
                    f"clips.csv lacks; run stages 1 and 2 again: ./run.sh --stage 1 --stop-stage 2"
                )
            of_class[anchor.class_id].append(anchor)
        self.of_class = of_class
        self.class_ids = [class_id for class_id in class_ids if of_class[class_id]]
        if not self.class_ids:
            raise ValueError("no class has an anchor: see what stage 2 says of the clips")
        self.missing = [class_id for class_id in class_ids if not of_class[class_id]]
        self.clip_labels = clip_labels
        self.avoided = {
            class_id: {class_id} | forbidden.get(class_id, set()) for class_id in self.class_ids
        }
        self.seed = seed
        self._num_anchors = np.array([len(of_class[class_id]) for class_id in self.class_ids])
        self._avoids = np.array(
            [[other in self.avoided[one] for other in self.class_ids] for one in self.class_ids]
        )
        self._shuffles: dict[tuple[int, int], list[int]] = {}

    def target(self, class_number: int, entry: int) -> Anchor:
        """Entry e of a class: number e mod n of the class's shuffle number e // n."""
        anchors = self.of_class[self.class_ids[class_number]]
        key = (class_number, entry // len(anchors))
        if key not in self._shuffles:
            generator = rng(self.seed, "anchor_order", *key)
            self._shuffles[key] = generator.permutation(len(anchors)).tolist()
        return anchors[self._shuffles[key][entry % len(anchors)]]

    def interferers(
        self, class_numbers: np.ndarray, purpose: str, *index: np.ndarray
    ) -> Iterator[Anchor]:
        """For the class of each target an anchor of another class, whose clip carries neither the
        target's label nor a label that the target's class must not meet.

        Args:
            class_numbers: (n,) of the targets.
            index: (n,) arrays; with seed and purpose they name the generator of each.

        Raises:
            ValueError: none is found.
        """
        for block in parts(len(class_numbers), ROWS_AT_A_TIME):
            rows = slice(block.start, block.stop)
            generators = RowGenerators(self.seed, purpose, *(numbers[rows] for numbers in index))
            yield from self._draw(class_numbers[rows], generators)

    def _draw(self, class_numbers: np.ndarray, generators: RowGenerators) -> list[Anchor]:
        drawn: list[Anchor | None] = [None] * len(class_numbers)
        pending = np.arange(len(class_numbers))
        for _ in range(MAX_REDRAWS):
            num_classes = np.full(len(pending), len(self.class_ids))
            others = generators.integers(pending, num_classes)
            differs = ~self._avoids[class_numbers[pending], others]
            rows, others = pending[differs], others[differs]
            entries = generators.integers(rows, self._num_anchors[others])
            for row, other, entry in np.stack([rows, others, entries], axis=1).tolist():
                anchor = self.of_class[self.class_ids[other]][entry]
                avoided = self.avoided[self.class_ids[class_numbers[row]]]
                if avoided.isdisjoint(self.clip_labels[anchor.clip_id]):
                    drawn[row] = anchor
            pending = np.array([row for row in pending.tolist() if drawn[row] is None], np.int64)
            if len(pending) == 0:
                return [anchor for anchor in drawn if anchor is not None]  # it is all of them
        raise ValueError(
            f"class {self.class_ids[class_numbers[pending[0]]]} finds no interferer: every other "
            "clip carries its label; add clips of other classes"
        )


def train_stream(pairing: Pairing, num_rows: int) -> Iterator[Mixture]:
    """Rows 0 .. num_rows - 1 of the training stream.

    Row i takes class number i mod C of permutation i // C of the C classes, so that a class has
    come i // C times before.
    """
    num_classes = len(pairing.class_ids)
    rows = np.arange(num_rows)
    orders = [
        rng(pairing.seed, "class_order", start // num_classes).permutation(num_classes)
        for start in range(0, num_rows, num_classes)
    ]
    class_numbers = np.concatenate(orders)[:num_rows]
    ids = (f"{row:08d}" for row in range(num_rows))
    return pairs(pairing, ids, class_numbers, rows // num_classes, "interferer", rows)


def class_list(
    pairing: Pairing, num_per_class: int, purpose: str, index_of: dict[str, int]
) -> Iterator[Mixture]:
    """`num_per_class` mixtures of each class; `index_of` gives the class's index for the id."""
    class_numbers = np.arange(len(pairing.class_ids)).repeat(num_per_class)
    entries = np.tile(np.arange(num_per_class), len(pairing.class_ids))
    ids = (
        f"{index_of[class_id]:03d}_{entry:03d}"
        for class_id in pairing.class_ids
        for entry in range(num_per_class)
    )
    return pairs(pairing, ids, class_numbers, entries, purpose, class_numbers, entries)


def pairs(
    pairing: Pairing,
    ids: Iterable[str],
    class_numbers: np.ndarray,
    entries: np.ndarray,
    purpose: str,
    *index: np.ndarray,
) -> Iterator[Mixture]:
    """The mixtures of the given targets, each with its interferer."""
    interferers = pairing.interferers(class_numbers, purpose, *index)
    for mixture_id, class_number, entry, interferer in zip(
        ids, class_numbers.tolist(), entries.tolist(), interferers, strict=True
    ):
        target = pairing.target(class_number, entry)
        yield Mixture(mixture_id, target.anchor_id, interferer.anchor_id)
