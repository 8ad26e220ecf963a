"""Stage 0 of egs/mini, reduced: tables, determinism, and sounds that are what they claim."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from egs.mini.local.data_config import Data
from egs.mini.local.parameters import NUM_CELLS, Parameters
from uss.bin.check_data import check
from uss.config import load
from uss.data.dataset import LABELLED_SPLITS, Dataset
from uss.labels import audioset_classes

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "egs" / "mini"
NUM_ROUNDS = {"train": 2, "dev": 1, "eval": 1}
SMALL = [f"data.num_rounds.{split}={number}" for split, number in NUM_ROUNDS.items()]


def copy_recipe(folder: Path) -> Path:
    for name in ("conf", "local"):
        shutil.copytree(RECIPE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    no_torch = folder / "no_torch"
    no_torch.mkdir()
    (no_torch / "torch.py").write_text("raise ImportError('stage 0 needs no torch')\n")
    (no_torch / "local").mkdir()
    (no_torch / "local" / "__init__.py").write_text("raise ImportError('not the recipe')\n")
    return folder


def prepare(recipe: Path, *overrides: str) -> subprocess.CompletedProcess:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{recipe / 'no_torch'}:{ROOT}",
    }
    options = [word for override in (*SMALL, *overrides) for word in ("--set", override)]
    return subprocess.run(
        ["local/prepare.sh", "--conf", "conf", *options],
        cwd=recipe,
        env=environment,
        capture_output=True,
        text=True,
    )


def contents(recipe: Path) -> dict[str, bytes]:
    data = recipe / "data"
    return {
        str(path.relative_to(data)): path.read_bytes()
        for path in sorted(data.rglob("*"))
        if path.suffix in (".wav", ".csv")
    }


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    recipe = copy_recipe(tmp_path_factory.mktemp("mini"))
    done = prepare(recipe)
    assert done.returncode == 0, done.stderr
    return recipe


@pytest.fixture(scope="module")
def dataset(recipe) -> Dataset:
    return Dataset(recipe / "data")


@pytest.fixture(scope="module")
def sounds(recipe, dataset) -> dict[str, list[tuple[np.ndarray, int]]]:
    """Class name -> its events of all splits, cut at their true times, with the rate."""
    names = dict(zip(dataset.classes.ids, dataset.classes.names, strict=True))
    result = {name: [] for name in dataset.classes.names}
    for split in LABELLED_SPLITS:
        paths = {clip.clip_id: recipe / clip.path for clip in dataset.clips(split)}
        for event in dataset.events(split):
            waveform, rate = soundfile.read(paths[event.clip_id])
            start = round(event.start_seconds * rate)
            stop = start + round(event.duration_seconds * rate)
            result[names[event.class_id]].append((waveform[start:stop], rate))
    return result


def test_tables_are_valid_and_splits_disjoint(dataset):
    check(dataset)
    audioset = audioset_classes()
    assert len(dataset.classes) >= 10
    for class_id, name in zip(dataset.classes.ids, dataset.classes.names, strict=True):
        assert audioset.names[audioset.index(class_id)] == name


def test_a_chirp_tone_and_a_sine_wave_never_meet(dataset):
    """AudioSet counts one as a kind of the other."""
    classes = dict(zip(dataset.classes.names, dataset.classes.ids, strict=True))
    sine, chirp = classes["Sine wave"], classes["Chirp tone"]
    assert dataset.forbidden() == {sine: {chirp}, chirp: {sine}}


@pytest.mark.parametrize("split", LABELLED_SPLITS)
def test_every_class_sounds_once_a_round(dataset, split):
    labels = [label for clip in dataset.clips(split) for label in clip.labels.split()]
    counts = {class_id: labels.count(class_id) for class_id in dataset.classes.ids}
    assert set(counts.values()) == {NUM_ROUNDS[split]}


@pytest.mark.parametrize("split", LABELLED_SPLITS)
def test_events_agree_with_labels_are_apart_and_cover_a_third_at_most(dataset, split):
    events = {}
    for event in dataset.events(split):
        events.setdefault(event.clip_id, []).append(event)
    for clip in dataset.clips(split):
        of_clip = sorted(events[clip.clip_id], key=lambda event: event.start_seconds)
        assert sorted(event.class_id for event in of_clip) == sorted(clip.labels.split())
        assert 1 <= len(of_clip) <= 3
        assert sum(event.duration_seconds for event in of_clip) <= clip.duration_seconds / 3
        ends = [0.0, *(event.start_seconds + event.duration_seconds for event in of_clip)]
        starts = [*(event.start_seconds for event in of_clip), clip.duration_seconds]
        for end, start in zip(ends, starts, strict=True):
            assert start - end >= 1.0 - 1e-6


def test_an_event_stands_out_of_the_noise_floor_at_its_true_times(recipe, dataset):
    for clip in dataset.clips("train"):
        waveform, rate = soundfile.read(recipe / clip.path)
        assert waveform.shape == (clip.duration_seconds * rate,)
        assert np.abs(waveform).max() < 1
        silent = np.ones(len(waveform), bool)
        for event in dataset.events("train"):
            if event.clip_id == clip.clip_id:
                start = round(event.start_seconds * rate)
                stop = start + round(event.duration_seconds * rate)
                silent[start:stop] = False
                assert np.sqrt(np.mean(waveform[start:stop] ** 2)) > 10 ** (-45 / 20)
        floor = 20 * np.log10(np.sqrt(np.mean(waveform[silent] ** 2)))
        assert -67 < floor < -59


def test_splits_draw_parameters_from_ranges_of_their_own():
    cells = {}
    for split in LABELLED_SPLITS:
        parameters = Parameters(np.random.default_rng(0), split)
        values = np.array([parameters.log_uniform(100, 200) for _ in range(500)])
        assert 100 <= values.min() and values.max() <= 200
        cells[split] = set((np.log2(values / 100) * NUM_CELLS).astype(int))
    everything = set().union(*cells.values())
    assert len(everything) == sum(map(len, cells.values())) == NUM_CELLS
    assert min(cells["train"]) < min(cells["eval"]) and max(cells["eval"]) < max(cells["train"])


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(recipe, tmp_path):
    again, other = copy_recipe(tmp_path / "again"), copy_recipe(tmp_path / "other")
    assert prepare(again).returncode == 0
    assert prepare(other, "data.seed=1").returncode == 0
    expected, found = contents(recipe), contents(other)
    assert len(expected) == 20 + 2 + 6  # clips, tables of the recipe, tables of the splits
    assert contents(again) == expected
    assert found.keys() == expected.keys()
    audio = [name for name in expected if name.endswith(".wav")]
    assert all(found[name] != expected[name] for name in audio)
    assert len({expected[name] for name in audio}) == len(audio)


@pytest.mark.slow
def test_a_rerun_does_what_is_needed_and_says_why(recipe, tmp_path):
    recipe = shutil.copytree(recipe, tmp_path / "mini")
    before = contents(recipe)

    done = prepare(recipe)
    assert done.stderr.count("skip data/") == 5 and "run data/" not in done.stderr

    (recipe / "data/raw/dev/dev_0002.wav").unlink()
    done = prepare(recipe)
    assert "run data/dev/clips.csv: events.csv or audio files are gone" in done.stderr
    assert "skip data/train/clips.csv" in done.stderr
    assert contents(recipe) == before

    done = prepare(recipe, "data.num_rounds.eval=2")
    assert "run data/eval/clips.csv: changed setting: num_rounds.eval (1 -> 2)" in done.stderr
    assert len(Dataset(recipe / "data").clips("eval")) == 10


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.clip_second=5", "unknown key clip_second; the nearest known one is clip_seconds"),
        ("data.max_event_fraction=0.5", "max_event_fraction is 0.5, not in (0, 1/3]"),
        ("data.clip_seconds=3", "clip_seconds is 3.0: an event could last 0.25 s"),
        ("data.num_rounds.dev=0", "num_rounds.train, dev and eval must be at least 1"),
        ("data.event_dbfs=[-10, -20]", "event_dbfs is [-10.0, -20.0], must be two rising levels"),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_key(override, message):
    with pytest.raises(ValueError) as error:
        load(RECIPE / "conf", "data", Data, [override])
    assert message in str(error.value) and "data.yaml" in str(error.value)


def test_clips_that_do_not_hold_every_class_once_are_refused_in_one_line(tmp_path):
    done = prepare(copy_recipe(tmp_path / "mini"), "data.events_per_clip=[3, 3]")
    assert done.returncode == 1
    assert "ERROR" in done.stderr and "sums to 6; every one of the 12 classes" in done.stderr
    assert "Traceback" not in done.stderr


def power(waveform: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz and the share of the power at each."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)))) ** 2
    return np.fft.rfftfreq(len(waveform), 1 / rate), spectrum / spectrum.sum()


def share(waveform: np.ndarray, rate: int, low: float, high: float) -> float:
    frequencies, spectrum = power(waveform, rate)
    return spectrum[(frequencies >= low) & (frequencies <= high)].sum()


def peak_track(waveform: np.ndarray, rate: int, num_samples: int = 256) -> np.ndarray:
    """The strongest frequency of each short frame that is not silent."""
    frames = waveform[: len(waveform) // num_samples * num_samples].reshape(-1, num_samples)
    frames = frames[np.mean(frames**2, axis=1) > 0.05 * np.mean(waveform**2)]
    spectra = np.abs(np.fft.rfft(frames * np.hanning(num_samples), 4 * num_samples))
    return np.argmax(spectra, axis=1) * rate / (4 * num_samples)


def slope(waveform: np.ndarray, rate: int) -> float:
    """Of the power density from 100 to 3200 Hz, in dB an octave."""
    edges = 100 * 2.0 ** np.arange(6)
    density = [share(waveform, rate, low, 2 * low) / low for low in edges[:-1]]
    return np.polyfit(np.arange(5), 10 * np.log10(density), 1)[0]


def is_two_tones(waveform, rate, low, high):
    shares = [share(waveform, rate, 0.985 * tone, 1.015 * tone) for tone in (low, high)]
    return sum(shares) > 0.8 and min(shares) > 0.2


def is_on_and_off(waveform, rate):
    level = np.mean(waveform[: len(waveform) // 80 * 80].reshape(-1, 80) ** 2, axis=1)
    return 0.2 < np.mean(level < 0.1 * level.max()) < 0.9


def num_partials(waveform, rate):
    """Peaks above a hundredth of the highest, 20 Hz apart, up to 2 kHz."""
    frequencies, spectrum = power(waveform, rate)
    steps = 20 * np.arange(1, 100)
    bands = np.array([spectrum[(frequencies >= f) & (frequencies < f + 20)].max() for f in steps])
    peaks = (bands[1:-1] > bands[:-2]) & (bands[1:-1] > bands[2:])
    return np.sum(peaks & (bands[1:-1] > 0.01 * bands.max()))


def is_one_way_sweep(waveform, rate):
    """The pitch moves by more than an octave, and nearly always in one direction."""
    track = np.log2(np.maximum(peak_track(waveform, rate, 128), 1))
    moves = np.sign(np.diff(track))
    return np.ptp(track) > 1 and abs(moves.sum()) > 0.5 * len(moves)


CLAIMS = {
    "Sine wave": lambda x, rate: (
        np.ptp(peak_track(x, rate)) < 20
        and share(x, rate, *(peak_track(x, rate).mean() + [-10, 10])) > 0.98
    ),
    "Dial tone": lambda x, rate: is_two_tones(x, rate, 350, 440) and not is_on_and_off(x, rate),
    "Busy signal": lambda x, rate: is_two_tones(x, rate, 480, 620) and is_on_and_off(x, rate),
    "Smoke detector, smoke alarm": lambda x, rate: (
        share(x, rate, 2800, 3600) > 0.7 and is_on_and_off(x, rate)
    ),
    "Siren": lambda x, rate: (
        np.ptp(peak_track(x, rate)) > 300
        and share(x, rate, 450, 1750) > 0.5
        and not is_one_way_sweep(x, rate)
    ),
    "White noise": lambda x, rate: abs(slope(x, rate)) < 0.5,
    "Pink noise": lambda x, rate: abs(slope(x, rate) + 3.01) < 0.7,
    "Chirp tone": is_one_way_sweep,
    "Clicking": lambda x, rate: np.abs(x).max() > 5 * np.sqrt(np.mean(x**2)),
    "Engine": lambda x, rate: share(x, rate, 10, 1000) > 0.9 and share(x, rate, 10, 120) > 0.02,
    "Bell": lambda x, rate: 3 <= num_partials(x, rate) <= 12 and share(x, rate, 100, 5000) > 0.99,
    "Cricket": lambda x, rate: share(x, rate, 2000, 3300) > 0.9 and is_on_and_off(x, rate),
}


def test_the_sounds_are_what_they_claim(sounds):
    assert sounds.keys() == CLAIMS.keys()
    for name, events in sounds.items():
        assert len(events) == sum(NUM_ROUNDS.values())
        for waveform, rate in events:
            assert CLAIMS[name](waveform, rate), name
