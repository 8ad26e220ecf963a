"""Which anchors meet: the training stream and the evaluation lists, as pure functions of a seed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from uss.seeding import rng
from uss.shards import parts
from uss.tables import Anchor, Mixture

# Of the rules by which lists are drawn; 1 had a generator of its own for each row (docs/method.md).
LISTS_VERSION = 2
MAX_REDRAWS = 1000
BLOCK_ROWS = 1024  # that share a generator: another number makes other lists


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

    def interferers(self, class_numbers: np.ndarray, purpose: str, *index: int) -> Iterator[Anchor]:
        """For the class of each target an anchor of another class, whose clip carries neither the
        target's label nor a label that the target's class must not meet.

        Args:
            class_numbers: (n,) of the targets, from row 0 on.
            index: with seed, purpose and a block's number it names the generator of the block.

        Raises:
            ValueError: none is found.
        """
        for block, rows in enumerate(parts(len(class_numbers), BLOCK_ROWS)):
            generator = rng(self.seed, purpose, *index, block)
            yield from self._draw(class_numbers[rows.start : rows.stop], generator)

    def _draw(self, class_numbers: np.ndarray, generator: np.random.Generator) -> list[Anchor]:
        """Each round draws for a whole block, whichever rows still need it or are there at all: a
        row's draws depend on no other row, and a longer list begins with the shorter one."""
        drawn: dict[int, Anchor] = {}
        pending = np.arange(len(class_numbers))
        for _ in range(MAX_REDRAWS):
            others = generator.integers(len(self.class_ids), size=BLOCK_ROWS)
            entries = generator.integers(self._num_anchors[others])
            differs = ~self._avoids[class_numbers[pending], others[pending]]
            for row in pending[differs].tolist():
                anchor = self.of_class[self.class_ids[others[row]]][entries[row]]
                avoided = self.avoided[self.class_ids[class_numbers[row]]]
                if avoided.isdisjoint(self.clip_labels[anchor.clip_id]):
                    drawn[row] = anchor
            pending = np.array([row for row in pending.tolist() if row not in drawn], np.int64)
            if len(pending) == 0:
                return [drawn[row] for row in range(len(class_numbers))]
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
    orders = [
        rng(pairing.seed, "class_order", start // num_classes).permutation(num_classes)
        for start in range(0, num_rows, num_classes)
    ]
    class_numbers = np.concatenate(orders)[:num_rows]
    entries = np.arange(num_rows) // num_classes
    ids = (f"{row:08d}" for row in range(num_rows))
    return pairs(pairing, ids, class_numbers, entries, "interferer")


def class_list(
    pairing: Pairing, num_per_class: int, purpose: str, index_of: dict[str, int]
) -> Iterator[Mixture]:
    """`num_per_class` mixtures of each class; `index_of` gives the class's index for the id."""
    entries = np.arange(num_per_class)
    for class_number, class_id in enumerate(pairing.class_ids):
        ids = (f"{index_of[class_id]:03d}_{entry:03d}" for entry in entries)
        class_numbers = np.full(num_per_class, class_number)
        yield from pairs(pairing, ids, class_numbers, entries, purpose, class_number)


def pairs(
    pairing: Pairing,
    ids: Iterable[str],
    class_numbers: np.ndarray,
    entries: np.ndarray,
    purpose: str,
    *index: int,
) -> Iterator[Mixture]:
    """The mixtures of the given targets, each with its interferer."""
    interferers = pairing.interferers(class_numbers, purpose, *index)
    for mixture_id, class_number, entry, interferer in zip(
        ids, class_numbers.tolist(), entries.tolist(), interferers, strict=True
    ):
        target = pairing.target(class_number, entry)
        yield Mixture(mixture_id, target.anchor_id, interferer.anchor_id)
