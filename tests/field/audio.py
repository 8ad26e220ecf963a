"""One reader of audio, by content; samples and rates beyond any sound."""

import json

import numpy as np
import soundfile

from tests.field.case import Done, case, require
from tests.field.place import RATE, Place, need, sound
from uss.tables import ClassRow, Clip, write_table

AUDIO = "audio"


def stage_1(place: Place, files: dict[str, float], **options) -> tuple[Done, dict[str, str]]:
    """Files, with the seconds that clips.csv promises, through stage 1 beside a good clip.

    Returns:
        what came; name of each file that was rejected -> the reason.
    """
    folder = place.folder
    (folder / "conf").mkdir(exist_ok=True)
    (folder / "conf" / "resample.yaml").write_text(
        f"sample_rate: {RATE}\nclip_seconds: 12.0\nmax_rejected_fraction: 1.0\n"
    )
    write_table(folder / "data" / "classes.csv", [ClassRow(0, "/m/0", "a")], ClassRow)
    place.wav("good.wav")
    for split in ("train", "dev", "eval"):
        clips = [Clip(f"good_{split}", "good.wav", 0.0, 1.0, "/m/0", split)]
        if split == "train":
            clips += [Clip(name, name, 0.0, length, "/m/0", name) for name, length in files.items()]
        write_table(folder / "data" / split / "clips.csv", clips, Clip)
    done = place.uss("resample", **options)
    record = folder / "data" / "train" / "waveforms" / "part_0000.h5.meta.json"
    rejected = json.loads(record.read_text())["facts"]["rejected"] if record.exists() else []
    return done, dict(rejected)


@case(
    AUDIO,
    "youtube-dl#16549",
    "`really_m4a_2s.wav`, an M4A by content, with ffmpeg: stage 1, and `sep`",
    "both take it: one reader, by content",
)
def two_readers_two_verdicts(place: Place) -> str:
    need("ffmpeg")
    place.copy("audio/really_m4a_2s.wav")
    separated = place.separate("really_m4a_2s.wav").require_ok()
    done, rejected = stage_1(place, {"really_m4a_2s.wav": 2.0})
    done.require_ok()
    require(not rejected, f"`sep` takes it, stage 1 rejects it: {rejected}")
    return f"stage 1 packs it; {separated.short}"


@case(
    AUDIO,
    "youtube-dl#16549",
    "the same file as `--query`, and an MP3 that is called x.wav in stage 1",
    "taken: by content",
)
def a_query_by_content(place: Place) -> str:
    need("ffmpeg")
    place.copy("audio/really_m4a_2s.wav")
    place.wav("a.wav")
    place.separate("a.wav", "--query", "really_m4a_2s.wav").require_ok()
    soundfile.write(place.folder / "x.mp3", sound(2.0), RATE)
    (place.folder / "x.mp3").rename(place.folder / "x.wav")
    done, rejected = stage_1(place, {"x.wav": 2.0})
    done.require_ok()
    require(not rejected, f"rejected: {rejected}")
    return "both are taken"


@case(
    AUDIO,
    "own",
    "`double_huge.wav`, 64-bit floats beyond 32-bit ones: `sep --residual`, stage 1",
    "refused with the reason",
)
def doubles_beyond_float32(place: Place) -> str:
    place.copy("audio/double_huge.wav")
    done = place.separate("double_huge.wav", "--residual")
    for name, (samples, _) in place.outputs().items():
        require(np.isfinite(samples).all(), f"{done.short}; {name[-24:]} is not finite")
    done.require_sentence("double_huge")
    _, rejected = stage_1(place, {"double_huge.wav": 1.0})
    require("double_huge.wav" in rejected, "stage 1 packs it")
    return done.short


@case(
    AUDIO,
    "own",
    "`m_7_00600_g.wav`, a damaged file with values of 1e30: `sep`, stage 1",
    "refused with the reason: no sound is that loud",
)
def values_of_1e30(place: Place) -> str:
    return refused_as_beyond_sound(place, "audio/m_7_00600_g.wav")


def refused_as_beyond_sound(place: Place, name: str) -> str:
    path = place.copy(name)
    done = place.separate(path.name, seconds=30)
    peaks = [float(np.abs(samples).max()) for samples, _ in place.outputs().values()]
    peak = f", a sample of {max(peaks):.3g}" if peaks else ""
    require(done.sentence, done.short + peak)
    own, rejected = stage_1(place, {path.name: 1.0}, seconds=30)
    own.require_ok()
    require(path.name in rejected, f"{done.short}; stage 1 packs it")
    return f"{done.short}; stage 1: {rejected[path.name]}"


@case(
    AUDIO,
    "own",
    "`loud.wav`, 32-bit floats with one sample of 1e7: `sep`, stage 1",
    "refused with the reason",
)
def one_sample_of_1e7(place: Place) -> str:
    samples = sound(1.0)
    samples[500] = 1e7
    soundfile.write(place.folder / "loud.wav", samples, RATE, subtype="FLOAT")
    done = place.separate("loud.wav").require_sentence("loud.wav")
    _, rejected = stage_1(place, {"loud.wav": 1.0})
    require("loud.wav" in rejected, f"{done.short}; stage 1 packs it")
    return done.short


@case(
    AUDIO,
    "own",
    "`m_7_01312_a.caf`, a damaged header: `sep`, stage 1",
    "an answer within 10 s",
)
def a_header_that_hangs(place: Place) -> str:
    place.copy("audio/m_7_01312_a.caf")
    done = place.separate("m_7_01312_a.caf", seconds=15).require_no_traceback()
    own, _ = stage_1(place, {"m_7_01312_a.caf": 1.0}, seconds=15)
    own.require_no_traceback()
    return done.short


@case(
    AUDIO,
    "own",
    "`m_7_01628_a.wav`, a rate of 128 Hz: `sep`, stage 1",
    "refused: below 1 kHz, and within 10 s",
)
def a_rate_of_128_hz(place: Place) -> str:
    place.copy("audio/m_7_01628_a.wav")
    done = place.separate("m_7_01628_a.wav", seconds=40)
    require(done.sentence, done.short)
    own, rejected = stage_1(place, {"m_7_01628_a.wav": 1.0}, seconds=40)
    own.require_ok()
    require("Hz" in rejected.get("m_7_01628_a.wav", ""), f"{done.short}; stage 1: {rejected}")
    return done.short


@case(
    AUDIO,
    "own",
    "WAV files with rates of 3 Hz and of 2 GHz: `sep`, stage 1",
    "refused with the reason, within 10 s",
)
def rates_that_no_sound_has(place: Place) -> str:
    said = []
    for name, rate in (("low.wav", 3), ("high.wav", 2_000_000_000)):
        soundfile.write(place.folder / name, sound(0.5), rate)
        done = place.separate(name, seconds=20)
        require(done.sentence, f"{rate} Hz: {done.short}")
        said.append(done.line)
    own, rejected = stage_1(place, {"low.wav": 1.0, "high.wav": 1.0}, seconds=40)
    own.require_ok()
    require(len(rejected) == 2, f"stage 1 rejects {rejected}")
    return "; ".join(said)
