"""What the values of a YAML may be: one line for each that is not."""

from uss import ranges

MAX_BATCH = 1_000_000


def at_most(maximum: float, **values: float) -> None:
    """What no machine can do, refused before anything is allocated for it."""
    for key, value in values.items():
        if value > maximum:
            raise ValueError(f"{key} is {value}, must be at most {maximum}")


def rate(sample_rate: int) -> None:
    ranges.within(*ranges.SAMPLE_RATES, sample_rate=sample_rate)


def at_least(minimum: float, **values: float) -> None:
    for key, value in values.items():
        if value < minimum:
            raise ValueError(f"{key} is {value}, must be at least {minimum}")


def positive(**values: float) -> None:
    for key, value in values.items():
        if value <= 0:
            raise ValueError(f"{key} is {value}, must be positive")


def fraction(**values: float) -> None:
    for key, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{key} is {value}, must be between 0 and 1")
