"""Single requests of egs/audioset's download: their pace, and one file from a local server."""

import time

import pytest

from tests.audioset_recipe import LOCAL
from tests.audioset_server import Server


@pytest.fixture
def server():
    with Server({}) as server:
        yield server


def test_the_pause_that_a_server_asks_for():
    Pace = LOCAL.pace.Pace
    pace = Pace(distance_seconds=0.0, backoff_seconds=100.0)
    pace.wait()
    assert pace.refused(0.2) == 0.2
    assert pace.refused(50.0) == 0.0  # sent before the pause began
    start = time.monotonic()
    pace.wait()
    assert 0.15 < time.monotonic() - start < 5
    assert pace.refused(None) == 200.0  # the second pause of its own
    pace.stop()
    with pytest.raises(LOCAL.pace.Stopped):
        pace.wait()


def test_requests_keep_their_distance():
    pace = LOCAL.pace.Pace(distance_seconds=0.05, backoff_seconds=1.0)
    start = time.monotonic()
    for _ in range(5):
        pace.wait()
    assert time.monotonic() - start > 0.19


def test_retry_after_is_read(server, tmp_path):
    server.trouble["file"] = ["429"]
    server.retry_after = "7"
    with pytest.raises(LOCAL.fetch.FetchError, match="HTTP 429") as caught:
        LOCAL.fetch.fetch(server.url("file"), tmp_path / "file", 5)
    assert (caught.value.kind, caught.value.pause_seconds) == ("busy", 7.0)


def test_a_broken_transfer_goes_on_where_it_broke(server, tmp_path):
    server.files["file"] = bytes(range(256)) * 1000
    server.trouble["file"] = ["truncate", "truncate"]
    path = tmp_path / "file"
    for _ in range(2):
        with pytest.raises(LOCAL.fetch.FetchError, match="truncated"):
            LOCAL.fetch.fetch(server.url("file"), path, 5)
    LOCAL.fetch.fetch(server.url("file"), path, 5)
    assert path.read_bytes() == server.files["file"]
    assert not path.with_name("file.part").exists()
    assert server.ranges["file"][0] is None and server.ranges["file"][2].startswith("bytes=")
