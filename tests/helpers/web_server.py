"""A small web server on 127.0.0.1 that serves what it is told, and misbehaves as it is told."""

import gzip
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WEB_PAGE = b"<html><body>Before you continue</body></html>"


class Server:
    """Serves `files` by path; `trouble` maps a path to the kinds of its first answers.

    Kinds: a status such as "404" or "429"; "html"; "page" (HTML that calls itself audio); "login"
    (a redirect to a page); "truncate" (the connection ends half-way); "short" (half the file as if
    it were all); "stall" (no answer); "drip" (a byte now and then); "gzip" (packed, unasked);
    "whole" (200 and all of it, whatever was asked for); "other range" (206 and the first half,
    whatever was asked for); a kind that ends with "*" holds for ever.

    Attributes:
        retry_after: seconds that a 429 asks to wait, or None.
        etag: of every file.
        num_requests: by path.
        ranges: the Range headers that came, by path.
        most_at_a_time: requests.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.trouble: dict[str, list[str]] = {}
        self.retry_after: str | None = None
        self.etag = '"1"'
        self.num_requests: Counter[str] = Counter()
        self.ranges: dict[str, list[str | None]] = {}
        self.most_at_a_time = 0
        self._running = 0
        self._lock = threading.Lock()
        self.end_stalls = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))

    def __enter__(self) -> "Server":
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.end_stalls.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self._http.server_port}/{path}"

    def next_kind(self, path: str, byte_range: str | None) -> str:
        with self._lock:
            self.num_requests[path] += 1
            self.ranges.setdefault(path, []).append(byte_range)
            kinds = self.trouble.get(path, [])
            if kinds and kinds[0].endswith("*"):
                return kinds[0].removesuffix("*")
            return kinds.pop(0) if kinds else "fine" if path in self.files else "404"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self._running += 1
            self.most_at_a_time = max(self.most_at_a_time, self._running)
        try:
            self.send(handler)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client gave up
        finally:
            with self._lock:
                self._running -= 1

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.removeprefix("/")
        byte_range = handler.headers.get("Range")
        kind = self.next_kind(path, byte_range)
        body = self.files.get(path, b"")
        if kind == "stall":
            self.end_stalls.wait(10)
        elif kind == "drip":
            self.send_body(handler, b"", len(body))
            while not self.end_stalls.wait(0.05):
                handler.wfile.write(b"x")
        elif kind.isdecimal():
            handler.send_response(int(kind))
            if kind == "429" and self.retry_after:
                handler.send_header("Retry-After", self.retry_after)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        elif kind in ("html", "page"):
            content_type = "text/html; charset=utf-8" if kind == "html" else "audio/flac"
            self.send_body(handler, WEB_PAGE, content_type=content_type)
        elif kind == "login":
            handler.send_response(302)
            handler.send_header("Location", self.url("login"))
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        elif kind == "short":
            self.send_body(handler, body[: len(body) // 2])
        elif kind == "gzip":
            self.send_body(handler, gzip.compress(body), headers={"Content-Encoding": "gzip"})
        elif byte_range and kind not in ("whole", "other range"):
            start = int(byte_range.removeprefix("bytes=").removesuffix("-"))
            self.send_part(handler, kind, body, start, len(body))
        elif kind == "other range":
            self.send_part(handler, kind, body, 0, len(body) // 2)
        else:
            sent = body[: len(body) // 2] if kind == "truncate" else body
            self.send_body(handler, sent, len(body))

    def send_part(
        self, handler: BaseHTTPRequestHandler, kind: str, body: bytes, start: int, end: int
    ) -> None:
        rest = body[start:end]
        sent = rest[: len(rest) // 2] if kind == "truncate" else rest
        content_range = {"Content-Range": f"bytes {start}-{end - 1}/{len(body)}"}
        self.send_body(handler, sent, len(rest), status=206, headers=content_range)

    def send_body(
        self,
        handler: BaseHTTPRequestHandler,
        body: bytes,
        content_length: int | None = None,
        content_type: str = "application/octet-stream",
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        length = len(body) if content_length is None else content_length
        handler.send_header("Content-Length", str(length))
        handler.send_header("ETag", self.etag)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
