"""Universal sound separation with a self-supervised audio masked autoencoder.

model = uss.load("exp/default/resunet_joint")
bell = model.separate(waveform, sample_rate, "Bell")    # (channels, samples), float
"""

from pathlib import Path
from typing import TYPE_CHECKING

from uss.version import __version__ as __version__

if TYPE_CHECKING:
    from uss.separation.interface import SoundSeparator


def load(directory: Path | str) -> "SoundSeparator":
    """A trained model from the directory of a system after stage 6; ValueError where it is none."""
    from uss.separation.interface import SoundSeparator  # which imports torch

    return SoundSeparator(directory)
