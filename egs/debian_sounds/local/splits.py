"""Divides the recordings among development and evaluation folds, by group, class by class.

Development recordings are the same for every fold: what is chosen on them has met no fold's
evaluation. Of the others, fold `fold` evaluates one part and trains on the rest, so that over all
folds every one of them is evaluated once.
"""

from collections import Counter, defaultdict

import numpy as np

from .data_config import Data
from .recordings import Recording

SPLITS = ("train", "dev", "eval")
DEV = "dev"  # beside the folds' numbers "0", "1", ...
NUM_DRAWS = 500
FULL_BANDWIDTH_RATE = 32000  # Hz
SPLIT = 100  # purpose of a generator: default_rng([seed, SPLIT, class])


def split_recordings(recordings: list[Recording], config: Data) -> dict[str, str]:
    """Group -> "train", "dev" or "eval" of config.fold; the same for the same recordings and seed.

    Raises:
        ValueError: naming a class that has too few groups.
    """
    split_of = {DEV: "dev", str(config.fold): "eval"}
    return {group: split_of.get(p, "train") for group, p in divide(recordings, config).items()}


def divide(recordings: list[Recording], config: Data) -> dict[str, str]:
    """Group -> DEV, or the number of the fold that evaluates it.

    Of many random divisions of a class the best is taken (see `badness`). Classes with few groups
    choose first; a group of several classes stays where the first one put it.
    """
    by_class = defaultdict(list)
    for row in recordings:
        by_class[row.audioset_label].append(row)
    names = sorted(by_class)
    part_of: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (len(groups_of(by_class[name])), name)):
        rng = np.random.default_rng([config.seed, SPLIT, names.index(name)])
        part_of |= divide_class(name, by_class[name], part_of, config, rng)
    return part_of


def groups_of(rows: list[Recording]) -> list[str]:
    return sorted({row.group for row in rows})


def num_groups(total: int, config: Data) -> dict[str, int]:
    """Groups of a class in each part."""
    num_dev = max(1, round(config.dev_fraction * total))
    share, rest = divmod(total - num_dev, config.num_folds)
    return {DEV: num_dev} | {str(k): share + (k < rest) for k in range(config.num_folds)}


def divide_class(
    name: str, rows: list[Recording], fixed: dict[str, str], config: Data, rng: np.random.Generator
) -> dict[str, str]:
    """Group -> part for one class; groups in `fixed` keep theirs."""
    groups = groups_of(rows)
    wanted = num_groups(len(groups), config)
    if min(wanted.values()) < 1:
        raise ValueError(
            f"class {name!r} has {len(groups)} independent groups of recordings, but needs "
            f"{config.num_folds + 1}; use packages of the listed releases, lower data.num_folds, "
            "or set benchmark to 0 in its rows of local/debian_sounds.csv"
        )
    held = {group: fixed[group] for group in groups if group in fixed}
    free = [group for group in groups if group not in held]
    num_held = Counter(held.values())
    missing = Counter({part: max(0, num - num_held[part]) for part, num in wanted.items()})
    while missing.total() > len(free):  # where a part holds more than its share already
        missing[max(missing, key=lambda part: missing[part])] -= 1
    places = list(missing.elements())
    draws = [
        held | dict(zip((free[i] for i in rng.permutation(len(free))), places, strict=True))
        for _ in range(NUM_DRAWS)
    ]
    return min(draws, key=lambda part_of: badness(rows, part_of, config))


def badness(rows: list[Recording], part_of: dict[str, str], config: Data) -> tuple[int, int, float]:
    """What to avoid, the worst first.

    Returns:
        packages that have several groups, all of them in one part;
        folds without a recording of full bandwidth, so that results over those lose the class;
        distance of the parts' shares of recordings (not of groups) from the wanted ones.
    """
    parts_of, groups_in = defaultdict(set), defaultdict(set)
    for row in rows:
        parts_of[row.package].add(part_of[row.group])
        groups_in[row.package].add(row.group)
    one_sided = sum(
        len(groups) > 1 and len(parts_of[package]) == 1 for package, groups in groups_in.items()
    )
    wide = {part_of[row.group] for row in rows if row.sample_rate >= FULL_BANDWIDTH_RATE}
    num_narrow = config.num_folds - len(wide - {DEV})
    num_recordings = Counter(part_of[row.group] for row in rows)
    of_fold = (1 - config.dev_fraction) / config.num_folds
    shares = {DEV: config.dev_fraction} | {str(k): of_fold for k in range(config.num_folds)}
    distance = sum(abs(num_recordings[p] / len(rows) - share) for p, share in shares.items())
    return one_sided, num_narrow, distance
