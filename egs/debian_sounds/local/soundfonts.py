"""Reads SoundFonts (.sf2, .sf3): every sample as an audio file of its own.

A SoundFont is a RIFF file of lists of chunks; numbers are little-endian. Its samples lie one after
the other in one chunk, and a table says where each begins and ends: SoundFont Technical
Specification 2.04, sections 6.1 and 7.10. In an .sf3, MuseScore's variant, samples are Ogg Vorbis.
"""

import io
import struct
import wave
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .unpacking_limits import Allowance, shown

CHUNK = struct.Struct(
    "<4sI"
)  # name, size; after an odd size a zero byte, which MuseScore leaves out
SAMPLE = struct.Struct("<20s5I2B2H")
OGG_VORBIS, ROM = 0x10, 0x8000  # flags of a sample's type
BYTES_PER_SAMPLE = 2


class Sample(NamedTuple):
    """A line of the table of samples, without the loop and what follows it."""

    name: str
    start: int  # in 16-bit samples, in an .sf3 in bytes; so is the end
    end: int
    rate: int
    pitch: int  # MIDI's number of the note that was recorded
    kind: int


def read_soundfont(
    content: bytes, wanted: Callable[[str], bool], allowance: Allowance
) -> Iterator[tuple[str, bytes]]:
    """(`number name` of a sample, numbers counted from 0; a WAV or Ogg file)."""
    chunks = read_chunks(content)
    waveforms = chunks[b"smpl"]
    for number, sample in enumerate(samples(chunks)):
        member = f"{number:04d} {sample.name}"
        if not wanted(member):
            continue
        allowance.take_member()
        is_ogg = bool(sample.kind & OGG_VORBIS)
        size = 1 if is_ogg else BYTES_PER_SAMPLE
        start, end = size * sample.start, size * sample.end
        if not 0 <= start < end <= len(waveforms) or sample.kind & ROM:
            raise ValueError(f"{shown(member)} is not in the file")
        allowance.take(end - start, member)
        audio = bytes(waveforms[start:end])
        yield member, audio if is_ogg else wav_file(audio, sample.rate)


def read_chunks(content: bytes) -> dict[bytes, memoryview]:
    """The chunks of the file's lists by their names: `smpl`, `shdr` and others.

    Raises:
        ValueError: for another kind of file.
    """
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"sfbk":
        raise ValueError("not a SoundFont")
    chunks: dict[bytes, memoryview] = {}
    waiting = [memoryview(content)[12:]]
    while waiting:
        rest = waiting.pop()
        while len(rest) >= CHUNK.size:
            name, size = CHUNK.unpack_from(rest)
            chunk = rest[CHUNK.size : CHUNK.size + size]
            if len(chunk) < size:
                raise EOFError("it ends too early")
            if name == b"LIST":
                waiting.append(chunk[4:])
            else:
                chunks[name] = chunk
            rest = rest[CHUNK.size + size :]
            if size % 2 and rest[:1] == b"\0":  # padding, which MuseScore leaves out
                rest = rest[1:]
    return chunks


def samples(chunks: dict[bytes, memoryview]) -> list[Sample]:
    """The table of samples without its last line, which only marks its end."""
    table = chunks[b"shdr"]
    lines = SAMPLE.iter_unpack(table[: len(table) // SAMPLE.size * SAMPLE.size])
    return [
        Sample(name.split(b"\0")[0].decode("latin-1"), start, end, rate, pitch, kind)
        for name, start, end, _, _, rate, pitch, _, _, kind in lines
    ][:-1]


def wav_file(audio: bytes, rate: int) -> bytes:
    """Of 16-bit samples of one channel."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(BYTES_PER_SAMPLE)
        file.setframerate(rate)
        file.writeframes(audio)
    return buffer.getvalue()
