"""Which anchors meet: the training stream and the evaluation lists, as pure functions of a seed."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from uss.seeding import rng
from uss.tables import Anchor, Mixture

MAX_REDRAWS = 1000


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
        self._shuffles: dict[tuple[int, int], np.ndarray] = {}

    def target(self, class_number: int, entry: int) -> Anchor:
        """Entry e of a class: number e mod n of the class's shuffle number e // n."""
        anchors = self.of_class[self.class_ids[class_number]]
        key = (class_number, entry // len(anchors))
        if key not in self._shuffles:
            generator = rng(self.seed, "anchor_order", *key)
            self._shuffles[key] = generator.permutation(len(anchors))
        return anchors[self._shuffles[key][entry % len(anchors)]]

    def interferer(self, class_number: int, purpose: str, *index: int) -> Anchor:
        """An anchor of another class whose clip carries neither the target's label nor a label
        that the target's class must not meet.

        Raises:
            ValueError: none is found.
        """
        class_id = self.class_ids[class_number]
        avoided = self.avoided[class_id]
        generator = rng(self.seed, purpose, *index)
        for _ in range(MAX_REDRAWS):
            other = self.class_ids[int(generator.integers(len(self.class_ids)))]
            if other in avoided:
                continue
            anchors = self.of_class[other]
            anchor = anchors[int(generator.integers(len(anchors)))]
            if avoided.isdisjoint(self.clip_labels[anchor.clip_id]):
                return anchor
        raise ValueError(
            f"class {class_id} finds no interferer: every other clip carries its label; "
            "add clips of other classes"
        )


def train_stream(pairing: Pairing, num_rows: int) -> Iterator[Mixture]:
    """Rows 0 .. num_rows - 1 of the training stream.

    Row i takes class number i mod C of permutation i // C of the C classes, so that a class has
    come i // C times before.
    """
    num_classes = len(pairing.class_ids)
    for row in range(num_rows):
        entry, position = divmod(row, num_classes)
        if position == 0:
            order = rng(pairing.seed, "class_order", entry).permutation(num_classes)
        class_number = int(order[position])
        target = pairing.target(class_number, entry)
        interferer = pairing.interferer(class_number, "interferer", row)
        yield Mixture(f"{row:08d}", target.anchor_id, interferer.anchor_id)


def class_list(
    pairing: Pairing, num_per_class: int, purpose: str, index_of: dict[str, int]
) -> Iterator[Mixture]:
    """`num_per_class` mixtures of each class; `index_of` gives the class's index for the id."""
    for class_number, class_id in enumerate(pairing.class_ids):
        for entry in range(num_per_class):
            target = pairing.target(class_number, entry)
            interferer = pairing.interferer(class_number, purpose, class_number, entry)
            mixture_id = f"{index_of[class_id]:03d}_{entry:03d}"
            yield Mixture(mixture_id, target.anchor_id, interferer.anchor_id)
