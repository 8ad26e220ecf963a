"""Files that name other files: ffmpeg may open nothing but what the user named."""

import shutil
import subprocess

from tests.field.audio import stage_1
from tests.field.case import case, require
from tests.field.place import Place, need
from tests.helpers.web_server import Server

PLAYLISTS = "files that name others"


def refused(place: Place, name: str, others: str = "") -> str:
    """By `sep`, as a query, and in stage 1; no sample of another file comes out."""
    done = place.separate(name, seconds=20)
    seconds = place.seconds()
    require(done.sentence, f"{done.short}; {seconds:.1f} s of {others or 'another file'} separated")
    place.wav("a.wav")
    query = place.separate("a.wav", "--query", name, seconds=20)
    require(query.sentence, f"as a query: {query.short}")
    own, rejected = stage_1(place, {name: 1.0}, seconds=30)
    own.require_ok()
    require(name in rejected, f"{done.short}; stage 1 packs it")
    return done.short


def other(place: Place, suffix: str) -> None:
    need("ffmpeg")
    place.wav("source.wav", 2.0)
    command = ["ffmpeg", "-v", "error", "-i", "source.wav", f"other.{suffix}"]
    subprocess.run(command, cwd=place.folder, check=True)
    (place.folder / "source.wav").unlink()


def with_path(place: Place, name: str) -> str:
    path = place.copy(f"playlists/{name}")
    path.write_text(path.read_text().replace("/PATH", str(place.folder)))
    return name


@case(
    PLAYLISTS,
    "own",
    "`innocent.wav`, a text `ffconcat version 1.0`, `file other.wav`, with ffmpeg: `sep`, "
    "`--query`, stage 1",
    "not audio: other.wav is not opened",
)
def concat(place: Place) -> str:
    need("ffmpeg")
    place.wav("other.wav", 2.0)
    place.copy("playlists/innocent.wav")
    return refused(place, "innocent.wav")


@case(
    PLAYLISTS,
    "own",
    "`live.wav`, an HLS playlist without an end that names other.ts",
    "not audio, at once",
)
def hls_that_never_ends(place: Place) -> str:
    other(place, "ts")
    return refused(place, with_path(place, "live.wav"))


@case(PLAYLISTS, "own", "the same playlist, with an end", "not audio")
def hls(place: Place) -> str:
    other(place, "ts")
    name = with_path(place, "live.wav")
    with (place.folder / name).open("a") as file:
        file.write("#EXT-X-ENDLIST\n")
    return refused(place, name)


@case(PLAYLISTS, "own", "`dash.wav`, a DASH manifest that names other.mp4", "not audio")
def dash(place: Place) -> str:
    other(place, "mp4")
    return refused(place, with_path(place, "dash.wav"))


@case(
    PLAYLISTS,
    "own",
    "texts that name an address: concat, HLS and a playlist of M3U",
    "not audio; the server is not asked",
)
def a_remote_address(place: Place) -> str:
    need("ffmpeg")
    place.wav("other.wav", 2.0)
    with Server({"other.wav": (place.folder / "other.wav").read_bytes()}) as server:
        url = server.url("other.wav")
        texts = {
            "concat.wav": f"ffconcat version 1.0\nfile {url}\n",
            "hls.wav": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n{url}\n#EXT-X-ENDLIST\n",
            "list.m4a": f"{url}\n",
        }
        said = ""
        for name, text in texts.items():
            (place.folder / name).write_text(text)
            done = place.separate(name, "--output", name + ".out", seconds=30)
            require(not server.num_requests, f"{name}: the server is asked; {done.short}")
            require(done.sentence, f"{name}: {done.short}")
            said = done.short
        return said


@case(
    PLAYLISTS,
    "own",
    "names that ffmpeg takes for a protocol: `concat:other.wav|other.wav`, `data:x.wav`, `-i.wav`",
    "the file of this name is separated",
)
def a_name_like_a_protocol(place: Place) -> str:
    need("ffmpeg")
    place.copy("audio/really_m4a_2s.wav")
    names = ("concat:other.wav|other.wav", "data:x.wav", "-i.wav", "pipe:0.wav", "%03d.wav")
    for name in names:
        shutil.copy(place.folder / "really_m4a_2s.wav", place.folder / name)
        done = place.separate(f"./{name}", "--output", "out", seconds=40)
        require(done.status == 0, f"{name}: {done.short}")
    return f"{len(names)} files are separated"
