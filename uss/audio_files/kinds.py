"""What a file is, by its bytes: its name says nothing.

Each kind that libsndfile or ffmpeg shall read stands here. All else is refused: a playlist is a
text that names other files, and ffmpeg would open them.
"""

from typing import NamedTuple

from uss.audio_files.chunks import W64_TAIL, samples_of_au, samples_of_chunks
from uss.audio_files.flac import streams_of_flac
from uss.audio_files.mpeg import first_frame, streams_of_mpeg
from uss.audio_files.ogg import streams_of_ogg
from uss.audio_files.tags import after_tags
from uss.audio_files.view import BadAudio, Bytes, Piece

TS_PACKET = 188
BY_FFMPEG = (  # (position, bytes, demuxer)
    (4, b"ftyp", "mov"),
    (4, b"moov", "mov"),
    (4, b"mdat", "mov"),
    (4, b"wide", "mov"),
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "asf"),
    (0, b"FLV\x01", "flv"),
    (0, b"#!AMR", "amr"),
    (0, b"MAC ", "ape"),
    (0, b"wvPK", "wv"),
    (0, b"TTA1", "tta"),
    (0, b"\x0bw", "ac3"),
)


class Stream(NamedTuple):
    """What libsndfile shall read.

    Attributes:
        pieces: of the file.
        uncounted: for a reading to the end, where `pieces` end at the announced length (FLAC).
        counted: for where libsndfile finds fewer samples than there are (MP3).
        num_samples: that are there, where the bytes say so and libsndfile may be wrong.
        num_gapless: how many fewer libsndfile may give.
    """

    pieces: list[Piece]
    uncounted: list[Piece] | None = None
    counted: list[Piece] | None = None
    num_samples: int | None = None
    num_gapless: int = 0


class Kind(NamedTuple):
    """How a file is read.

    Attributes:
        streams: for libsndfile, one after the other; None where only ffmpeg reads the file.
        demuxer: of ffmpeg, for what libsndfile does not read; None where libsndfile must.
    """

    streams: list[Stream] | None
    demuxer: str | None


def kind_of(content: Bytes) -> Kind:
    """Raises BadAudio where the file is no audio, or holds less or more than it says."""
    magic, form = content.at(0, 4), content.at(8, 4)
    start = content.at(after_tags(content, 0), 4)
    if magic in (b"RIFF", b"RF64", b"RIFX") and form == b"WAVE":
        return Kind([Stream(samples_of_chunks(content, magic))], "wav")
    if magic == b"FORM" and form in (b"AIFF", b"AIFC"):
        return Kind([Stream(samples_of_chunks(content, magic))], "aiff")
    if magic == b"caff":
        return Kind([Stream(samples_of_chunks(content, magic))], "caf")
    if magic == b"riff" and content.at(24, 16)[4:] == W64_TAIL:
        return Kind([Stream(samples_of_chunks(content, magic))], None)
    if magic in (b".snd", b"dns."):
        return Kind([Stream(samples_of_au(content))], None)
    if magic == b"OggS":
        return Kind([Stream([stream]) for stream in streams_of_ogg(content)], "ogg")
    if start == b"fLaC":
        flac = streams_of_flac(content)
        return Kind([Stream(*s[:2], num_samples=s.num_samples) for s in flac], None)
    if magic == b"RIFF" and form == b"AVI ":
        return Kind(None, "avi")
    for position, expected, demuxer in BY_FFMPEG:
        if content.at(position, len(expected)) == expected:
            return Kind(None, demuxer)
    if start[:1] == b"\xff" and len(start) > 1 and start[1] & 0xF6 == 0xF0:
        return Kind(None, "aac")
    if all(content.at(TS_PACKET * number, 1) == b"G" for number in range(3)):
        return Kind(None, "mpegts")
    first = first_frame(content)
    if first is not None:
        mpeg = streams_of_mpeg(content, first)
        if mpeg:
            return Kind([Stream(s.pieces, None, *s[1:]) for s in mpeg], None)
    raise BadAudio(f"not audio ({_description(content.at(0, 512))})")


def _description(head: bytes) -> str:
    printable = bytes(range(0x20, 0x7F)) + b"\t\r\n"
    if head.removeprefix(b"\xef\xbb\xbf").strip(printable) != b"":
        return "its format is not recognised"
    return "a text, such as a playlist, a web page or an address; no other file is opened for it"
