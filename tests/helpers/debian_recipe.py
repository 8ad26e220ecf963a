"""egs/debian_sounds in a folder of its own, and packages made by hand, for the tests of stage 0."""

import contextlib
import csv
import io
import lzma
import shutil
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import soundfile

from egs.debian_sounds.local.packages import Package
from egs.debian_sounds.local.prepare import main as prepare_data
from egs.debian_sounds.local.recordings import Listed
from uss.files import digest

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "egs" / "debian_sounds"


def copy_recipe(folder: Path) -> Path:
    for name in ("conf", "local"):
        shutil.copytree(RECIPE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def sound(seed: int, seconds: float, rate: int) -> np.ndarray:
    """(samples,) of noise in bursts of its own: no two seeds share sound."""
    rng = np.random.default_rng(seed)
    num_samples = round(seconds * rate)
    bursts = np.repeat(rng.uniform(0.05, 1.0, num_samples), rate // 20)[:num_samples]
    return 0.3 * bursts * rng.uniform(-1, 1, len(bursts))


def audio_file(
    waveform: np.ndarray, rate: int, suffix: str = "wav", subtype: str | None = None
) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, waveform, rate, format=suffix, subtype=subtype)
    return buffer.getvalue()


def ar_file(members: dict[str, bytes]) -> bytes:
    content = b"!<arch>\n"
    for name, data in members.items():
        content += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
        content += data + b"\n" * (len(data) % 2)
    return content


def deb_file(files: dict[str, bytes], compress=lzma.compress, suffix: str = "xz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, data in files.items():
            info = tarfile.TarInfo(f"./{path}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    data = compress(buffer.getvalue())
    # A control member of odd length: the next one starts after a byte of padding.
    members = {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", f"data.tar.{suffix}": data}
    return ar_file(members)


def zip_file(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return buffer.getvalue()


def qt_resource(files: dict[str, bytes], version: int, zipped: bool = False) -> bytes:
    """As Qt's `rcc --binary` writes it: header, then here names, data and tree."""
    root: dict = {}
    for path, data in files.items():
        *folders, leaf = path.split("/")
        node = root
        for folder in folders:
            node = node.setdefault(folder, {})
        node[leaf] = data
    names, data, tree = b"", b"", []
    queue = [("", root)]
    num_nodes = 1
    for name, node in queue:  # breadth first: the children of a folder lie side by side
        entry = struct.pack(">I", len(names))
        encoded = name.encode("utf-16-be")
        names += struct.pack(">HI", len(encoded) // 2, 0) + encoded
        if isinstance(node, dict):
            entry += struct.pack(">HII", 2, len(node), num_nodes)
            num_nodes += len(node)
            queue += list(node.items())
        else:
            payload = struct.pack(">I", len(node)) + zlib.compress(node) if zipped else node
            entry += struct.pack(">HHHI", int(zipped), 0, 1, len(data))
            data += struct.pack(">I", len(payload)) + payload
        tree.append(entry + (b"" if version == 1 else struct.pack(">Q", 1700000000000)))
    header_bytes = 20 if version < 3 else 24
    names_offset = header_bytes
    data_offset = names_offset + len(names)
    tree_offset = data_offset + len(data)
    header = struct.pack(">4s4I", b"qres", version, tree_offset, data_offset, names_offset)
    header += b"" if version < 3 else struct.pack(">I", int(zipped))
    return header + names + data + b"".join(tree)


def sound_set(entries: list[bytes], newer: bool = True) -> bytes:
    """OpenTTD's .cat out of RIFF files."""
    position = 8 * len(entries)
    table, body = b"", b""
    for number, riff in enumerate(entries):
        title = f"sound {number}".encode() + b"\0"
        entry = bytes([len(title)]) + title + riff
        flag = 0x80000000 if newer and number == 0 else 0
        table += struct.pack("<II", position | flag, len(entry))
        position += len(entry)
        body += entry
    return table + body


def soundfont(
    waves: dict[str, np.ndarray], rate: int, is_ogg: bool = False, shift: int = 0
) -> bytes:
    """A SoundFont of name -> samples, of 16 bits or, as an .sf3, Ogg Vorbis; its table may lie."""

    def chunk(name: bytes, content: bytes) -> bytes:
        padding = b"" if is_ogg else b"\0" * (len(content) % 2)  # MuseScore has none
        return struct.pack("<4sI", name, len(content)) + content + padding

    samples, table = b"", b""
    for name, wave in waves.items():
        data = np.round(wave * 32767).astype("<i2").tobytes()
        data = audio_file(wave, rate, "ogg") if is_ogg else data
        unit, kind = (1, 0x11) if is_ogg else (2, 1)
        start, end = len(samples) // unit + shift, (len(samples) + len(data)) // unit + shift
        table += struct.pack(
            "<20s5I2B2H", name.encode(), start, end, start, end, rate, 60, 0, 0, kind
        )
        samples += data
    table += struct.pack("<20s5I2B2H", b"EOS", *[0] * 9)
    lists = chunk(b"LIST", b"sdta" + chunk(b"smpl", samples))
    lists += chunk(b"LIST", b"pdta" + chunk(b"shdr", table))
    return chunk(b"RIFF", b"sfbk" + lists)


LABELS = ("Guitar", "Plucked string instrument", "Owl")  # the first two must not meet
NUM_GROUPS = 5
SMALL = [
    "packages=packages",
    "events_per_class.train=8",
    "events_per_class.dev=3",
    "events_per_class.eval=4",
    "sample_rate=8000",
]
NOTICE = "usr/share/doc/{}/copyright"


def make_packages(folder: Path) -> tuple[list, list[dict], dict[str, dict]]:
    """Three packages, with a file of each group in each of their own ways of keeping sounds.

    Returns:
        rows of packages.csv; rows of debian_sounds.csv; package -> path -> content.
    """
    rows, contents = [], {"game-data": {}, "words": {}, "talk-skill": {}}
    members: dict[str, dict] = {"rcc": {}, "pk3": {}}
    entries = []
    for number, label in enumerate(LABELS):
        for group in range(NUM_GROUPS):
            seed = 10 * number + group
            rate, seconds = ((8000, 0.5), (11025, 1.0), (16000, 5.5))[group % 3]
            waveform = sound(seed, seconds, rate)
            if label == "Owl":
                package, path = "words", f"usr/share/words/owl{group}.flac"
                contents[package][path] = audio_file(waveform, rate, "flac")
            elif label == "Guitar" and group < 3:
                package, path = "game-data", f"usr/x.cat!/{len(entries)}"
                entries.append(audio_file(waveform, rate))
            else:
                kind = "rcc" if group % 2 else "pk3"
                package, path = "game-data", f"usr/x.{kind}!/sounds/{label}{group}.wav"
                members[kind][f"sounds/{label}{group}.wav"] = audio_file(waveform, rate)
            rows.append(row(label, package, path, len(waveform) / rate, rate, f"g{seed:04d}"))
    contents["game-data"]["usr/x.cat"] = sound_set(entries)
    contents["game-data"]["usr/x.rcc"] = qt_resource(members["rcc"], 2, zipped=True)
    contents["game-data"]["usr/x.pk3"] = zip_file(members["pk3"])
    # Not in the benchmark: music, a spoken name, and a file that is no audio.
    contents["words"]["usr/share/words/music.wav"] = audio_file(sound(90, 14.0, 8000), 8000)
    contents["words"]["usr/share/words/owl_desc_fr.wav"] = audio_file(sound(91, 1.0, 8000), 8000)
    contents["words"]["usr/share/words/broken.ogg"] = b"OggS, but no more"
    contents["talk-skill"]["talk/more.wav"] = audio_file(sound(92, 1.0, 8000), 8000)
    for package, files in contents.items():
        files[NOTICE.format(package)] = b"by somebody"
    rows.append(
        row("Thunder", "words", "usr/share/words/music.wav", 14.0, 8000, "g9999") | {"benchmark": 0}
    )
    packages = [save(folder, package, files) for package, files in contents.items()]
    return packages, rows, contents


def row(label, package, path, seconds, rate, group) -> dict:
    values = [label, "", package, path, f"{seconds:.2f}", rate, 1, "CC0", group, 1, 0]
    return dict(zip(Listed._fields, values, strict=True))


def save(folder: Path, package: str, files: dict[str, bytes], version: str = "1"):
    """Write a package's file; returns its row of packages.csv."""
    is_wheel = package.endswith("-skill")
    stem = package.replace("-", "_") + "-" if is_wheel else package + "_"
    path = folder / f"{stem}{version}{'-py3-none-any.whl' if is_wheel else '_all.deb'}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zip_file(files) if is_wheel else deb_file(files))
    kind = "wheel" if is_wheel else "deb"
    size, notice = path.stat().st_size, NOTICE.format(package)
    return Package(package, kind, version, path.name, size, digest(path), notice)


def write_csv(path: Path, header, rows) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def make_recipe(folder: Path) -> tuple[Path, dict[str, dict]]:
    recipe = copy_recipe(folder)
    packages, rows, contents = make_packages(recipe / "packages")
    write_csv(recipe / "local" / "packages.csv", Package._fields, packages)
    write_table(recipe, rows)
    return recipe, contents


def write_table(recipe: Path, rows: list[dict]) -> None:
    path = recipe / "local" / "debian_sounds.csv"
    write_csv(path, Listed._fields, [values.values() for values in rows])


def prepare(recipe: Path, *overrides: str) -> None:
    """Stage 0 in this process. Raises ValueError as it does."""
    options = [word for key in (*SMALL, *overrides) for word in ("--set", f"data.{key}")]
    with contextlib.chdir(recipe):
        prepare_data(options)


def tables(recipe: Path) -> dict[str, bytes]:
    data = recipe / "data"
    return {
        str(path.relative_to(data)): path.read_bytes()
        for path in sorted(data.rglob("*"))
        if path.suffix in (".csv", ".flac", ".md")
    }
