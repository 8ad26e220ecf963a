"""How large the numbers of a network may be: far beyond any that is trained, and small enough that
a mistyped or hostile one is refused before it takes memory or hours."""

MAX_SIZE = 2**16  # units, maps, samples of a window, classes, values of a query
MAX_LEVELS = 16  # of a U-Net, or blocks of a PANNs network
MAX_MEL_BINS = 1024
MAX_WINDOWS_AT_ONCE = 64  # windows of an STFT over one sample
MAX_PATCHES = 2**14  # of an A-MAE's input; the published one has 512
PATCH_SIZE = 16 * 16
MAX_DEPTH = 128  # blocks of a Transformer
MAX_LOG_MEL = 1000  # mean and deviation of a filterbank
SAMPLE_RATES = (1000, 1_000_000)  # of audio, in Hz


def within(minimum: float, maximum: float, **values: float) -> None:
    """Raises ValueError, which names the key, where a value lies outside."""
    for key, value in values.items():
        if value < minimum:
            raise ValueError(f"{key} is {value}, must be at least {minimum}")
        if value > maximum:
            raise ValueError(f"{key} is {value}, must be at most {maximum}")


def sizes(**values: int) -> None:
    within(1, MAX_SIZE, **values)


def channels(values: list[int]) -> None:
    """Of a U-Net's levels or a PANNs network's blocks."""
    if len(values) < 2 or min(values) < 1:
        raise ValueError(f"channels is {values}, must be two or more positive numbers")
    if len(values) > MAX_LEVELS or max(values) > MAX_SIZE:
        raise ValueError(
            f"channels has {len(values)} numbers up to {max(values)}, must have at most "
            f"{MAX_LEVELS} up to {MAX_SIZE}"
        )


def windows(window_size: int, hop_size: int) -> None:
    """Of an STFT."""
    within(2, MAX_SIZE, window_size=window_size)
    within(1, MAX_SIZE, hop_size=hop_size)
    if hop_size * MAX_WINDOWS_AT_ONCE < window_size:
        raise ValueError(
            f"hop_size is {hop_size}, must be at least 1/{MAX_WINDOWS_AT_ONCE} of window_size "
            f"{window_size}"
        )


def mel_bands(mel_bins: int, fmin: float, fmax: float, num_blocks: int) -> None:
    """Of a PANNs network; each of its blocks but the last halves them."""
    within(1, MAX_MEL_BINS, mel_bins=mel_bins)
    if not 0 <= fmin < fmax:
        raise ValueError(f"fmin is {fmin}, must be from 0 to below fmax {fmax}")
    if fmax - fmin < mel_bins:
        raise ValueError(f"fmin {fmin} to fmax {fmax} is less than 1 Hz for each of {mel_bins}")
    if mel_bins < 2 ** (num_blocks - 1):
        raise ValueError(
            f"mel_bins is {mel_bins}, must be at least {2 ** (num_blocks - 1)} for {num_blocks} "
            "channels"
        )


def input_size(input_frames: int, mel_bins: int) -> None:
    """Of an A-MAE."""
    within(16, MAX_MEL_BINS, mel_bins=mel_bins)
    within(32, MAX_PATCHES * PATCH_SIZE / mel_bins, input_frames=input_frames)
