"""Samples and rates that no sound has are refused, before anything is resampled."""

import struct
import time

import numpy as np
import pytest
import soundfile

from tests.helpers.audio_samples import encoded, noise
from uss.audio import BadAudio, decode, resample


@pytest.mark.parametrize(
    ("value", "subtype", "reason"),
    [
        (np.nan, "FLOAT", r"not finite \(NaN or infinite\) at 0\.500 s"),
        (np.inf, "DOUBLE", r"not finite \(NaN or infinite\) at 0\.500 s"),
        (2e6, "FLOAT", r"a sample of 2e\+06 at 0\.500 s is beyond any sound"),
        (
            -1e298,
            "DOUBLE",
            r"a sample of 1e\+298 at 0\.500 s is beyond any sound",
        ),  # inf in float32
    ],
)
def test_samples(tmp_path, value, subtype, reason):
    waveform = np.zeros(16000)
    waveform[8000] = value
    soundfile.write(tmp_path / "a.wav", waveform, 16000, subtype=subtype)
    with pytest.raises(BadAudio, match=reason):
        decode(tmp_path / "a.wav")
    assert decode(tmp_path / "a.wav", 0.0, 0.5)[0].shape == (1, 8000)
    with pytest.raises(BadAudio, match=reason):
        decode(tmp_path / "a.wav", 0.3, 0.5)


def test_loud_is_not_yet_beyond_sound(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(100, 9e5), 16000, subtype="FLOAT")
    assert decode(tmp_path / "a.wav")[0].max() == 9e5


@pytest.mark.parametrize("rate", [1, 128, 999, 1_000_001, 2_000_000_000])
def test_rates(tmp_path, rate):
    content = bytearray(encoded("a.wav", noise()))
    content[24:28] = struct.pack("<I", rate)
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(BadAudio, match=f"its rate is {rate} Hz"):
        decode(tmp_path / "a.wav")


@pytest.mark.parametrize("rate", [1000, 1_000_000])
def test_the_last_rates_that_are_read(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", noise()[:2000], rate)
    waveform, found = decode(tmp_path / "a.wav")
    assert found == rate
    assert len(resample(waveform[0], rate, 16000)) == 2000 * 16000 // rate


def test_a_rate_of_a_fraction_takes_no_time(tmp_path):
    """Resampled from 2 Hz, a second of samples is two hours: it took half a minute."""
    content = bytearray(encoded("a.caf", noise()))
    position = content.index(b"desc") + 12
    content[position : position + 8] = struct.pack(">d", 2.0)
    (tmp_path / "a.caf").write_bytes(content)
    start = time.monotonic()
    with pytest.raises(BadAudio, match="its rate is 2 Hz"):
        decode(tmp_path / "a.caf")
    assert time.monotonic() - start < 2


def test_channels(tmp_path):
    soundfile.write(tmp_path / "64.wav", np.zeros((100, 64)), 16000)
    soundfile.write(tmp_path / "65.wav", np.zeros((100, 65)), 16000)
    assert decode(tmp_path / "64.wav")[0].shape == (64, 100)
    with pytest.raises(BadAudio, match="65 channels"):
        decode(tmp_path / "65.wav")
