"""Silent loss of audio: what a header says of the length is not the length."""

import io

import soundfile

from tests.field.audio import stage_1
from tests.field.case import Done, case, require
from tests.field.place import RATE, Place, sound

LENGTHS = "lengths"


def whole(done: Done, got: float, wanted: float) -> str:
    """All of it came, or words say that something was left out."""
    came = f"{got:.2f} s of {wanted:g} s; {done.short}"
    if done.status == 0:
        warned = " WARNING " in done.said and got > 0
        require(abs(got - wanted) < 0.1 or warned, came)
    else:
        require(done.sentence and got == 0, came)
    return came


def separated(place: Place, name: str, wanted: float) -> str:
    done = place.separate(name)
    return whole(done, place.seconds(), wanted)


@case(
    LENGTHS,
    "libsndfile#1001",
    "`sep vbr_no_xing_12s.mp3`: the count of frames is an estimate",
    "12 s, or a failure that says so",
)
def variable_rate_without_a_count(place: Place) -> str:
    place.copy("audio/vbr_no_xing_12s.mp3")
    return separated(place, "vbr_no_xing_12s.mp3", 12.0)


@case(
    LENGTHS,
    "libsndfile#1001",
    "the same file in stage 1, as a clip of 12 s",
    "packed whole",
)
def variable_rate_in_stage_1(place: Place) -> str:
    place.copy("audio/vbr_no_xing_12s.mp3")
    done, rejected = stage_1(place, {"vbr_no_xing_12s.mp3": 12.0})
    done.require_ok()
    require(not rejected, f"rejected: {rejected}")
    return "packed"


@case(
    LENGTHS,
    "libsndfile#1001",
    "the same file with `--spectrogram --report`",
    "a picture of 12 s, as long as the output",
)
def variable_rate_as_a_picture(place: Place) -> str:
    place.copy("audio/vbr_no_xing_12s.mp3")
    done = place.separate("vbr_no_xing_12s.mp3", "--spectrogram", "--report")
    pictures = list((place.folder / "out").rglob("*.png"))
    require(done.status != 0 or len(pictures) == 2, f"{len(pictures)} pictures; {done.short}")
    return whole(done, place.seconds(), 12.0)


@case(
    LENGTHS,
    "libsndfile#277",
    "`sep two_joined_4s.mp3`: two files, one after the other",
    "4 s, or a failure that says what was left out",
)
def two_mp3_joined(place: Place) -> str:
    place.copy("audio/two_joined_4s.mp3")
    return separated(place, "two_joined_4s.mp3", 4.0)


def joined(place: Place, name: str, form: str, subtype: str, rates: tuple[int, int]) -> str:
    content = b""
    for rate in rates:
        buffer = io.BytesIO()
        soundfile.write(buffer, sound(2.0, rate), rate, subtype, format=form)
        content += buffer.getvalue()
    (place.folder / name).write_bytes(content)
    said = separated(place, name, 4.0)
    done, rejected = stage_1(place, {name: 4.0})
    done.require_ok()
    words = rejected.get(name, "packed")
    require("truncated" not in words, f"{said}; stage 1: {words}")
    return f"{said}; stage 1: {words}"


@case(LENGTHS, "libsndfile#277", "two Ogg Vorbis files joined: `sep`, stage 1", "4 s, or why not")
def two_vorbis_joined(place: Place) -> str:
    return joined(place, "two.ogg", "OGG", "VORBIS", (RATE, RATE))


@case(LENGTHS, "libsndfile#277", "two Opus files joined: `sep`, stage 1", "4 s, or why not")
def two_opus_joined(place: Place) -> str:
    return joined(place, "two.opus", "OGG", "OPUS", (48000, 48000))


@case(LENGTHS, "libsndfile#277", "two FLAC files joined: `sep`, stage 1", "4 s, or why not")
def two_flac_joined(place: Place) -> str:
    return joined(place, "two.flac", "FLAC", "PCM_16", (RATE, RATE))


@case(
    LENGTHS,
    "libsndfile#277",
    "two Ogg files of 16 and 32 kHz joined: `sep`, stage 1",
    "4 s, or why not",
)
def two_rates_joined(place: Place) -> str:
    return joined(place, "two.ogg", "OGG", "VORBIS", (RATE, 2 * RATE))


@case(
    LENGTHS,
    "drmeter#1",
    "`sep streamed_2s.flac`, as `flac - >x.flac` writes: no length in the header",
    "2 s",
)
def flac_without_a_length(place: Place) -> str:
    place.copy("audio/streamed_2s.flac")
    done = place.separate("streamed_2s.flac").require_ok()
    require(abs(place.seconds() - 2) < 0.1, f"{place.seconds():.2f} s; {done.short}")
    return f"{place.seconds():.2f} s"


@case(LENGTHS, "drmeter#1", "the same file in stage 1, and as `--query`", "packed, taken")
def flac_without_a_length_elsewhere(place: Place) -> str:
    place.copy("audio/streamed_2s.flac")
    done, rejected = stage_1(place, {"streamed_2s.flac": 2.0})
    done.require_ok()
    require(not rejected, f"stage 1: {rejected}")
    place.separate("good.wav", "--query", "streamed_2s.flac").require_ok()
    return "both take it"


@case(
    LENGTHS,
    "drmeter#1",
    "WAV files as programs write them into a pipe, with 0 or 0xFFFFFFFF for sizes: `sep`, stage 1",
    "2 s, or a hint that the header has no length",
)
def wav_without_a_length(place: Place) -> str:
    said = []
    place.wav("whole.wav", 2.0)
    content = (place.folder / "whole.wav").read_bytes()
    at = content.index(b"data") + 4
    for name, size in (("zero.wav", b"\0" * 4), ("most.wav", b"\xff" * 4)):
        (place.folder / name).write_bytes(
            content[:4] + size + content[8:at] + size + content[at + 4 :]
        )
        done = place.separate(name, "--output", f"{name}.out")
        got = place.seconds(f"{name}.out")
        hint = done.sentence and ("header" in done.said or "data size" in done.said)
        require(abs(got - 2) < 0.1 or hint, f"{name}: {got:.2f} s; {done.short}")
        _, rejected = stage_1(place, {name: 2.0})
        require(abs(got - 2) < 0.1 <= 2 and not rejected or hint, f"{name}: stage 1: {rejected}")
        said.append(f"{name}: {got:.2f} s")
    return ", ".join(said)


@case(
    LENGTHS,
    "own",
    "WAV, FLAC, AIFF and W64 of which the second half is missing: `sep`",
    "refused, or what is there with a word that the file ends early",
)
def cut_in_the_middle(place: Place) -> str:
    for suffix in ("wav", "flac", "aiff", "w64"):
        path = place.wav(f"cut.{suffix}", 4.0)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        done = place.separate(path.name, "--output", suffix)
        got = place.seconds(suffix)
        said = " WARNING " in done.said if done.status == 0 else done.sentence
        require(said, f"{suffix}: {got:.2f} s of 4 s; {done.short}")
    return "said of all four"
