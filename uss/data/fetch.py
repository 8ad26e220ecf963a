"""Files over HTTP: resumed where a try stopped, complete when they get their name."""

import http.client
import logging
import os
import re
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

CHUNK_BYTES = 1 << 16
LONGEST_SILENCE_SECONDS = 30.0  # as yt-dlp is told; a run that is stopped waits for it
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 2.0, 600.0  # between tries
GONE = (401, 403, 404, 410, 451)  # the server has it not, or not for us
BUSY = (429, 503)
RANGE_NOT_SATISFIABLE = 416
CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
Kind = Literal["gone", "busy", "unreadable", "failed"]  # of a failure

logger = logging.getLogger(__name__)


class FetchError(Exception):
    """A try that failed; the message is the reason.

    kind: `gone`, a new try is useless; `busy`, the server asks for a pause; `unreadable`, our
    program does not understand the server; `failed`, any other.
    """

    def __init__(
        self,
        reason: str,
        kind: Kind = "failed",
        pause_seconds: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.kind = kind
        self.pause_seconds = pause_seconds  # that the server asks for


class OtherFile(Exception):
    """The server's file is not the one whose beginning is here, or it sends another part of it."""


def fetch_persistently(url: str, path: Path, timeout_seconds: float, num_tries: int) -> None:
    """As `fetch`, several times: a transfer that broke goes on where it broke, after pauses that
    grow, or as long as the server asks for."""
    for number in range(1, num_tries + 1):
        try:
            return fetch(url, path, timeout_seconds)
        except FetchError as error:
            logger.warning("try %d of %d: %s", number, num_tries, error)
            if error.kind == "gone" or number == num_tries:
                raise
            pause_seconds = error.pause_seconds or number * FIRST_PAUSE_SECONDS
            time.sleep(min(pause_seconds, LONGEST_PAUSE_SECONDS))


def fetch(url: str, path: Path, timeout_seconds: float, total_seconds: float = 1e9) -> None:
    """Download `url` to `path`; what came so far waits in `<path>.part`.

    timeout_seconds: without a byte from the server; total_seconds: for the whole file.

    Raises:
        FetchError: with the reason.
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part, version = path.with_name(path.name + ".part"), path.with_name(path.name + ".version")
    silence_seconds = min(timeout_seconds, LONGEST_SILENCE_SECONDS)
    deadline = time.monotonic() + total_seconds
    try:
        request_part(url, part, version, silence_seconds, deadline)
    except OtherFile:
        part.unlink(missing_ok=True)
        try:
            request_part(url, part, version, silence_seconds, deadline)
        except OtherFile as error:
            raise FetchError(f"the server sent a part that was not asked for ({error})") from None
    os.replace(part, path)
    version.unlink(missing_ok=True)


def request_part(
    url: str, part: Path, version: Path, silence_seconds: float, deadline: float
) -> None:
    """Ask for what is missing of a file, and append it to `part`. Raises as `fetch`, and OtherFile.

    version: tells the server's file, whose beginning `part` is, from other ones.
    """
    start = part.stat().st_size if part.exists() and version.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "uss"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        response = urllib.request.urlopen(request, timeout=silence_seconds)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == RANGE_NOT_SATISFIABLE and start:
            raise OtherFile(f"HTTP {error.code}") from None  # or complete, and unnamed
        kind: Kind = "gone" if error.code in GONE else "busy" if error.code in BUSY else "failed"
        wait = error.headers.get("Retry-After", "")
        reason = f"HTTP {error.code} {error.reason}"
        raise FetchError(reason, kind, float(wait) if wait.isdecimal() else None) from None
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise connection_error(error, silence_seconds) from None
    with response:
        receive(response, part, version, start, silence_seconds, deadline)


def connection_error(error: Exception, silence_seconds: float) -> FetchError:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return FetchError(f"no answer within {silence_seconds:g} s")
    if isinstance(error, urllib.error.URLError):
        return FetchError(f"no connection ({reason})")
    return FetchError(f"the connection broke ({error!r})")


def receive(
    response: http.client.HTTPResponse,
    part: Path,
    version: Path,
    start: int,
    silence_seconds: float,
    deadline: float,
) -> None:
    """Append a response to `part`; a server that knows no ranges sends it all again."""
    if response.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise FetchError("a web page instead of the file")
    expected = response.length  # None where the server does not say it
    found = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    tag = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
    is_part = response.status == http.client.PARTIAL_CONTENT
    if is_part and (start == 0 or found is None or int(found[1]) != start):
        raise OtherFile(f"Content-Range {response.headers.get('Content-Range')}")
    total = found[2] if is_part and found else expected
    this_version = f"{total} bytes {tag}"
    if is_part and version.read_text(encoding="utf-8") != this_version:
        raise OtherFile("it has changed")
    if not is_part:
        start = 0
        part.unlink(missing_ok=True)
        version.write_text(this_version, encoding="utf-8")
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip"):
        raise FetchError(f"Content-Encoding {encoding}, which was not asked for")
    is_packed = "gzip" in encoding
    if is_packed:
        version.unlink()  # a part of it cannot be gone on with
    chunks = received(response, expected, silence_seconds, deadline)
    with open(part, "ab" if start else "wb") as file:
        for number, chunk in enumerate(unpacked(chunks) if is_packed else chunks):
            if number == 0 and start == 0 and is_web_page(chunk):
                raise FetchError("a web page instead of the file")
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def received(
    response: http.client.HTTPResponse,
    expected: int | None,
    silence_seconds: float,
    deadline: float,
) -> Iterator[bytes]:
    """A response's bytes. Raises FetchError where they end too early or come too slowly."""
    num_bytes = 0
    while True:
        try:
            chunk = response.read1(CHUNK_BYTES)  # what is there: a drip must not block
        except (OSError, http.client.HTTPException) as error:
            raise connection_error(error, silence_seconds) from None
        if not chunk:
            break
        num_bytes += len(chunk)
        yield chunk
        if time.monotonic() > deadline:
            raise FetchError("too slow: the time of a try is over")
    if expected is not None and num_bytes < expected:
        raise FetchError(f"truncated: {num_bytes} of {expected} bytes came")


def unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """What a server packed with gzip, though nobody asked for it."""
    unpacker = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        try:
            yield unpacker.decompress(chunk)
        except zlib.error as error:
            raise FetchError(f"damaged gzip ({error})") from None
    if not unpacker.eof:
        raise FetchError("truncated gzip")


def is_web_page(beginning: bytes) -> bool:
    """Of a captive portal, say, whatever type it gives itself."""
    return beginning.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))
