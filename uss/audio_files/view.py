"""The bytes of a file as a decoder shall see them: all, or without some, or with others instead."""

import os
from bisect import bisect_right
from itertools import accumulate
from typing import BinaryIO

PEEK_BYTES = 2**20
# What a decoder may read before it counts as lost: some formats are scanned, so several times the
# file; a call costs as much as a block, so that a million small ones end too.
SCANS, CALL_BYTES, SPARE_BYTES = 40, 4096, 2**27

Piece = bytes | range  # bytes of our own, or a stretch of the file


class BadAudio(ValueError):
    """The fault of one file; the message is the reason for which its clip is rejected."""


class Bytes:
    """Any bytes of an open file, read in large blocks.

    Attributes:
        size: of the file, in bytes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = os.fstat(file.fileno()).st_size
        self._start, self._block = 0, b""

    def at(self, position: int, num_bytes: int) -> bytes:
        """What stands there; less at the end of the file, nothing before its start."""
        if position < 0:
            return b""
        offset = position - self._start
        if offset < 0 or offset + num_bytes > len(self._block):
            wanted = max(num_bytes, PEEK_BYTES)
            self._start, self._block = position, os.pread(self.file.fileno(), wanted, position)
            offset = 0
        return self._block[offset : offset + num_bytes]


class View:
    """A file for libsndfile, which calls `readinto`, `seek` and `tell`.

    libsndfile does not let an exception through and does not say why a read failed: `check` does.
    """

    def __init__(self, file: BinaryIO, pieces: list[Piece]) -> None:
        self.file = file
        self.pieces = [piece for piece in pieces if len(piece)]
        self.ends = list(accumulate(len(piece) for piece in self.pieces))
        self.size = self.ends[-1] if self.ends else 0
        self.position = 0
        self.error: BaseException | None = None
        self.budget = SPARE_BYTES + SCANS * self.size

    def check(self) -> None:
        """Raise what ended a read: an OSError, or BadAudio where the decoder runs in circles."""
        if self.error is not None:
            raise self.error

    def readinto(self, buffer) -> int:
        try:
            return self._read(memoryview(buffer))
        except BaseException as error:  # Ctrl-C too: libsndfile would lose it
            self.error = self.error or error
            return 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.budget -= CALL_BYTES
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.size}[whence]
        self.position = max(0, base + offset)
        return self.position

    def tell(self) -> int:
        return self.position

    def _read(self, target: memoryview) -> int:
        self.budget -= CALL_BYTES + len(target)
        if self.budget < 0:
            raise BadAudio("not audio (its structure leads nowhere)")
        done = 0
        while done < len(target) and self.position < self.size:
            number = bisect_right(self.ends, self.position)
            piece = self.pieces[number]
            offset = self.position - (self.ends[number] - len(piece))
            wanted = piece[offset : offset + len(target) - done]
            if isinstance(wanted, range):
                wanted = os.pread(self.file.fileno(), len(wanted), wanted.start)
                if not wanted:
                    raise BadAudio("became shorter while it was read")
            target[done : done + len(wanted)] = wanted
            done += len(wanted)
            self.position += len(wanted)
        return done


def replaced(size: int, position: int, content: bytes) -> list[Piece]:
    """The pieces of a file of `size` bytes with `content` at `position`."""
    return [range(position), content, range(position + len(content), size)]
