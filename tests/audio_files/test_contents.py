"""A file is what its bytes say, and only that file is read."""

import http.server
import os
import socket
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.audio_samples import FORMATS, RATE, encoded, needs_ffmpeg, noise
from uss.audio import BadAudio, decode

CASES = Path(__file__).parents[1] / "fixtures" / "cases"
NAMES = ["list.wav", "list.mp3", "list.m4a", "list.mkv", "list.m3u8", "list.txt"]


@pytest.fixture
def server():
    """(address of a WAV file, the requests so far)."""
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(encoded("a.wav", noise()))

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/other.wav", requests
        running.shutdown()


def playlists(target: str) -> dict[str, str]:
    """Kind -> a text that names `target`."""
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2.0,\n"
    return {
        "concat": f"ffconcat version 1.0\nfile {target}\n",
        "HLS": f"{hls}{target}\n#EXT-X-ENDLIST\n",
        "live HLS": f"{hls}{target}\n",
        "HLS with a BOM": f"\ufeff{hls}{target}\n",
        "DASH": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
        '<Period><AdaptationSet mimeType="audio/mp4"><Representation id="0" bandwidth="1000">'
        f"<BaseURL>{target}</BaseURL><SegmentBase/></Representation></AdaptationSet></Period></MPD>",
        "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
        "PLS": f"[playlist]\nFile1={target}\nNumberOfEntries=1\n",
        "ASX": f'<asx version="3.0"><entry><ref href="{target}"/></entry></asx>',
        "address": f"{target}\n",
        "RTSP": f"RTSPtext\r\nrtsp://{target}\r\n",
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", playlists(""))
def test_a_playlist_opens_no_other_file(tmp_path, name, kind):
    (tmp_path / "other.wav").write_bytes(encoded("a.wav", noise()))
    for target in ("other.wav", f"file://{tmp_path}/other.wav", f"{tmp_path}/other.wav"):
        (tmp_path / name).write_text(playlists(target)[kind])
        with pytest.raises(BadAudio, match="such as a playlist.*; no other file is opened for it"):
            decode(tmp_path / name)


@pytest.mark.parametrize("kind", playlists(""))
def test_a_playlist_opens_no_address(tmp_path, server, kind):
    address, requests = server
    (tmp_path / "list.wav").write_text(playlists(address)[kind])
    with pytest.raises(BadAudio, match="such as a playlist"):
        decode(tmp_path / "list.wav")
    assert requests == []


@needs_ffmpeg
def test_ffmpeg_is_held_to_the_kind_of_the_content(tmp_path, server):
    """Also where a playlist gets past the look at the first bytes, as one behind a tag might."""
    from uss.audio_files.ffmpeg import decode_with_ffmpeg

    address, requests = server
    (tmp_path / "other.wav").write_bytes(encoded("a.wav", noise()))
    for kind, text in (playlists("other.wav") | playlists(address)).items():
        (tmp_path / "list.m4a").write_text(text)
        for demuxer in ("mov", "mpegts"):
            with pytest.raises(BadAudio):
                decode_with_ffmpeg(tmp_path / "list.m4a", demuxer, None)
            assert requests == [], kind


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.m4a", "a", "a.txt", "a.raw", "img%d.wav"])
def test_the_name_of_an_m4a_says_nothing(tmp_path, name):
    (tmp_path / name).write_bytes((CASES / "really_m4a_2s.wav").read_bytes())
    waveform, rate = decode(tmp_path / name)
    assert waveform.shape[1] / rate == pytest.approx(2, abs=0.06)
    assert np.abs(waveform).max() > 0.1


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ["x.raw", "x.m4a", "x.txt", "x.wav", "x"])
def test_a_name_says_nothing(tmp_path, name, kind):
    """A file of audio without a header would be called .raw."""
    (tmp_path / name).write_bytes(encoded(kind, noise()))
    (tmp_path / kind).write_bytes(encoded(kind, noise()))
    np.testing.assert_array_equal(decode(tmp_path / name)[0], decode(tmp_path / kind)[0])


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["m4a", "webm", "mkv", "mov", "ts", "aac", "avi", "mka"])
@pytest.mark.parametrize("faststart", [False, True])
def test_containers_through_ffmpeg(tmp_path, suffix, faststart):
    """Also an m4a whose index stands at its end, for which a reader must seek."""
    (tmp_path / "a.wav").write_bytes(encoded("a.wav", noise()))
    path = tmp_path / f"a.{suffix}"
    flags = ["-movflags", "faststart"] if faststart and suffix == "m4a" else []
    made = ["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", *flags, path]
    if subprocess.run(made, capture_output=True).returncode != 0:
        pytest.skip(f"this ffmpeg writes no {suffix}")
    waveform, rate = decode(path)
    assert waveform.shape[1] / rate == pytest.approx(3, abs=0.12)
    assert decode(path, 1.0, 0.5)[0].shape[1] == round(0.5 * rate)
    np.testing.assert_array_equal(decode(path, 1.0, 0.5)[0], waveform[:, rate:][:, : rate // 2])


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["m4a", "webm"])
def test_a_truncated_container_is_refused(tmp_path, suffix):
    (tmp_path / "a.wav").write_bytes(encoded("a.wav", noise()))
    path = tmp_path / f"a.{suffix}"
    options = ["-movflags", "faststart"] if suffix == "m4a" else []
    made = ["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", *options, path]
    subprocess.run(made, check=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadAudio, match=r"^not audio, or damaged \(ffmpeg: "):
        decode(path)


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s.wav"))
    for name in ("pipe.wav", "folder.wav", "s.wav"):
        with pytest.raises(BadAudio, match="^not a regular file$"):
            decode(tmp_path / name)
    (tmp_path / "link.wav").symlink_to(tmp_path / "nowhere.wav")
    with pytest.raises(BadAudio, match="^missing$"):
        decode(tmp_path / "link.wav")


def test_the_rate_stays(tmp_path):
    (tmp_path / "a.wav").write_bytes(encoded("a.wav", noise()))
    assert decode(tmp_path / "a.wav")[1] == RATE
