"""Stage 0 of egs/fsd50k by download: Zenodo's record and files from a server on 127.0.0.1."""

import hashlib
import json
import logging

import pytest

from tests.helpers.fsd50k_recipe import Recipe, clips_of_splits
from tests.helpers.small_disk import mounted
from tests.helpers.web_server import Server
from uss.data import fetch

RECORD = "api/records/4060432"
PART = "FSD50K.dev_audio.z01"


@pytest.fixture
def server(published_fsd50k):
    """The record's files, and one that the recipe does not use."""
    files = {path.name: path.read_bytes() for path in published_fsd50k.files}
    files["FSD50K.doc.zip"] = b"documentation"
    with Server({f"files/{name}": content for name, content in files.items()}) as server:
        describe(server, files)
        yield server


def describe(server, files):
    """As Zenodo's API does."""
    record = {
        "id": 4060432,
        "files": [
            {
                "key": name,
                "size": len(content),
                "checksum": f"md5:{hashlib.md5(content).hexdigest()}",
                "links": {"self": server.url(f"files/{name}")},
            }
            for name, content in files.items()
        ],
    }
    server.files[RECORD] = json.dumps(record).encode()


@pytest.fixture
def recipe(published_fsd50k, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(fetch, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.chdir(tmp_path)
    return Recipe(tmp_path, published_fsd50k)


def download(recipe, server):
    recipe.prepare("data.source=download", f"data.record={server.url(RECORD)}")


def test_a_download_gives_the_tables_of_the_folder_and_asks_once(recipe, server, caplog):
    download(recipe, server)
    downloaded = clips_of_splits()
    names = {path.name for path in recipe.published.files}
    assert server.num_requests == {RECORD: 1} | {f"files/{name}": 1 for name in names}
    caplog.clear()
    server.trouble = {path: ["404*"] for path in server.files}
    download(recipe, server)  # without a network
    assert server.num_requests.total() == 1 + len(names) and "run " not in caplog.text
    assert f"skip data/archives/{PART}: unchanged" in caplog.text
    recipe.prepare(f"data.folder={recipe.published.folder}")
    from_folder = clips_of_splits()
    for split, clips in downloaded.items():
        assert [c._replace(path="") for c in clips] == [
            c._replace(path="") for c in from_folder[split]
        ]


def test_a_transfer_that_breaks_goes_on_where_it_broke(recipe, server):
    path = f"files/{PART}"
    server.trouble = {path: ["truncate", "503", "truncate"]}
    download(recipe, server)
    starts = [int((r or "bytes=0-").removeprefix("bytes=")[:-1]) for r in server.ranges[path]]
    half = len(server.files[path]) // 2
    assert starts[0] == 0 and starts[1] == starts[2] == half and starts[3] > half
    assert clips_of_splits()["train"]


def test_what_is_not_as_the_record_says_is_refused(recipe, server):
    content = server.files[f"files/{PART}"]
    server.files[f"files/{PART}"] = content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(ValueError, match=f"{PART} has the MD5 .*, Zenodo's record says .*; remove"):
        download(recipe, server)
    with pytest.raises(ValueError, match=f"{PART} has the MD5"):  # the next run as well
        download(recipe, server)
    (recipe.data / "archives" / PART).write_bytes(content[:-1])
    with pytest.raises(ValueError, match=f"{PART} has {len(content) - 1} bytes, Zenodo's record"):
        download(recipe, server)
    (recipe.data / "archives" / PART).write_bytes(content)  # brought by hand
    download(recipe, server)
    assert clips_of_splits()["train"]


def test_a_file_or_a_record_that_cannot_be_had(recipe, server):
    server.trouble = {RECORD: ["404"]}
    with pytest.raises(ValueError, match="HTTP 404 .*put it there as data/archives/record.json"):
        download(recipe, server)
    server.trouble = {f"files/{PART}": ["404"]}
    with pytest.raises(ValueError, match=f"{PART} cannot be downloaded .HTTP 404 .*goes on where"):
        download(recipe, server)
    download(recipe, server)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"files": [{"key": "x"}]}, "record.json is no description of files as http"),
        ({"message": "gone"}, "record.json is no description of files"),
        ({"files": []}, "record.json names no FSD50K.ground_truth.zip: data.record must be"),
    ],
)
def test_a_record_of_something_else(recipe, server, record, message):
    server.files[RECORD] = json.dumps(record).encode()
    with pytest.raises(ValueError, match=message):
        download(recipe, server)


def test_a_disk_without_room_is_said_before_anything_is_asked_for(recipe, server):
    small = recipe.data
    with mounted(small, "-t", "tmpfs", "-o", "size=1M", "tmpfs"):
        with pytest.raises(ValueError, match="GB are to be written to data/archives, which has"):
            download(recipe, server)
    assert server.num_requests == {RECORD: 1}
