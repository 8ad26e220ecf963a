"""Audio files of every kind, damaged: through `uss separate` and through stage 1."""

import io
from pathlib import Path

import numpy as np
import soundfile

from tests.helpers.tiny_experiment import ROOT, tiny_experiment
from tests.mutation.campaign import Kind, Mutant
from tests.mutation.commands import entry, faultless, outputs, separate, warm_up
from tests.mutation.damage import Rng, damaged
from tests.mutation.trial import Trial
from uss.tables import ClassRow, Clip, write_table

FORMATS = (  # suffix, format, subtype, byte order
    ("wav", "WAV", "PCM_16", None), ("wav", "WAV", "PCM_24", None), ("wav", "WAV", "FLOAT", None),
    ("wav", "WAV", "DOUBLE", None), ("wav", "WAV", "PCM_U8", None),
    ("wav", "WAV", "MS_ADPCM", None), ("wav", "WAV", "IMA_ADPCM", None),
    ("wav", "WAV", "ULAW", None), ("wav", "WAV", "GSM610", None),
    ("wav", "WAVEX", "PCM_16", None), ("rf64", "RF64", "PCM_16", None),
    ("flac", "FLAC", "PCM_16", None), ("flac", "FLAC", "PCM_24", None),
    ("ogg", "OGG", "VORBIS", None), ("opus", "OGG", "OPUS", None),
    ("mp3", "MP3", "MPEG_LAYER_III", None), ("caf", "CAF", "PCM_16", None),
    ("caf", "CAF", "ALAC_16", None), ("caf", "CAF", "FLOAT", None), ("aif", "AIFF", "PCM_16", None),
    ("aiff", "AIFF", "FLOAT", None), ("w64", "W64", "PCM_16", None), ("w64", "W64", "DOUBLE", None),
    ("au", "AU", "PCM_16", None), ("au", "AU", "FLOAT", "LITTLE"),
)  # fmt: skip
RATE = 16000
HAS_LENGTH = ("wav", "rf64", "flac", "caf", "aif", "aiff", "w64")  # in the header
STREAMS = ("ogg", "opus", "mp3", "flac")  # where two files joined are one recording
M4A = ROOT / "tests" / "fixtures" / "cases" / "audio" / "really_m4a_2s.wav"
RESAMPLE = f"sample_rate: {RATE}\nclip_seconds: 1.0\nclips_per_part: 10\n"
RESAMPLE += "max_rejected_fraction: 1.0\n"


def sound(seconds: float, channels: int = 1) -> np.ndarray:
    """(samples, channels): a chirp, and a little noise."""
    rng = np.random.default_rng(0)
    time = np.arange(round(seconds * RATE)) / RATE
    chirp = 0.2 * np.sin(2 * np.pi * (400 + 300 * time) * time)
    return chirp[:, None] + 0.02 * rng.standard_normal((len(time), channels))


def encoded(form: tuple, samples: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, form[2], form[3], form[1])
    return buffer.getvalue()


def prepare() -> Kind:
    warm_up("resample")
    model = tiny_experiment() / "exp" / "one" / "resunet"
    seeds = []  # (suffix, bytes, seconds)
    for form in FORMATS:
        for channels in (1, 2):
            if form[2] != "GSM610" or channels == 1:
                seeds.append((form[0], encoded(form, sound(1.0, channels)), 1.0))
    seeds += [("m4a", M4A.read_bytes(), 2.0)] * 2
    return Kind("audio", lambda rng, folder: make(rng, folder, model, seeds))


def make(rng: Rng, folder: Path, model: Path, seeds: list) -> Mutant:
    suffix, content, seconds = seeds[rng.integers(len(seeds))]
    least = 0.0  # seconds that must come, or a word must be said
    name = suffix
    match rng.choice(["damage", "damage", "damage", "damage", "two", "join", "suffix", "cut"]):
        case "damage":
            what, content = damaged(content, rng)
        case "two":
            first, content = damaged(content, rng)
            second, content = damaged(content, rng)
            what = f"{first}, {second}"
        case "join":
            other_suffix, other, other_seconds = seeds[rng.integers(len(seeds))]
            if rng.random() < 0.7:
                other_suffix, other, other_seconds = suffix, content, seconds
            content += other
            what = f"joined with {other_suffix}"
            least = seconds
            if suffix == other_suffix and suffix in STREAMS:
                least += other_seconds
        case "suffix":
            name = str(rng.choice(["wav", "flac", "mp3", "m4a", "ogg", "raw", "mkv", "txt", ""]))
            what, least = f"named .{name}", seconds
        case "cut":
            share = rng.uniform(0.1, 0.9)
            content = content[: int(len(content) * share)]
            what, least = f"cut to {share:.2f}", seconds if suffix in HAS_LENGTH else 0.0
    file = folder / f"mutant.{name}".rstrip(".")
    file.write_bytes(content)
    write_recipe(folder, file.name, seconds)
    options = (file.name, "--model", str(model), "--class", "0", "--residual", "--output", "out")

    @faultless
    def check_separation(said: str) -> None:
        found = outputs(folder / "out")
        shape = next(iter(found.values())).shape
        if least and " WARNING " not in said:
            got = shape[0] / record_rate(folder)
            assert got > least - 0.1, f"{got:.2f} s of {least:g} s, and nothing said"
        total = sum(found.values())
        if not np.any(total):
            assert not heard(file), "silence, and the input is not silent"

    @faultless
    def check_packed(said: str) -> None:
        import h5py

        with h5py.File(folder / "data" / "train" / "waveforms" / "part_0000.h5") as part:
            for clip_id, row in zip(part["audio_name"], part["waveform"], strict=True):
                if clip_id == b"mutant":
                    assert row.any(), "silence is packed"
                    peak = peak_of(file)
                    assert peak < 1.01e6, f"packed, and the input has a sample of {peak:.3g}"

    return Mutant(
        f"{suffix}: {what}",
        [
            Trial("separate", separate(*options), check_separation),
            Trial("stage_1", entry("resample"), check_packed),
        ],
    )


def write_recipe(folder: Path, name: str, seconds: float) -> None:
    """The mutant as a clip beside a good one."""
    (folder / "conf").mkdir()
    (folder / "conf" / "resample.yaml").write_text(RESAMPLE)
    write_table(folder / "data" / "classes.csv", [ClassRow(0, "/m/0", "a")], ClassRow)
    soundfile.write(folder / "good.wav", sound(1.0), RATE)
    for split in ("train", "dev", "eval"):
        clips = [Clip(f"good_{split}", "good.wav", 0.0, 1.0, "/m/0", split)]
        if split == "train":
            clips.append(Clip("mutant", name, 0.0, min(1.0, seconds), "/m/0", "mutant"))
        write_table(folder / "data" / split / "clips.csv", clips, Clip)


def record_rate(folder: Path) -> int:
    import json

    record = next((folder / "out").rglob("separation.json"))
    return json.loads(record.read_text())["audio"]["sample_rate"]


def peak_of(file: Path) -> float:
    """As libsndfile reads it; 0 where it does not."""
    try:
        samples, _ = soundfile.read(file, always_2d=True)
    except (soundfile.LibsndfileError, TypeError, ValueError):
        return 0.0
    return float(np.abs(samples).max(initial=0.0))


def heard(file: Path) -> bool:
    """Whether libsndfile reads sound."""
    peak = peak_of(file)
    return np.isfinite(peak) and peak > 1e-3
