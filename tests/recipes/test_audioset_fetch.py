"""Single requests of egs/audioset's download: their pace, and one file from a local server."""

import time

import pytest

from egs.audioset.local import request_rate
from tests.helpers.small_disk import mounted
from tests.helpers.web_server import Server
from uss.data import fetch


@pytest.fixture
def server():
    with Server({}) as server:
        yield server


def test_the_pause_that_a_server_asks_for():
    Pace = request_rate.Pace
    pace = Pace(distance_seconds=0.0, backoff_seconds=100.0)
    pace.wait()
    assert pace.refused(0.2) == 0.2
    assert pace.refused(50.0) == 0.0  # sent before the pause began
    start = time.monotonic()
    pace.wait()
    assert 0.15 < time.monotonic() - start < 5
    assert pace.refused(None) == 200.0  # the second pause of its own
    pace.stop()
    with pytest.raises(request_rate.Stopped):
        pace.wait()


def test_requests_keep_their_distance():
    pace = request_rate.Pace(distance_seconds=0.05, backoff_seconds=1.0)
    start = time.monotonic()
    for _ in range(5):
        pace.wait()
    assert time.monotonic() - start > 0.19


def test_retry_after_is_read(server, tmp_path):
    server.trouble["file"] = ["429"]
    server.retry_after = "7"
    with pytest.raises(fetch.FetchError, match="HTTP 429") as caught:
        fetch.fetch(server.url("file"), tmp_path / "file", 5)
    assert (caught.value.kind, caught.value.pause_seconds) == ("busy", 7.0)


def test_a_broken_transfer_goes_on_where_it_broke(server, tmp_path):
    server.files["file"] = bytes(range(256)) * 1000
    server.trouble["file"] = ["truncate", "truncate"]
    path = tmp_path / "file"
    for _ in range(2):
        with pytest.raises(fetch.FetchError, match="truncated"):
            fetch.fetch(server.url("file"), path, 5)
    fetch.fetch(server.url("file"), path, 5)
    assert path.read_bytes() == server.files["file"]
    assert not path.with_name("file.part").exists()
    assert server.ranges["file"][0] is None and server.ranges["file"][2].startswith("bytes=")


def begun(server, path):
    """A transfer that broke half-way."""
    server.files["file"] = bytes(range(256)) * 1000
    server.trouble["file"] = ["truncate"]
    with pytest.raises(fetch.FetchError, match="truncated"):
        fetch.fetch(server.url("file"), path, 5)


@pytest.mark.parametrize("answer", ["whole", "other range", "416", "gzip"])
def test_an_answer_that_does_not_go_on_where_it_broke(server, tmp_path, answer):
    path = tmp_path / "file"
    begun(server, path)
    server.trouble["file"] = [answer]
    fetch.fetch(server.url("file"), path, 5)
    assert path.read_bytes() == server.files["file"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("change", ["etag", "size"])
def test_a_file_that_changed_meanwhile_is_fetched_anew(server, tmp_path, change):
    path = tmp_path / "file"
    begun(server, path)
    server.files["file"] = bytes(range(255, -1, -1)) * (1000 if change == "etag" else 1001)
    server.etag = '"2"' if change == "etag" else server.etag
    fetch.fetch(server.url("file"), path, 5)
    assert path.read_bytes() == server.files["file"]
    assert server.ranges["file"][1:] == ["bytes=128000-", None]


def test_a_beginning_of_unknown_origin_is_not_gone_on_with(server, tmp_path):
    server.files["file"] = b"new" * 1000
    (tmp_path / "file.part").write_bytes(b"old")
    fetch.fetch(server.url("file"), tmp_path / "file", 5)
    assert (tmp_path / "file").read_bytes() == server.files["file"]


def test_a_server_that_only_sends_another_part(server, tmp_path):
    server.files["file"] = bytes(1000)
    server.trouble["file"] = ["other range*"]
    with pytest.raises(fetch.FetchError, match="a part that was not asked for"):
        fetch.fetch(server.url("file"), tmp_path / "file", 5)
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("answer", ["html", "page", "login"])
def test_a_login_page_is_not_the_file(server, tmp_path, answer):
    path = tmp_path / "file"
    begun(server, path)
    before = (tmp_path / "file.part").read_bytes()
    server.trouble = {"file": [answer], "login": ["html"]}
    with pytest.raises(fetch.FetchError, match="a web page instead of the file"):
        fetch.fetch(server.url("file"), path, 5)
    assert not path.exists() and len(before) == 128000
    fetch.fetch(server.url("file"), path, 5)
    assert path.read_bytes() == server.files["file"]


def test_a_file_packed_with_gzip_arrives_unpacked(server, tmp_path):
    server.files["file"] = b"sound" * 100000
    server.trouble["file"] = ["gzip"]
    fetch.fetch(server.url("file"), tmp_path / "file", 5)
    assert (tmp_path / "file").read_bytes() == server.files["file"]


def test_a_full_disk_is_not_the_connections_fault(server, tmp_path):
    server.files["file"] = bytes(3_000_000)
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=1m", "none"):
        with pytest.raises(OSError, match="No space left"):
            fetch.fetch(server.url("file"), tmp_path / "disk" / "file", 5)
