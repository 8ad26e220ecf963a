"""Every random choice comes from a generator that its purpose and index name."""

import numpy as np

# The numbers are part of every published result: add at the end, never renumber.
PURPOSES = {
    "class_order": 0,
    "anchor_order": 1,
    "interferer": 2,
    "query_list": 3,
    "dev_list": 4,
    "eval_list": 5,
    "eval_sed_list": 6,
    "detector_batch": 7,
    "amae_batch": 8,
    "amae_mask": 9,
    "initial_weights": 10,
    "bootstrap": 11,
    "random_anchor": 12,
    "examples": 13,  # of earlier versions
    "museval_sample": 14,
    "probe": 15,
    "training_query": 16,
    "augmentation": 17,
    "detector_speed": 18,
    "folder_splits": 19,
}


def rng(seed: int, purpose: str, *index: int) -> np.random.Generator:
    """The generator of one random choice: the same for any number of workers, shards and ranks."""
    return np.random.default_rng([seed, PURPOSES[purpose], *index])


def torch_seed(seed: int, purpose: str, *index: int) -> int:
    """A seed for torch's own generators, for initial weights."""
    return int(rng(seed, purpose, *index).integers(2**63 - 1))
