"""Decoding, resampling, int16 and levels."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from uss import audio

RATE = 16000
FORMATS = [
    name for name in ("wav", "flac", "ogg", "mp3") if name.upper() in soundfile.available_formats()
]


def tone(seconds=1.0, rate=RATE, frequency=440.0, amplitude=0.5):
    return (
        amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)
    ).astype(np.float32)


def spectrum_peak(waveform, rate):
    """(frequency in Hz, amplitude) of the strongest sine, away from the ends."""
    inner = waveform[len(waveform) // 8 : -len(waveform) // 8]
    window = np.hanning(len(inner))
    magnitude = np.abs(np.fft.rfft(inner * window)) * 2 / window.sum()
    return magnitude.argmax() * rate / len(inner), magnitude.max()


@pytest.mark.parametrize("suffix", FORMATS)
def test_decode_formats(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    stereo = np.stack([tone(), tone(frequency=1000.0, amplitude=0.25)])
    soundfile.write(path, stereo.T, RATE)
    waveform, rate = audio.decode(path)
    assert rate == RATE
    assert waveform.dtype == np.float32
    assert waveform.shape[0] == 2
    assert abs(waveform.shape[1] - RATE) <= 2400  # mp3 pads
    for channel, frequency, amplitude in zip(waveform, (440, 1000), (0.5, 0.25), strict=True):
        found = spectrum_peak(channel, RATE)
        assert found == pytest.approx((frequency, amplitude), rel=0.05)


def test_decode_a_stretch(tmp_path):
    path = tmp_path / "a.wav"
    ramp = (np.arange(RATE) / RATE).astype(np.float32)
    audio.write_wav(path, ramp, RATE)
    np.testing.assert_array_equal(audio.decode(path)[0], ramp[None])
    np.testing.assert_array_equal(audio.decode(path, 0.25)[0], ramp[None, 4000:])
    np.testing.assert_array_equal(audio.decode(path, 0.25, 0.5)[0], ramp[None, 4000:12000])
    np.testing.assert_array_equal(audio.decode(path, 0.75, 9.0)[0], ramp[None, 12000:])
    assert audio.decode(path, 1.0, 1.0)[0].shape == (1, 0)
    assert audio.decode(path, 5.0, 1.0)[0].shape == (1, 0)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.wav", None, "^missing$"),
        ("a.wav", b"", "^empty file$"),
        ("a.wav", b"no audio at all" * 100, r"^not audio \(a text, such as a playlist"),
        ("a.flac", b"fLaC" + b"\x00" * 500, r"^not audio \("),
        ("a.raw", b"\x00" * 500, r"^not audio \(its format is not recognised"),
        ("a.m4a", b"no audio at all" * 100, r"^not audio \(a text"),
    ],
)
def test_bad_files_have_a_reason(tmp_path, name, content, reason):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(audio.BadAudio, match=reason) as caught:
        audio.decode(path)
    assert "\n" not in str(caught.value)


CASES = Path(__file__).parents[1] / "fixtures" / "cases"


def test_a_machine_without_ffmpeg_is_not_the_files_fault(monkeypatch):
    """Else every clip would be rejected, for good, on a machine that lacks a program."""
    monkeypatch.setenv("PATH", "")
    message = r"really_m4a_2s\.wav needs ffmpeg, which is not installed"
    with pytest.raises(ValueError, match=message) as caught:
        audio.decode(CASES / "really_m4a_2s.wav")
    assert not isinstance(caught.value, audio.BadAudio)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 44100, 48000, 96000, 44099, 11127])
def test_resampling_keeps_length_frequency_and_level(rate):
    waveform = audio.resample(tone(1.0, rate, 1000.0), rate, RATE)
    assert waveform.dtype == np.float32
    assert abs(len(waveform) - RATE) <= 1
    assert spectrum_peak(waveform, RATE) == pytest.approx((1000, 0.5), rel=2e-3)
    inner = slice(2000, -2000)
    assert np.abs(waveform[inner] - tone(1.0, RATE, 1000.0)[: len(waveform)][inner]).max() < 2e-3


def test_resampling_removes_what_the_new_rate_cannot_hold():
    waveform = audio.resample(tone(1.0, 44100, 12000.0), 44100, RATE)
    assert audio.dbfs(waveform[2000:-2000]) < -80


def test_the_same_rate_changes_nothing():
    waveform = tone()
    np.testing.assert_array_equal(audio.resample(waveform, RATE, RATE), waveform)


def test_wav_is_float_and_does_not_clip(tmp_path):
    path = tmp_path / "a.wav"
    waveform = np.array([[0.0, 3.5, -2.0], [0.1, 0.2, 0.3]], np.float32)
    audio.write_wav(path, waveform, 8000)
    assert soundfile.info(path).subtype == "FLOAT"
    found, rate = audio.decode(path)
    np.testing.assert_array_equal(found, waveform)
    assert rate == 8000
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


def test_int16_round_trip():
    every = np.arange(-32767, 32768).astype(np.int16)
    np.testing.assert_array_equal(audio.to_int16(audio.from_int16(every)), every)
    assert audio.from_int16(every).dtype == np.float32
    assert audio.from_int16(every).max() == 1.0
    noise = np.random.default_rng(0).uniform(-1, 1, 1000).astype(np.float32)
    assert np.abs(audio.from_int16(audio.to_int16(noise)) - noise).max() <= 0.5001 / 32767
    with pytest.raises(AssertionError):
        audio.to_int16(np.array([1.01]))


def test_dbfs():
    assert audio.dbfs(np.ones(10, np.float32)) == 0
    assert audio.dbfs(tone(amplitude=1.0)) == pytest.approx(-3.0103, abs=1e-3)
    assert audio.dbfs(np.full(10, 1e-3, np.float32)) == pytest.approx(-60, abs=1e-4)
    assert audio.dbfs(np.zeros(10)) == audio.dbfs(np.zeros(0)) == -np.inf
