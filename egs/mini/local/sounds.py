"""Synthesis of the recipe's classes after what defines each sound: standards, mechanics, biology.

A function of `SOUNDS` takes the parameters, the longest number of samples and the rate in Hz, and
returns a waveform of at most that length at any level: sounds that come in bursts end with a whole
one. Frequencies are in Hz, durations in seconds.
"""

from collections.abc import Callable

import numpy as np

from .parameters import Parameters


def tone(frequency: float | np.ndarray, num_samples: int, rate: int, phase: float = 0.0):
    """Sine of constant or varying frequency in Hz: (num_samples,)"""
    cycles = np.cumsum(np.broadcast_to(frequency, num_samples)) / rate
    return np.sin(2 * np.pi * cycles + phase)


def harmonics(frequency: np.ndarray, amplitudes: np.ndarray, phases: np.ndarray, rate: int):
    """Sum of the harmonics 1, 2, ... of a varying fundamental (num_samples,), below Nyquist."""
    cycles = 2 * np.pi * np.cumsum(frequency) / rate
    total = np.zeros(len(frequency))
    for number, (amplitude, phase) in enumerate(zip(amplitudes, phases, strict=True), 1):
        audible = number * frequency < 0.48 * rate
        total += np.where(audible, amplitude * np.sin(number * cycles + phase), 0.0)
    return total


def shaped_noise(gain: Callable, num_samples: int, rate: int, rng: np.random.Generator):
    """Gaussian noise, its spectrum multiplied by gain(frequencies in Hz)."""
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    frequencies = np.fft.rfftfreq(num_samples, 1 / rate)
    return np.fft.irfft(spectrum * gain(frequencies), num_samples)


def wobble(num_samples: int, rate: int, cutoff_hz: float, rng: np.random.Generator):
    """Slow Gaussian noise of deviation 1, for the drift of machines and insects."""
    slow = shaped_noise(lambda f: f < cutoff_hz, num_samples, rate, rng)
    return slow / max(slow.std(), 1e-9)


def pulses(on: float, off: float, num_samples: int, rate: int, edge: float = 0.004):
    """Bursts with rounded edges (seconds): as many whole ones as fit, at least one.

    Returns the envelope and the seconds since each burst's onset, up to the last burst's end.
    """
    period, length = round((on + off) * rate), min(round(on * rate), num_samples)
    num_bursts = 1 + (num_samples - length) // period
    ramp = np.sin(np.linspace(0, np.pi / 2, max(round(edge * rate), 2))) ** 2
    burst = np.ones(length)
    burst[: len(ramp)] *= ramp
    burst[-len(ramp) :] *= ramp[::-1]
    index = np.arange((num_bursts - 1) * period + length) % period
    envelope = np.where(index < length, burst[np.minimum(index, length - 1)], 0.0)
    return envelope, index / rate


def telephone_tones(low: float, high: float, parameters: Parameters, num_samples: int, rate: int):
    """Two tones as an exchange sends them: slightly off pitch and level, slightly distorted."""
    detune = 1 + parameters.uniform(-0.01, 0.01)
    balance = 10 ** (parameters.uniform(-3, 3) / 20)
    phases = parameters.rng.uniform(0, 2 * np.pi, 2)
    pair = tone(low * detune, num_samples, rate, phases[0])
    pair += balance * tone(high * detune, num_samples, rate, phases[1])
    return np.tanh(parameters.uniform(0.1, 0.7) * pair)


def sine_wave(parameters: Parameters, num_samples: int, rate: int):
    phase = parameters.rng.uniform(0, 2 * np.pi)
    return tone(parameters.log_uniform(250, 3000), num_samples, rate, phase)


def dial_tone(parameters: Parameters, num_samples: int, rate: int):
    """North America's precise tone plan: 350 + 440 Hz, steady."""
    return telephone_tones(350, 440, parameters, num_samples, rate)


def busy_signal(parameters: Parameters, num_samples: int, rate: int):
    """480 + 620 Hz, on and off for 0.25 s (all trunks busy) to 0.5 s (line busy) each."""
    on = min(parameters.log_uniform(0.2, 0.5), num_samples / rate / 3)  # two bursts at least
    envelope, _ = pulses(on, on, num_samples, rate)
    return envelope * telephone_tones(480, 620, parameters, len(envelope), rate)


def smoke_detector(parameters: Parameters, num_samples: int, rate: int):
    """A piezo horn near 3.1 kHz with its harmonics, beeping fast or in the 0.5 s of ISO 8201."""
    on = min(parameters.log_uniform(0.08, 0.5), num_samples / rate / 3)
    off = on * parameters.uniform(0.5, 1.0)
    envelope, _ = pulses(on, off, num_samples, rate, edge=0.002)
    frequency = np.full(len(envelope), parameters.uniform(2850, 3550))
    amplitudes = np.array([1.0, parameters.uniform(0.15, 0.45), parameters.uniform(0.1, 0.3)])
    phases = parameters.rng.uniform(0, 2 * np.pi, 3)
    return envelope * harmonics(frequency, amplitudes, phases, rate)


def siren(parameters: Parameters, num_samples: int, rate: int):
    """Wail to yelp: a horn's tone swept up and down, 1 to 4 times a second."""
    low, high = parameters.log_uniform(500, 750), parameters.log_uniform(1200, 1700)
    sweep_rate = parameters.log_uniform(1.0, 4.0)
    times = np.arange(num_samples) / rate + parameters.rng.random() / sweep_rate
    position = 0.5 - 0.5 * np.cos(2 * np.pi * sweep_rate * times)
    brightness = parameters.uniform(1.0, 2.0)  # amplitudes fall as 1 / number ** brightness
    numbers = np.arange(1, 6)
    phases = parameters.rng.uniform(0, 2 * np.pi, len(numbers))
    return harmonics(low * (high / low) ** position, numbers**-brightness, phases, rate)


def white_noise(parameters: Parameters, num_samples: int, rate: int):
    return parameters.rng.standard_normal(num_samples)


def pink_noise(parameters: Parameters, num_samples: int, rate: int):
    """Power falls as 1 / frequency above 20 Hz."""
    return shaped_noise(
        lambda f: np.where(f < 20, 0, 1 / np.sqrt(np.maximum(f, 20))),
        num_samples,
        rate,
        parameters.rng,
    )


def chirp_tone(parameters: Parameters, num_samples: int, rate: int):
    """Repeated sine sweeps, all up or all down, at a constant number of octaves a second."""
    low, high = parameters.log_uniform(300, 900), parameters.log_uniform(2000, 3600)
    start, end = (low, high) if parameters.rng.random() < 0.5 else (high, low)
    on = min(parameters.log_uniform(0.1, 0.35), num_samples / rate)
    envelope, since_onset = pulses(on, on * parameters.uniform(0.1, 0.6), num_samples, rate)
    sweep = start * (end / start) ** np.minimum(since_onset / on, 1)
    return envelope * tone(sweep, len(envelope), rate)


def clicking(parameters: Parameters, num_samples: int, rate: int):
    """Short damped resonances, 6 to 16 a second, as even as a machine's or a mouse's."""
    interval = 1 / parameters.log_uniform(6, 16)
    jitter = parameters.uniform(0.0, 0.2)
    frequency, decay = parameters.log_uniform(900, 2800), parameters.log_uniform(0.002, 0.006)
    length = round(12 * decay * rate)
    times = np.arange(length) / rate
    clicks = np.zeros(num_samples)
    onset = 0.0
    while (start := round(onset * rate)) + length <= num_samples:
        body = tone(frequency, length, rate) + 0.5 * parameters.rng.standard_normal(length)
        clicks[start : start + length] += body * np.exp(-times / decay)
        end = start + length
        onset += interval * (1 + jitter * parameters.rng.uniform(-1, 1))
    return clicks[:end]


def engine(parameters: Parameters, num_samples: int, rate: int):
    """Idling: harmonics of the cycle, every other one strong (firing), and noise that it beats."""
    rng = parameters.rng
    cycle = parameters.log_uniform(14, 40)  # Hz; two firings each
    drift = 1 + 0.02 * wobble(num_samples, rate, 4.0, rng)
    numbers = np.arange(1, 1 + int(2500 / cycle))
    resonance, width = parameters.log_uniform(120, 400), parameters.uniform(0.5, 1.0)
    octaves = np.log2(numbers * cycle / resonance)
    amplitudes = numbers**-0.5 * (0.15 + np.exp(-0.5 * (octaves / width) ** 2))
    amplitudes *= np.exp(-numbers * cycle / 500)
    amplitudes[::2] *= parameters.uniform(0.1, 0.5)  # odd: the cylinders' imbalance
    phases = rng.normal(0, 0.6, len(numbers))  # nearly aligned: pulses
    rumble = harmonics(cycle * drift, amplitudes, phases, rate)
    noise = shaped_noise(lambda f: f / (1 + (f / 600) ** 2), num_samples, rate, rng)
    beat = 0.5 + 0.5 * np.sin(2 * np.pi * np.cumsum(2 * cycle * drift) / rate)
    noise *= beat * parameters.uniform(0.15, 0.4) * rumble.std() / noise.std()
    return rumble + noise


def bell(parameters: Parameters, num_samples: int, rate: int):
    """A struck bell: hum, prime, minor tierce, quint, nominal and two above, high ones decay first.

    Ratios: a minor-third bell as founders tune it (hum 0.5, prime 1, tierce 1.2, quint 1.5, 2).
    """
    rng = parameters.rng
    prime, decay = parameters.log_uniform(300, 1000), parameters.log_uniform(0.25, 0.8)
    interval = parameters.log_uniform(0.35, 0.8)
    ratios = np.array([0.5, 1.0, 1.2, 1.5, 2.0, 2.67, 4.1]) * (1 + rng.normal(0, 0.004, 7))
    levels = np.array([0.35, 0.7, 0.6, 0.3, 1.0, 0.5, 0.3]) * np.exp(rng.normal(0, 0.2, 7))
    times = np.arange(num_samples) / rate
    strike = np.zeros(num_samples)
    for ratio, level in zip(ratios, levels, strict=True):
        partial = tone(prime * ratio, num_samples, rate, rng.uniform(0, 2 * np.pi))
        strike += level * partial * np.exp(-times * ratio**0.7 / decay)
    strike *= np.minimum(times / 0.002, 1)
    ringing = np.zeros(num_samples)
    for start in range(0, max(num_samples - rate // 5, 1), round(interval * rate)):
        ringing[start:] += strike[: num_samples - start]
    return ringing


def cricket(parameters: Parameters, num_samples: int, rate: int):
    """A tree cricket: chirps of 5 to 8 syllables of a nearly pure tone at 2.2 to 3.2 kHz."""
    carrier, glide = parameters.log_uniform(2200, 3200), parameters.uniform(0.02, 0.08)
    syllable = 1 / parameters.log_uniform(28, 45)
    on = (int(parameters.rng.integers(5, 9)) - 0.4) * syllable
    envelope, since_onset = pulses(on, parameters.uniform(0.1, 0.25), num_samples, rate)
    position = since_onset / syllable % 1  # within a syllable; it sounds for the first 0.6
    envelope *= np.where(position < 0.6, np.sin(np.pi * position / 0.6) ** 2, 0.0)
    return envelope * tone(carrier * (1 - glide * position), len(envelope), rate)


SOUNDS: dict[str, Callable] = {  # by AudioSet's name
    "Sine wave": sine_wave,
    "Dial tone": dial_tone,
    "Busy signal": busy_signal,
    "Smoke detector, smoke alarm": smoke_detector,
    "Siren": siren,
    "White noise": white_noise,
    "Pink noise": pink_noise,
    "Chirp tone": chirp_tone,
    "Clicking": clicking,
    "Engine": engine,
    "Bell": bell,
    "Cricket": cricket,
}
