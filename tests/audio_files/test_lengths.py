"""A file is read whole or refused: none is cut without a word."""

import struct
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.audio_samples import FORMATS, LOSSLESS, RATE, encoded, noise
from uss.audio import BadAudio, decode
from uss.audio_files.mpeg import parse
from uss.audio_files.ogg import checksum

CASES = Path(__file__).parents[1] / "fixtures" / "cases"
JOINABLE = [name for name in ("a.flac", "a.mp3", "a.ogg", "a.opus") if name in FORMATS]
needs_mp3 = pytest.mark.skipif("a.mp3" not in FORMATS, reason="libsndfile without MP3")


@pytest.fixture
def heard(tmp_path):
    """Decodes bytes, or a stretch of them: (samples,)."""

    def decoded(content: bytes, *stretch: float) -> np.ndarray:
        (tmp_path / "file").write_bytes(content)
        return decode(tmp_path / "file", *stretch)[0][0]

    return decoded


def without_xing(content: bytes) -> bytes:
    """An MP3 file without the frame that says how long it is."""
    frame = parse(content[:4])
    assert frame is not None and b"Xing" in content[: frame.num_bytes]
    return content[frame.num_bytes :]


@pytest.mark.parametrize("name", FORMATS)
def test_a_whole_file_is_read_whole(heard, name):
    found = heard(encoded(name, noise()))
    seconds = len(found) / (24000 if name == "a.opus" else RATE)
    assert seconds == pytest.approx(3 * RATE / (24000 if name == "a.opus" else RATE), abs=1e-3)
    if name in LOSSLESS:
        np.testing.assert_array_equal(found, noise().astype(np.float32))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(heard, name, share):
    content = encoded(name, noise())
    with pytest.raises(BadAudio, match="truncated|breaks off|malformed|not audio"):
        heard(content[: int(share * len(content))])


@pytest.mark.parametrize("name", JOINABLE)
def test_joined_files_are_read_one_after_the_other(heard, name):
    one, two = encoded(name, noise()), encoded(name, noise(2.0, seed=1))
    expected = np.concatenate([heard(one), heard(two)])
    np.testing.assert_array_equal(heard(one + two), expected)
    assert len(expected) == pytest.approx(5 * RATE, abs=RATE / 1000)


@pytest.mark.parametrize("name", sorted(LOSSLESS.keys() - {"a.flac"}))
def test_joined_files_with_headers_are_refused(heard, name):
    content = encoded(name, noise())
    with pytest.raises(BadAudio, match="joined"):
        heard(content + content)


@pytest.mark.parametrize("name", ["a.ogg", "a.flac"])
def test_joined_files_of_two_rates_are_refused(heard, name):
    with pytest.raises(BadAudio, match="different rates"):
        heard(encoded(name, noise()) + encoded(name, noise(), 16000))


@pytest.mark.parametrize("name", FORMATS)
def test_a_stretch_is_that_of_the_whole(heard, name):
    content = encoded(name, noise())
    rate = 24000 if name == "a.opus" else RATE
    whole = heard(content)
    for start, seconds in ((0.0, 0.5), (0.7, 0.5), (1.0, 9.0), (2.5, None), (5.0, 1.0)):
        first = round(start * rate)
        last = None if seconds is None else first + round(seconds * rate)
        np.testing.assert_array_equal(heard(content, start, seconds), whole[first:last])


@pytest.mark.parametrize("name", JOINABLE)
def test_a_stretch_over_the_joint(heard, name):
    content = encoded(name, noise()) + encoded(name, noise(2.0, seed=1))
    whole, rate = heard(content), 24000 if name == "a.opus" else RATE
    for start, seconds in ((2.5, 1.0), (3.5, 0.5), (0.5, None)):
        first = round(start * rate)
        last = None if seconds is None else first + round(seconds * rate)
        np.testing.assert_array_equal(heard(content, start, seconds), whole[first:last])


def test_variable_bit_rate_without_a_length():
    """libsndfile, from the bit rate of the first frame: 6.2 s."""
    waveform, rate = decode(CASES / "vbr_no_xing_12s.mp3")
    assert waveform.shape[1] / rate == pytest.approx(12.0, abs=0.1)
    assert np.abs(waveform[0, -rate:]).max() > 0.001  # soft, to its end


@needs_mp3
@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])  # loud first, soft first
def test_an_mp3_without_xing_has_the_samples_of_one_with(heard, order):
    content = encoded("a.mp3", noise()[order])
    whole, found = heard(content), heard(without_xing(content))
    assert 0 <= len(found) - len(whole) < 3000  # the encoder's delay stays in
    delay = int(np.argmax(np.correlate(found, whole, "valid")))
    np.testing.assert_allclose(found[delay : delay + len(whole)], whole, atol=1e-4)


@needs_mp3
def test_frames_that_are_missing_inside(heard):
    content = encoded("a.mp3", noise())
    middle = len(content) // 2
    with pytest.raises(BadAudio, match="damaged: no frame where one must be, at 1"):
        heard(content[:middle] + content[middle + 1000 :])


@needs_mp3
def test_tags_around_mp3_frames(heard):
    content = encoded("a.mp3", noise())
    id3 = b"ID3\x04\0\0" + bytes([0, 0, 2, 0]) + bytes(256)
    tail = b"TAG" + bytes(125)
    np.testing.assert_array_equal(heard(id3 + content + tail), heard(content))
    np.testing.assert_array_equal(heard(content + bytes(5000)), heard(content))
    np.testing.assert_array_equal(heard(content + id3 + content), heard(content + content))


def test_flac_of_unknown_length(heard):
    """As `flac - > x.flac` writes it."""
    content = bytearray(encoded("a.flac", noise()))
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    np.testing.assert_array_equal(heard(bytes(content)), noise().astype(np.float32))
    np.testing.assert_array_equal(
        heard(bytes(content), 1.0, 0.5), heard(bytes(content))[RATE:][:11025]
    )


def test_flac_that_announces_less_than_it_holds(heard):
    content = bytearray(encoded("a.flac", noise()))
    content[21] &= 0xF0
    content[22:26] = struct.pack(">I", RATE)
    with pytest.raises(BadAudio, match=r"holds more than the 1\.00 s"):
        heard(bytes(content))


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        ("a.wav", struct.pack("<I", 0)),
        ("a.wav", struct.pack("<I", 0xFFFFFFFF)),  # ffmpeg
        ("a.wav", struct.pack("<I", 0x7FFFF000)),  # sox
        ("a.aiff", struct.pack(">I", 0)),
        ("a.caf", struct.pack(">q", -1)),
        ("a.w64", struct.pack("<q", 2**63 - 1)),
        ("a.au", struct.pack(">I", 0xFFFFFFFF)),
    ],
)
def test_a_length_that_a_stream_leaves_open(heard, name, unknown):
    content = bytearray(encoded(name, noise()))
    position = {"a.aiff": b"SSND", "a.au": b".snd"}.get(name, b"data")
    field = content.index(position) + {"a.w64": 16, "a.au": 8}.get(name, 4)
    content[field : field + len(unknown)] = unknown
    np.testing.assert_array_equal(heard(bytes(content)), noise().astype(np.float32))


def test_a_wav_file_without_samples_and_with_other_chunks(heard):
    content = encoded("a.wav", np.zeros(0)) + b"LIST" + struct.pack("<I", 4) + b"INFO"
    assert len(heard(content)) == 0


@pytest.mark.parametrize("behind", [b"LIST\x04\0\0\0INFO", b"TAG" + bytes(125), bytes(3000)])
def test_what_may_stand_behind_the_samples(heard, behind):
    content = encoded("a.wav", noise())
    np.testing.assert_array_equal(heard(content + behind), noise().astype(np.float32))


def test_a_header_that_announces_less_than_is_there(heard):
    content = bytearray(encoded("a.wav", noise()))
    field = content.index(b"data") + 4
    content[field : field + 4] = struct.pack("<I", 2 * RATE)
    with pytest.raises(BadAudio, match="44100 bytes of samples, and 88200 more bytes follow"):
        heard(bytes(content))


def test_a_damaged_ogg_page_is_not_skipped(heard):
    content = bytearray(encoded("a.ogg", noise()))
    last = content.rindex(b"OggS")
    content[(last + len(content)) // 2] ^= 1
    with pytest.raises(BadAudio, match="checksum"):
        heard(bytes(content))


def counted_from(content: bytes, num_samples: int) -> bytes:
    """An Ogg file whose pages with sound count that many samples more; fewer, if negative."""
    pages, number = content.split(b"OggS")[1:], 0
    for index, page in enumerate(pages):
        (count,) = struct.unpack("<q", page[2:10])
        if count > 0:
            page = page[:2] + struct.pack("<q", count + num_samples) + page[10:]
            number += 1
        pages[index] = page[:18] + checksum(b"OggS" + page) + page[22:]
    assert number > 1
    return b"".join(b"OggS" + page for page in pages)


@pytest.mark.skipif("a.ogg" not in FORMATS, reason="libsndfile without Vorbis")
def test_a_vorbis_file_whose_count_begins_below_zero(heard):
    """As editors write them that cut a file's start."""
    content = encoded("a.ogg", noise(20.0))
    whole, found = heard(content), heard(counted_from(content, -30000))
    assert 0 < len(whole) - len(found) < 8192
    for part in (slice(RATE), slice(-RATE, None)):
        np.testing.assert_array_equal(found[part], whole[part])
    start = len(found) / RATE - 0.5
    stretch = heard(counted_from(content, -30000), start, 1.0)
    np.testing.assert_array_equal(stretch, found[-RATE // 2 :])


@pytest.mark.skipif("a.ogg" not in FORMATS, reason="libsndfile without Vorbis")
def test_an_ogg_file_without_one_of_its_pages(heard):
    pages = encoded("a.ogg", noise(20.0)).split(b"OggS")
    del pages[len(pages) // 2]
    with pytest.raises(BadAudio, match="breaks off"):
        heard(b"OggS".join(pages))
