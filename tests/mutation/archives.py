"""Packages and the containers in them, damaged and hostile, through the extraction of stage 0 of
egs/debian_sounds."""

import gzip
import io
import lzma
import struct
import tarfile
import zlib
from pathlib import Path

from egs.debian_sounds.local import extraction
from tests.helpers.debian_recipe import ar_file, deb_file, qt_resource, sound_set, zip_file
from tests.mutation.audio import encoded, sound
from tests.mutation.campaign import Kind, Mutant
from tests.mutation.commands import faultless, under_run, warm_up
from tests.mutation.damage import Rng, damaged
from tests.mutation.trial import Trial

WAV = ("wav", "WAV", "PCM_16", None)
NAMES = ("../../evil.wav", "/tmp/uss-evil.wav", "a/../../evil.wav", "", ".", "..", "a" * 300,
         "a/" * 200 + "b.wav", "\0", "a\0b.wav", "ü/ß.wav", "a\\b.wav", "C:\\x.wav", "a", "a/b",
         "x.zip", "x.zip/a.wav", "-rf", " ", "a//b.wav", "./a.wav", "\udcff.wav")  # fmt: skip
MOST_BYTES = 300 * 2**20  # that may be written
COMPRESSIONS = (  # name of the suffix, function
    ("xz", lzma.compress), ("gz", gzip.compress), ("zst", lambda content: content),
    ("bz2", lambda content: content), ("lzma", lzma.compress),
)  # fmt: skip


def prepare() -> Kind:
    warm_up()
    riff = encoded(WAV, sound(0.2))
    files = {"a/dog.wav": riff, "b.wav": riff, "c/long.wav": encoded(WAV, sound(1.0))}
    return Kind("archives", lambda rng, folder: make(rng, folder, files))


def make(rng: Rng, folder: Path, files: dict[str, bytes]) -> Mutant:
    makers = (damaged_package, damaged_package, damaged_container, damaged_container, hostile_names,
              hostile_zip, hostile_rcc, hostile_rcc, hostile_ar, hostile_tar, bomb)  # fmt: skip
    maker = makers[rng.integers(len(makers))]
    what, name, content = maker(rng, files)
    package = folder / name
    package.write_bytes(content)
    (folder / "out").mkdir()
    before = set(folder.parent.glob("*evil*"))

    @faultless
    def check(said: str) -> None:
        inside = {"out", name, "extract.log"}
        assert {path.name for path in folder.iterdir()} <= inside, "a file outside its folder"
        assert set(folder.parent.glob("*evil*")) == before, "a file outside its folder"
        written = [path for path in (folder / "out").rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in written)
        assert size < MOST_BYTES, f"{size / 2**20:.0f} MB written"
        assert not any(path.is_symlink() for path in (folder / "out").rglob("*")), "a link"

    def main() -> None:
        extraction.extract(package, wanted, Path("out"))

    return Mutant(f"{name}: {what}", [Trial("extract", under_run(main), check)])


def wanted(path: str) -> bool:
    """Files and members, not the containers themselves."""
    return not path.endswith((".rcc", ".zip", ".pk3", ".cat"))


def package_of(rng: Rng, files: dict[str, bytes]) -> tuple[str, bytes]:
    """(name, content) of a .whl or .deb of these files."""
    if rng.random() < 0.3:
        return "mutant-1-py3-none-any.whl", zip_file(files)
    suffix, compress = COMPRESSIONS[rng.integers(2)]
    return "mutant_1_all.deb", deb_file(files, compress, suffix)


def containers(rng: Rng, files: dict[str, bytes]) -> tuple[str, bytes]:
    """(suffix, content) of a container."""
    kind = str(rng.choice(["pk3", "zip", "rcc", "cat"]))
    if kind == "rcc":
        return kind, qt_resource(files, int(rng.integers(1, 4)), bool(rng.integers(2)))
    if kind == "cat":
        return kind, sound_set(list(files.values()), bool(rng.integers(2)))
    return kind, zip_file(files)


def damaged_package(rng: Rng, files: dict) -> tuple[str, str, bytes]:
    name, content = package_of(rng, files)
    what, content = damaged(content, rng)
    return what, name, content


def damaged_container(rng: Rng, files: dict) -> tuple[str, str, bytes]:
    suffix, content = containers(rng, files)
    what, content = damaged(content, rng)
    if rng.random() < 0.3:
        again, content = damaged(content, rng)
        what += f", {again}"
    name, content = package_of(rng, {f"usr/x.{suffix}": content, "usr/good.wav": b"good"})
    return f"{suffix}: {what}", name, content


def hostile_names(rng: Rng, files: dict) -> tuple[str, str, bytes]:
    names = [NAMES[rng.integers(len(NAMES))] for _ in range(2)]
    members = {name: b"x" * (number + 1) for number, name in enumerate(names)}
    what = f"names {[name[:20] for name in members]}"
    if rng.random() < 0.4:
        suffix = "rcc" if rng.random() < 0.5 else "zip"
        try:
            inner = qt_resource(members, 2) if suffix == "rcc" else zip_file(members)
        except (UnicodeEncodeError, AttributeError, IndexError):  # no such container can be written
            inner = zip_file({"a": b"x"})
        return f"{suffix}: {what}", *package_of(rng, {f"usr/x.{suffix}": inner})
    try:
        return what, *package_of(rng, members)
    except (UnicodeEncodeError, IndexError):  # tar keeps such a name, zip does not
        return what, "mutant_1_all.deb", deb_file(members)


def hostile_zip(rng: Rng, files: dict) -> tuple[str, str, bytes]:
    """A field of the central directory, or of the members' own headers."""
    content = bytearray(zip_file(files))
    fields = {"flags": 8, "method": 10, "checksum": 16, "size": 20, "full size": 24,
              "name length": 28, "attributes": 38, "offset": 42}  # fmt: skip
    field = list(fields)[rng.integers(len(fields))]
    value = int(rng.choice([1, 9, 12, 14, 64, 93, 99, 2048, 0xFFFF]))
    at = content.find(b"PK\x01\x02") + fields[field]
    content[at : at + 2] = struct.pack("<H", value)
    if field in ("flags", "method"):
        local = content.find(b"PK\x03\x04") + fields[field] - 2
        content[local : local + 2] = struct.pack("<H", value)
    if rng.random() < 0.5:
        return f"{field} {value}", "mutant-1-py3-none-any.whl", bytes(content)
    return f"zip: {field} {value}", "mutant_1_all.deb", deb_file({"usr/x.zip": bytes(content)})


def hostile_rcc(rng: Rng, files: dict) -> tuple[str, str, bytes]:
    """A node that leads to itself, to its parents, to too many, or outside."""
    content = bytearray(qt_resource({"f/g/a.wav": b"x", "f/b.wav": b"y", "c.wav": b"z"}, 1))
    tree = struct.unpack_from(">I", content, 8)[0]
    node = int(rng.integers(0, 6))
    count = int(rng.choice([1, 2, 3, 5, 10**6, 2**31, 2**32 - 1]))
    child = int(rng.choice([0, 1, node, node + 1, 2**20, 2**32 - 1]))
    struct.pack_into(">HII", content, tree + 14 * node + 4, 2, count, child)
    if rng.random() < 0.5:
        second = int(rng.integers(0, 6))
        struct.pack_into(">HII", content, tree + 14 * second + 4, 2, 2, node)
    name, package = package_of(rng, {"usr/x.rcc": bytes(content)})
    return f"rcc: node {node} has {count} from {child}", name, package


def hostile_ar(rng: Rng, files: dict) -> tuple[str, str, bytes]:
    suffix, compress = COMPRESSIONS[rng.integers(len(COMPRESSIONS))]
    content = bytearray(deb_file(files, compress, suffix))
    headers = [8, 8 + 60 + 4]
    at = headers[rng.integers(2)] + int(rng.choice([0, 16, 48, 58]))
    value = [b"-60       ", b"-4        ", b"0         ", b"9999999999", b"          ",
             b"1_0       ", b"+4        ", b"4.0       ", b"\xff" * 10, b"\0" * 10,
             "٣         ".encode()[:10]][rng.integers(11)]  # fmt: skip
    content[at : at + 10] = value
    if rng.random() < 0.3:
        content = bytearray(b"!<arch>\n") + content[8:68] * int(rng.choice([2, 1000, 100000]))
    return f"{suffix}: ar header at {at}: {value!r}", "mutant_1_all.deb", bytes(content)


def hostile_tar(rng: Rng, files: dict) -> tuple[str, str, bytes]:
    """Links, devices, sparse files, sizes that lie."""
    buffer = io.BytesIO()
    kinds = {"symlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE, "fifo": tarfile.FIFOTYPE,
             "device": tarfile.CHRTYPE, "sparse": tarfile.GNUTYPE_SPARSE}  # fmt: skip
    kind = [*kinds, "size", "long name", "many"][rng.integers(len(kinds) + 3)]
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for number in range(20000 if kind == "many" else 1):
            info = tarfile.TarInfo("n" * 5000 if kind == "long name" else f"./x{number}.wav")
            info.type = kinds.get(kind, tarfile.REGTYPE)
            info.linkname = str(rng.choice(["/etc/passwd", "../../x", "x0.wav", "y.wav"]))
            archive.addfile(info)
        info = tarfile.TarInfo("./x0.wav")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    content = bytearray(buffer.getvalue())
    if kind == "size":
        content[124:136] = [b"77777777777\0", b"-0000000001\0", b"\x80" + b"\xff" * 11,
                            b"\xff" * 12][rng.integers(4)]  # fmt: skip
    data = lzma.compress(bytes(content))
    members = {"debian-binary": b"2.0\n", "data.tar.xz": data}
    return f"tar: {kind}", "mutant_1_all.deb", ar_file(members)


def bomb(rng: Rng, files: dict) -> tuple[str, str, bytes]:
    """3 GiB of zeros in little space: blocks of a stream, repeated."""
    size, count = 2**24, 192
    kind = str(rng.choice(["xz", "gz", "zip", "whl", "rcc", "rcc size"]))
    if kind == "xz":
        data = lzma.compress(bytes(size), preset=0) * count
        return kind, "mutant_1_all.deb", ar_file({"debian-binary": b"2.0\n", "data.tar.xz": data})
    if kind == "gz":
        data = gzip.compress(bytes(size), 1) * count
        return kind, "mutant_1_all.deb", ar_file({"debian-binary": b"2.0\n", "data.tar.gz": data})
    if kind.startswith("rcc"):
        payload = zlib.compress(bytes(2**28)) if kind == "rcc" else deflated(size, count, 15)
        inner = bytearray(qt_resource({"a.wav": b"x"}, 1, zipped=True))
        struct.pack_into(">I", inner, 12, len(inner))  # where the data lie
        inner += struct.pack(">II", len(payload) + 4, 10) + payload
        return f"{kind}", "mutant_1_all.deb", deb_file({"usr/x.rcc": bytes(inner)})
    content = zip_of(deflated(size, count, -15), size * count)
    if kind == "whl":
        return kind, "mutant-1-py3-none-any.whl", content
    return kind, "mutant_1_all.deb", deb_file({"usr/x.zip": content})


def deflated(size: int, count: int, bits: int) -> bytes:
    compressor = zlib.compressobj(1, zlib.DEFLATED, bits)
    first = compressor.compress(bytes(size)) + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(bytes(size)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return first + block * (count - 1) + compressor.flush()


def zip_of(data: bytes, full_size: int) -> bytes:
    """A zip file with one deflated member that is given."""
    name = b"a.wav"
    fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, 0, len(data), full_size, len(name), 0)
    local = b"PK\x03\x04" + fields + name + data
    central = b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, 0)
    central += name
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + end
