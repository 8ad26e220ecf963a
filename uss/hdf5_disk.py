"""What HDF5 writes to: a disk that seems never to be full."""

import io
from typing import Any


class Disk:
    """A file for HDF5 to write to. HDF5 crashes where a disk is full: it is told that all is well,
    and `error` keeps what the system said first."""

    def __init__(self, file: io.FileIO) -> None:
        self.file = file
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        try:
            while self.error is None and len(rest):
                rest = rest[self.file.write(rest) :]  # the system may take a part
        except OSError as error:
            self.error = error
        return len(data)

    def truncate(self, size: int) -> int:
        try:
            if self.error is None:
                self.file.truncate(size)
        except OSError as error:
            self.error = error
        return size

    def flush(self) -> None:
        """Nothing is held back here."""

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def read(self, size: int = -1) -> bytes:
        return self.file.read(size)

    def readinto(self, buffer: Any) -> int:
        return self.file.readinto(buffer)
