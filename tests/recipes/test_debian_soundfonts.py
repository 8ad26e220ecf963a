"""SoundFonts made by hand, read as containers of audio files."""

import io

import numpy as np
import pytest
import soundfile

from egs.debian_sounds.local.containers import read_container
from tests.helpers.debian_recipe import sound, soundfont

WAVES = {"Viola C#2": sound(0, 0.5, 8000), "Tuba": sound(1, 0.3, 8000), "Viola G3": np.ones(3) / 4}


def members(path: str, content: bytes, wanted=lambda path: True) -> dict[str, bytes]:
    return dict(read_container(path, content, wanted))


@pytest.mark.parametrize("path", ["a/kit.sf2", "a/kit.sf3"])
def test_every_sample_is_a_file_of_its_name(path):
    found = members(path, soundfont(WAVES, 8000, is_ogg=path.endswith("3")))
    assert list(found) == [f"{path}!/{i:04d} {name}" for i, name in enumerate(WAVES)]
    for content, wave in zip(found.values(), WAVES.values(), strict=True):
        read, rate = soundfile.read(io.BytesIO(content))
        assert (rate, read.shape) == (8000, wave.shape)
        if path.endswith("2"):
            np.testing.assert_allclose(read, wave, atol=1e-4)


def test_only_wanted_samples_are_read():
    path = "kit.sf2!/0001 Tuba"
    assert list(members("kit.sf2", soundfont(WAVES, 8000), {path}.__contains__)) == [path]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: b"RIFX" + content[4:], "not a SoundFont"),
        (lambda content: content[:-50], "ends too early"),
        (lambda content: content[:20], "damaged"),
        (lambda content: content.replace(b"shdr", b"shdx"), "damaged"),
        (lambda content: content.replace(b"smpl", b"smpx"), "damaged"),
        (lambda content: soundfont(WAVES, 8000, shift=10**6), "0000 Viola C#2 is not in the file"),
    ],
)
def test_a_damaged_soundfont_is_named(damage, message):
    with pytest.raises(ValueError, match=f"^kit.sf2: .*{message}"):
        members("kit.sf2", damage(soundfont(WAVES, 8000)))
