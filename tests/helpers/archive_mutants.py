"""Packages with damage of every layer: ar, compression, tar, and the containers in the package."""

import gzip
import io
import lzma
import tarfile

import numpy as np

from tests.helpers.debian_recipe import ar_file, audio_file, qt_resource, sound, sound_set, zip_file

KINDS = ("ar", "compressed", "tar", "zip", "pk3", "rcc", "cat", "whl")
NUMBERS = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutant(seed: int) -> tuple[str, bytes]:
    """Name and content of a package; the same for the same seed."""
    rng = np.random.default_rng([seed, 71])
    kind = KINDS[seed % len(KINDS)]
    files = package_files(rng)
    if kind == "whl":
        return f"{seed}-1-py3-none-any.whl", damaged(zip_file(files), rng)
    container = next((path for path in files if path.endswith(f".{kind}")), None)
    if container:
        files[container] = damaged(files[container], rng)
    tar = tar_file(files)
    if kind == "tar":
        tar = damaged(tar, rng)
    suffix, compress = ((".xz", lzma.compress), (".gz", gzip.compress), ("", bytes))[seed // 8 % 3]
    data = compress(tar)
    if kind == "compressed":
        data = damaged(data, rng)
    content = ar_file({"debian-binary": b"2.0\n", f"data.tar{suffix}": data})
    return f"{seed}_1_all.deb", damaged(content, rng) if kind == "ar" else content


def package_files(rng: np.random.Generator) -> dict[str, bytes]:
    riff = audio_file(sound(0, 0.05, 8000), 8000)
    sounds = {f"sounds/{name}.wav": riff for name in ("dog", "cat", "Ünï")}
    return {
        "usr/share/owl.wav": riff,
        f"usr/share/{'long/' * 30}owl.wav": riff,  # a name that needs a header of its own
        "usr/x.zip": zip_file(sounds),
        "usr/x.pk3": zip_file(sounds),
        "usr/x.rcc": qt_resource(sounds, int(rng.integers(1, 4)), zipped=bool(rng.integers(2))),
        "usr/x.cat": sound_set([riff] * 3, newer=bool(rng.integers(2))),
    }


def tar_file(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, data in files.items():
            info = tarfile.TarInfo(f"./{path}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """One to four changes, more of them near the ends, where headers and lists lie."""
    result = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        position = int(min(rng.exponential(60), len(result) - 1))
        if rng.integers(3) == 0:
            position = int(rng.integers(len(result)))
        elif rng.integers(2):
            position = len(result) - 1 - position
        length = int(rng.integers(1, 64))
        match rng.integers(7):
            case 0:
                result[position] ^= 1 << int(rng.integers(8))
            case 1:
                number = NUMBERS[rng.integers(len(NUMBERS))]
                order = ("little", "big")[rng.integers(2)]
                result[position : position + 4] = number.to_bytes(4, order)
            case 2:
                result[position : position + length] = bytes(length)
            case 3:
                result[position : position + length] = rng.bytes(length)
            case 4:
                del result[position : position + length]
            case 5:
                start = int(rng.integers(len(result)))
                result[position:position] = result[start : start + length]
            case 6:
                digits = str(rng.choice([-60, 0, 7, 99999999, 777777777])).encode()
                result[position : position + len(digits)] = digits
        result = result or bytearray(b"\0")
    return bytes(result)
