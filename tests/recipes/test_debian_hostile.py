"""Packages that are damaged or hostile: a sentence each, soon, and nothing outside the folder."""

import gzip
import lzma
import os
import shutil
import struct
import subprocess
import tarfile
import time

import pytest

from egs.debian_sounds.local import archives, unpacking_limits
from egs.debian_sounds.local.containers import is_container
from egs.debian_sounds.local.extraction import extract
from tests.helpers.archive_mutants import KINDS, mutant
from tests.helpers.debian_recipe import ar_file, deb_file, qt_resource, sound_set, zip_file

MIB = 1 << 20


@pytest.fixture
def read(tmp_path, caplog):
    """Extracts the sounds of a package; returns their paths and all that was said."""

    def read(content: bytes, name: str = "a_1_all.deb") -> tuple[set[str], str]:
        package = tmp_path / "packages" / name
        package.parent.mkdir(exist_ok=True)
        package.write_bytes(content)
        caplog.clear()
        start = time.monotonic()
        try:
            written = extract(package, lambda path: not is_container(path), tmp_path / "out")
            sentences = caplog.messages
        except ValueError as error:
            written, sentences = {}, [str(error)]
        assert time.monotonic() - start < 10
        for sentence in sentences:
            assert sentence.startswith(str(package)) and "\n" not in sentence
            assert len(sentence) < len(str(package)) + 600
        assert {path.name for path in tmp_path.iterdir()} <= {"packages", "out"}
        return set(written), " | ".join(sentences)

    return read


def tar_header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def deb_of_tar(tar: bytes, compress=lzma.compress, suffix: str = ".xz") -> bytes:
    return ar_file({"debian-binary": b"2.0\n", f"data.tar{suffix}": compress(tar)})


def test_ar_headers(read):
    whole = deb_file({"a.wav": b"x"})
    size = whole.index(b"`\n", 70) - 10  # of the second member
    for stated in (b"-60       ", b"6 0       ", b"0x10      ", b"          "):
        _, said = read(whole[:size] + stated + whole[size + 10 :])
        assert "damaged (a broken header of ar)" in said
    _, said = read(whole[:size] + b"9999999999" + whole[size + 10 :])
    assert "a member of ar has 9999999999 bytes" in said


@pytest.mark.parametrize("suffix", [".bz2", ".lzma", ".exe"])
def test_another_compression(read, suffix):
    assert f"data.tar{suffix} is compressed in a way" in read(deb_of_tar(b"", bytes, suffix))[1]


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_a_tar_header_without_end(read, kind):
    _, said = read(deb_of_tar(tar_header("a.wav", 1 << 30, kind) + bytes(MIB)))
    assert f"damaged (a header that states {1 << 30} bytes)" in said


def test_a_tar_header_that_leads_back(read):
    header = bytearray(tar_header("a.wav", 0))
    header[124:136] = b"\xff" * 8 + struct.pack(">i", -512)  # the size, as GNU writes large ones
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert "damaged (a header that states -512 bytes)" in read(deb_of_tar(bytes(header)))[1]


def test_a_broken_header_in_the_middle_is_no_end(read):
    one = tar_header("a.wav", 512) + bytes(512)
    broken = bytearray(tar_header("b.wav", 512))
    broken[3] ^= 1
    tar = one + bytes(broken) + b"x" * 512 + one + bytes(1024)
    assert "damaged (a broken header)" in read(deb_of_tar(tar))[1]


def test_the_checksum_at_the_end_is_seen(read):
    content = lzma.compress(tar_header("a.wav", MIB) + os.urandom(MIB) + bytes(10240))
    for cut in (1, 20, 40, 1000):
        assert "damaged (" in read(deb_of_tar(content[:-cut], bytes))[1]
    wrong = bytearray(gzip.compress(tar_header("a.wav", 512) + bytes(10240)))
    wrong[-6] ^= 1
    assert "damaged (CRC check failed" in read(deb_of_tar(bytes(wrong), bytes, ".gz"))[1]


def test_what_unpacks_to_more_than_any_sound(read):
    assert f"a.wav has {3 << 30} bytes" in read(deb_of_tar(tar_header("a.wav", 3 << 30)))[1]
    bomb = zip_file({"b.wav": bytes(260 * MIB)})
    assert f"x.zip: b.wav has {260 * MIB} bytes" in read(deb_file({"x.zip": bomb}))[1]
    content = qt_resource({"b.wav": bytes(2 * MIB)}, 2, zipped=True)
    for stated, said in ((4, "b.wav is not 4 bytes long"), (1 << 30, f"b.wav has {1 << 30} bytes")):
        bomb = content.replace(struct.pack(">I", 2 * MIB), struct.pack(">I", stated))
        assert said in read(deb_file({"x.rcc": bomb}))[1]


@pytest.mark.parametrize("suffix", [".xz", ".gz", ".zst", ""])
def test_a_package_that_unpacks_to_more_than_any(read, monkeypatch, suffix):
    if suffix == ".zst" and shutil.which("zstd") is None:
        pytest.skip("needs the command zstd")
    compress = {".xz": lzma.compress, ".gz": gzip.compress, ".zst": zstd, "": bytes}[suffix]
    tar = b"".join(tar_header(f"{number}.txt", MIB) + bytes(MIB) for number in range(8))
    package = deb_of_tar(tar + bytes(10240), compress, suffix)
    assert read(package) == ({f"{number}.txt" for number in range(8)}, "")
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", (8 if suffix == "" else 4) * MIB)
    assert "MiB" in read(package)[1]


def zstd(content: bytes) -> bytes:
    return subprocess.run(["zstd", "-qc"], input=content, capture_output=True, check=True).stdout


def test_members_together_are_bounded(read, monkeypatch):
    monkeypatch.setattr(unpacking_limits, "MAX_TOTAL_BYTES", 1000)
    sounds = {f"{number}.wav": bytes(300) for number in range(4)}
    paths, said = read(deb_file({"x.zip": zip_file(sounds)}))
    assert paths == {"x.zip!/0.wav", "x.zip!/1.wav"} and "x.zip: unpacks to more than" in said
    riff = b"RIFF" + struct.pack("<I", 400) + bytes(400)
    one = sound_set([riff] * 4)
    monkeypatch.setattr(unpacking_limits, "MAX_TOTAL_BYTES", len(one) + 500)
    same = one[:32].replace(one[8:12], one[:4]) + one[32:]  # two entries are one
    paths, said = read(deb_file({"x.cat": same}))
    assert paths == {"x.cat!/0"} and "x.cat: unpacks to more than" in said


def node(name: int, folder: bool, first: int, second: int) -> bytes:
    return struct.pack(">IHII", name, 2 if folder else 0, first, second)


def rcc(*nodes: bytes) -> bytes:
    names = struct.pack(">HI", 1, 0) + "a".encode("utf-16-be")
    data = struct.pack(">I", 1) + b"x"
    offsets = (20 + len(names) + len(data), 20 + len(names), 20)
    return struct.pack(">4s4I", b"qres", 1, *offsets) + names + data + b"".join(nodes)


@pytest.mark.parametrize(
    "nodes",
    [
        [node(0, True, 1, 0)],  # the root in itself
        [node(0, True, 1, 1), node(0, True, 1, 0)],
        [node(0, True, 2, 1), node(0, True, 2, 1), node(0, True, 2, 1)],
        [*(node(0, True, 2, number + 1) for number in range(40)), node(0, False, 0, 0)],
        [node(0, True, 0xFFFFFFFF, 1)],
        [node(0, True, 3, 1), node(0, False, 0, 0)],
    ],
)
def test_a_qt_resource_that_is_no_tree(read, nodes):
    paths, said = read(deb_file({"c.rcc": rcc(*nodes), "b.wav": b"x"}))
    assert "c.rcc: damaged (" in said and "b.wav" in paths


def test_a_qt_resource_with_deep_folders(read):
    depth = 1020  # deeper than Python calls
    nodes = [*(node(0, True, 1, number + 1) for number in range(depth)), node(0, False, 0, 0)]
    paths, said = read(deb_file({"c.rcc": rcc(*nodes)}))
    assert paths == set() and "is left out: it lies in more than 100 folders" in said


def flagged(content: bytes, position: int, value: int) -> bytes:
    """A two-byte field of the list at a zip file's end, changed."""
    start = content.index(b"PK\1\2") + position
    return content[:start] + struct.pack("<H", value) + content[start + 2 :]


@pytest.mark.parametrize(
    ("position", "value", "said"),
    [
        (8, 1, "x.zip: a.wav is encrypted"),
        (10, 14, "x.zip: a.wav is compressed by method 14"),
        (10, 99, "x.zip: a.wav is compressed by method 99"),
        (6, 0xFF, "x.zip: damaged (zip file version 25.5)"),
    ],
)
def test_a_zip_member_that_cannot_be_read(read, position, value, said):
    content = flagged(zip_file({"a.wav": b"x" * 100}), position, value)
    assert said in read(deb_file({"x.zip": content}))[1]
    _, of_wheel = read(content, "a-1-py3-none-any.whl")
    assert said.removeprefix("x.zip: ") in of_wheel


def test_a_zip_member_that_ends_early(read):
    content = zip_file({"a.wav": os.urandom(1000)})
    content = content[:500] + bytes(100) + content[600:]
    assert "x.zip: a.wav is damaged (" in read(deb_file({"x.zip": content}))[1]


@pytest.mark.parametrize("first_offset", [0x7FFFFFF8, 0xFFFFFFFF, 80008])
def test_a_sound_set_with_absurd_offsets(read, first_offset):
    content = struct.pack("<II", first_offset, 10) + bytes(100000)
    assert "x.cat: damaged (its first entry is at" in read(deb_file({"x.cat": content}))[1]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "the name is empty"),
        ("n" * 300 + ".wav", "the name is too long"),
        ("a/" * 2000 + "b.wav", "the name is too long"),
    ],
)
def test_a_name_that_no_file_can_have(read, name, reason):
    paths, said = read(deb_file({name: b"x", "b.wav": b"y"}))
    assert paths == {"b.wav"} and f"is left out: {reason}" in said
    if name:
        paths, said = read(deb_file({"x.zip": zip_file({name: b"x", "b.wav": b"y"})}))
        assert paths == {"x.zip!/b.wav"} and f"is left out: {reason}" in said


def test_a_name_with_a_zero_byte_or_lines(read):
    content = qt_resource({"a\0b": b"x", "two\nlines": b"y"}, 1)
    paths, said = read(deb_file({"x.rcc": content}))
    assert paths == {"x.rcc!/two\nlines"} and "'x.rcc!/a\\x00b' is left out" in said


def test_a_file_where_a_folder_should_be(read):
    paths, said = read(deb_file({"a": b"x", "a/b": b"y", "c/d": b"z", "c": b"x"}))
    assert paths == {"a", "c/d"} and said.count("a file of the package stands where") == 2


def test_links_and_devices_are_no_files(read, tmp_path):
    tar = b""
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        info = tarfile.TarInfo("a.wav")
        info.type, info.linkname = kind, "/etc/passwd"
        tar += info.tobuf(tarfile.GNU_FORMAT)
    assert read(deb_of_tar(tar + tar_header("b.wav", 0) + bytes(1024)))[0] == {"b.wav"}


def test_the_last_of_two_members_of_a_name_is_kept(read, tmp_path):
    tar = b"".join(tar_header("a.wav", 1) + byte + bytes(511) for byte in (b"1", b"2"))
    read(deb_of_tar(tar + bytes(1024)))
    assert (tmp_path / "out" / "a.wav").read_bytes() == b"2"


@pytest.mark.parametrize("name", ["/evil.wav", "../evil.wav", "a/../../evil.wav"])
def test_nothing_is_written_outside(read, name):
    assert "would be written outside" in read(deb_file({name: b"x"}))[1]
    container = deb_file({"x.zip": zip_file({f"../{name}": b"x"})})
    assert "would be written outside" in read(container)[1]


def test_nothing_is_written_through_a_link(read, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "usr").symlink_to("/nowhere/usr")
    assert "usr is a link; remove it" in read(deb_file({"usr/share/a.wav": b"x"}))[1]
    victim = tmp_path / "out" / "victim"
    victim.write_bytes(b"kept")
    (tmp_path / "out" / "a.wav").symlink_to(victim)
    assert read(deb_file({"a.wav": b"x"}))[0] == {"a.wav"}
    assert victim.read_bytes() == b"kept"
    assert (tmp_path / "out" / "a.wav").read_bytes() == b"x"


@pytest.mark.parametrize("kind", KINDS)
def test_damage_at_random_is_a_sentence(read, kind):
    """A few of the mutants; thousands were tried: their seeds are the numbers from 0 on."""
    for seed in range(KINDS.index(kind), 160, len(KINDS)):
        name, content = mutant(seed)
        read(content, name)
