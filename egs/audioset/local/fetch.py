"""Files over HTTP: resumed where a try stopped, complete when they get their name."""

import http.client
import os
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Literal

CHUNK_BYTES = 1 << 16
GONE = (401, 403, 404, 410, 451)  # the server has it not, or not for us
BUSY = (429, 503)
RANGE_NOT_SATISFIABLE = 416
Kind = Literal["gone", "busy", "failed"]  # of a failure


class FetchError(Exception):
    """A try that failed; the message is the reason.

    kind: `gone`, a new try is useless; `busy`, the server asks for a pause; `failed`, any other.
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


def fetch(url: str, path: Path, timeout_seconds: float, total_seconds: float = 1e9) -> None:
    """Download `url` to `path`; what came so far waits in `<path>.part`.

    timeout_seconds: without a byte from the server; total_seconds: for the whole file.

    Raises:
        FetchError: with the reason.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    start = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "uss"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        with urllib.request.urlopen(request, timeout=timeout_seconds) as response:
            receive(response, part, start, time.monotonic() + total_seconds)
    except urllib.error.HTTPError as error:
        if error.code == RANGE_NOT_SATISFIABLE:
            part.unlink()  # of another file, or complete and unnamed: the next try begins anew
        kind: Kind = "gone" if error.code in GONE else "busy" if error.code in BUSY else "failed"
        wait = error.headers.get("Retry-After", "")
        reason = f"HTTP {error.code} {error.reason}"
        raise FetchError(reason, kind, float(wait) if wait.isdecimal() else None) from None
    except TimeoutError:
        raise FetchError(f"no answer within {timeout_seconds:g} s") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise FetchError(f"no answer within {timeout_seconds:g} s") from None
        raise FetchError(f"no connection ({error.reason})") from None
    except (OSError, http.client.HTTPException) as error:
        raise FetchError(f"the connection broke ({error!r})") from None
    os.replace(part, path)


def receive(response: http.client.HTTPResponse, part: Path, start: int, deadline: float) -> None:
    """Append a response to `part`; a server that knows no ranges sends it all again."""
    if response.headers.get_content_type() == "text/html":
        raise FetchError("a web page instead of the file")
    expected = response.headers.get("Content-Length")
    resumes = response.status == http.client.PARTIAL_CONTENT
    received = 0
    with open(part, "ab" if resumes and start else "wb") as file:
        while chunk := response.read1(CHUNK_BYTES):  # what is there: a drip must not block
            file.write(chunk)
            received += len(chunk)
            if time.monotonic() > deadline:
                raise FetchError("too slow: the time of a try is over")
        file.flush()
        os.fsync(file.fileno())
    if expected is not None and received < int(expected):
        raise FetchError(f"truncated: {received} of {expected} bytes came")
