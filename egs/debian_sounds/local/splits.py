"""Divides the recordings among train, dev and eval, by group, class by class."""

from collections import defaultdict

import numpy as np
from data_config import Data
from recordings import Recording

SPLITS = ("train", "dev", "eval")
MIN_EVAL_GROUPS, MIN_DEV_GROUPS, MIN_TRAIN_GROUPS = 2, 1, 1
NUM_DRAWS = 500
FULL_BANDWIDTH_RATE = 32000  # Hz
SPLIT = 100  # purpose of a generator: default_rng([seed, SPLIT, class])


def split_recordings(recordings: list[Recording], config: Data) -> dict[str, str]:
    """Group -> "train", "dev" or "eval"; the same for the same recordings and seed.

    Of many random divisions of a class the best is taken (see `badness`). Classes with few groups
    choose first; a group of several classes stays where the first one put it.

    Raises:
        ValueError: naming a class that has too few groups.
    """
    by_class = defaultdict(list)
    for row in recordings:
        by_class[row.audioset_label].append(row)
    names = sorted(by_class)
    side: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (len(groups_of(by_class[name])), name)):
        rng = np.random.default_rng([config.seed, SPLIT, names.index(name)])
        side |= split_class(name, by_class[name], side, config, rng)
    return side


def groups_of(rows: list[Recording]) -> list[str]:
    return sorted({row.group for row in rows})


def num_groups(total: int, config: Data) -> dict[str, int]:
    """Groups of a class in each split."""
    num_eval = max(MIN_EVAL_GROUPS, round(config.eval_fraction * total))
    num_dev = max(MIN_DEV_GROUPS, round(config.dev_fraction * (total - num_eval)))
    return {"train": total - num_eval - num_dev, "dev": num_dev, "eval": num_eval}


def split_class(
    name: str, rows: list[Recording], fixed: dict[str, str], config: Data, rng: np.random.Generator
) -> dict[str, str]:
    """Group -> split for one class; groups in `fixed` keep their side."""
    groups = groups_of(rows)
    wanted = num_groups(len(groups), config)
    if wanted["train"] < MIN_TRAIN_GROUPS:
        needed = MIN_EVAL_GROUPS + MIN_DEV_GROUPS + MIN_TRAIN_GROUPS
        raise ValueError(
            f"class {name!r} has {len(groups)} independent groups of recordings, but needs "
            f"{needed}; use packages of the listed releases, or set benchmark to 0 in its rows of "
            "local/debian_sounds.csv"
        )
    held = {group: fixed[group] for group in groups if group in fixed}
    free = [group for group in groups if group not in held]
    places = []
    for split in SPLITS:
        num_held = list(held.values()).count(split)
        places += [split] * max(0, wanted[split] - num_held)
    places = places[: len(free)] + ["train"] * (len(free) - len(places))
    draws = [
        held | dict(zip((free[i] for i in rng.permutation(len(free))), places, strict=True))
        for _ in range(NUM_DRAWS)
    ]
    return min(draws, key=lambda side: badness(rows, side, config))


def badness(rows: list[Recording], side: dict[str, str], config: Data) -> tuple[int, bool, float]:
    """What to avoid, the worst first.

    Returns:
        packages that have several groups, yet none in train or none in eval;
        whether eval has no recording of full bandwidth, so that results over those lose the class;
        distance of the shares of recordings (not of groups) from the wanted ones.
    """
    sides_of, groups_in, num_recordings = defaultdict(set), defaultdict(set), defaultdict(int)
    for row in rows:
        sides_of[row.package].add(side[row.group])
        groups_in[row.package].add(row.group)
        num_recordings[side[row.group]] += 1
    one_sided = sum(
        len(groups) > 1 and not {"train", "eval"} <= sides_of[package]
        for package, groups in groups_in.items()
    )
    is_narrow = not any(
        row.sample_rate >= FULL_BANDWIDTH_RATE and side[row.group] == "eval" for row in rows
    )
    dev_fraction = config.dev_fraction * (1 - config.eval_fraction)
    distance = abs(num_recordings["eval"] / len(rows) - config.eval_fraction)
    distance += abs(num_recordings["dev"] / len(rows) - dev_fraction)
    return one_sided, is_narrow, distance
