"""Augmented anchors: what docs/method.md, section 2 says, and the same wherever they are read."""

import numpy as np
import pytest

from uss.data.anchor_set import AnchorSet
from uss.data.augmentation import Augmenter, resampled, tilted
from uss.data.mixture_list import training_list
from uss.data.packed import part_path, write_part
from uss.schema import Augmentation
from uss.seeding import PURPOSES
from uss.tables import Anchor, Mixture, write_table

RATE = 8000
CLIP, LENGTH = 4000, 800  # samples of a clip and an anchor
STARTS = (0, 1000, 1700, 3200)  # of the anchors, one a clip; clip 2 is silent but for its anchor
ALL = Augmentation(seed=3, gain_db=6, polarity=True, shift_seconds=0.05, tilt_db=8, speed=0.1)


@pytest.fixture
def split(recipe):
    """data/train with four clips, their anchors, and a list of 40 mixtures; the folder."""
    folder = recipe.data / "train"
    clips = np.random.default_rng(0).integers(-9999, 9999, (4, CLIP)).astype(np.int16)
    clips[2, : STARTS[2]] = 0
    clips[2, STARTS[2] + LENGTH :] = 0
    names = [f"clip_{number}" for number in range(4)]
    # in another order than the anchors
    waveforms = {"audio_name": names[::-1], "waveform": clips[::-1], "target": np.eye(4) > 0}
    write_part(part_path(folder / "waveforms", 0), waveforms, sample_rate=RATE)
    anchors = [
        Anchor(f"anchor_{number}", names[number], f"/m/{number}", start, 1.0, names[number])
        for number, start in enumerate(STARTS)
    ]
    write_table(folder / "anchors.csv", anchors, Anchor)
    cut = [clip[start : start + LENGTH] for clip, start in zip(clips, STARTS, strict=True)]
    packed = {
        "anchor_id": [anchor.anchor_id for anchor in anchors],
        "waveform": np.stack(cut),
        "embedding": np.eye(4, dtype=np.float32),
        "probabilities": np.eye(4, dtype=np.float32) / 2,
    }
    write_part(part_path(folder / "anchors", 0), packed, sample_rate=RATE)
    rows = [
        Mixture(f"{row:08d}", f"anchor_{row % 4}", f"anchor_{(row + 1) % 4}") for row in range(40)
    ]
    write_table(recipe.data / "mixtures" / "train.csv", rows, Mixture)
    return folder


def heard(split, augmentation, rows=range(40)):
    return training_list(split.parent / "mixtures" / "train.csv", split, augmentation).batch(rows)


def draws(row, side, seed=0):
    """gain, sign, shift, tilt, speed, from -1 to 1"""
    generator = np.random.default_rng([seed, PURPOSES["augmentation"], row, side])
    return generator.uniform(-1, 1, 5)


def clip_of(anchor):
    """The clip of an anchor by its number, in full scale."""
    clips = np.random.default_rng(0).integers(-9999, 9999, (4, CLIP)).astype(np.int16)
    return clips[anchor] / np.float32(32767)


def test_off_is_the_anchors_as_they_are(split):
    mixtures = training_list(split.parent / "mixtures" / "train.csv", split, Augmentation(seed=5))
    assert mixtures.augmenter is None
    waveforms = AnchorSet(split).signals(range(4))
    assert np.array_equal(mixtures.batch([2, 3]).target, waveforms[[2, 3]])
    assert np.array_equal(mixtures.batch([2, 3]).interferer, waveforms[[3, 0]])


def test_gain_and_polarity(split):
    plain = heard(split, Augmentation())
    gained = heard(split, Augmentation(gain_db=6, polarity=True))
    for side, name in enumerate(("target", "interferer")):
        for row in range(40):
            gain, sign, *_ = draws(row, side)
            expected = 10 ** (6 * gain / 20) * (-1 if sign < 0 else 1) * getattr(plain, name)[row]
            np.testing.assert_allclose(getattr(gained, name)[row], expected, rtol=1e-6)


def test_a_shift_is_another_stretch_of_the_clip_if_the_sound_is_still_there(split):
    batch = heard(split, Augmentation(shift_seconds=0.05))
    moved = 0
    for row in range(40):
        for side, signals in enumerate((batch.target, batch.interferer)):
            anchor = (row + side) % 4
            if anchor != 2:
                start = STARTS[anchor] + round(0.05 * RATE * draws(row, side)[2])
                start = min(max(start, 0), CLIP - LENGTH)
                moved += start != STARTS[anchor]
                expected = clip_of(anchor)[start : start + LENGTH]
                assert np.array_equal(signals[row], expected)
    assert moved > 30
    far = heard(split, Augmentation(shift_seconds=10.0))
    assert np.array_equal(far.target[2::4], np.tile(AnchorSet(split).signals([2]), (10, 1)))


def test_speed_is_a_stretch_around_the_same_centre(split):
    """Of a tone, in closed form; and silence beyond the clip's ends."""
    frequency = 200.0
    tone = (20000 * np.sin(2 * np.pi * frequency / RATE * np.arange(CLIP))).astype(np.int16)
    for speed in (1 / 1.1, 1.04):
        centre = 1500 + (LENGTH - 1) / 2
        positions = centre + speed * (np.arange(LENGTH) - (LENGTH - 1) / 2)
        expected = 20000 / 32767 * np.sin(2 * np.pi * frequency / RATE * positions)
        np.testing.assert_allclose(resampled(tone, 1500, LENGTH, speed), expected, atol=2e-3)
    ones = np.full(CLIP, 32767, np.int16)
    for start, silent in ((0, slice(0, 30)), (CLIP - LENGTH, slice(-30, None))):
        faster = resampled(ones, start, LENGTH, 1.1)
        assert not faster[silent].any()
        assert np.array_equal(faster[100:-100], np.ones(LENGTH - 200))
    assert np.array_equal(resampled(ones, 7, LENGTH, 0.9), np.ones(LENGTH))


def test_the_speed_of_a_row_is_drawn(split):
    batch = heard(split, Augmentation(speed=0.1))
    for row in (1, 5, 21):
        expected = resampled(
            (clip_of(1) * 32767).round().astype(np.int16),
            STARTS[1],
            LENGTH,
            1.1 ** draws(row, 0)[4],
        )
        assert np.array_equal(batch.target[row], expected)
        assert not np.array_equal(batch.target[row], AnchorSet(split).signals([1])[0])


def test_a_tilt_is_a_first_order_shelf(split):
    tilts = np.array([-8.0, 0.0, 6.0])
    impulses = np.zeros((3, 4096), np.float32)
    impulses[:, 0] = 1
    response = 20 * np.log10(np.abs(np.fft.rfft(tilted(impulses, tilts, RATE))))
    np.testing.assert_allclose(response[:, 0], -tilts / 2, atol=1e-3)
    np.testing.assert_allclose(response[:, -1], tilts / 2, atol=1e-3)
    bins = np.array([100, 1024 // 2, 1500])
    s = 1j * np.tan(np.pi * bins / 4096) / np.tan(np.pi * 1000 / RATE)
    g = 10 ** (tilts[:, None] / 40)
    expected = 20 * np.log10(np.abs((g * s + 1 / g) / (s + 1)))
    np.testing.assert_allclose(response[:, bins], expected, atol=1e-3)
    batch, plain = heard(split, Augmentation(tilt_db=8)), heard(split, Augmentation())
    for row in range(4):
        expected = tilted(plain.target[row : row + 1], 8 * draws(row, 0)[3:4], RATE)
        assert np.array_equal(batch.target[row : row + 1], expected)


def test_a_row_is_the_same_wherever_it_is_read(split):
    """Alone, in any order, by any process; and each seed, row and side has draws of its own."""
    whole = heard(split, ALL)
    order = np.random.default_rng(1).permutation(40)
    for shuffled in (heard(split, ALL, order), [heard(split, ALL, [row]) for row in order]):
        parts = shuffled if isinstance(shuffled, list) else [shuffled]
        for name in ("target", "interferer"):
            read = np.concatenate([getattr(part, name) for part in parts])
            assert np.array_equal(read, getattr(whole, name)[order])
    of_anchor_1 = [whole.target[1::4], whole.interferer[0::4]]
    other_seed = heard(split, Augmentation(**{**vars(ALL), "seed": 4})).target[1::4]
    assert len(np.unique(np.concatenate([*of_anchor_1, other_seed])[:, 400])) == 30


def test_queries_are_of_the_anchors_as_recorded(split):
    augmented, plain = heard(split, ALL), heard(split, Augmentation())
    assert np.array_equal(augmented.embedding, plain.embedding)
    assert np.array_equal(augmented.probabilities, plain.probabilities)


def test_one_change_does_not_change_another(split):
    """Draws have their places."""
    both = heard(split, Augmentation(polarity=True, shift_seconds=0.05))
    shift = heard(split, Augmentation(shift_seconds=0.05))
    assert np.array_equal(np.abs(both.target), np.abs(shift.target))


@pytest.mark.parametrize(("there", "wrong"), [("clip_3", "clip_9"), (",3200,", ",3201,")])
def test_anchors_that_are_no_part_of_a_clip(split, there, wrong):
    table = (split / "anchors.csv").read_text(encoding="utf-8")
    assert there in table
    (split / "anchors.csv").write_text(table.replace(there, wrong), encoding="utf-8")
    with pytest.raises(ValueError, match="anchors has anchors of other clips than .*--stage 2"):
        Augmenter(AnchorSet(split), Augmentation(speed=0.1), split)
    assert Augmenter(AnchorSet(split), Augmentation(gain_db=1), split).clips is None
