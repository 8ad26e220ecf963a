"""Stage 0 of egs/audioset: lists and published weights that are downloaded, checked, recorded."""

import hashlib
import logging

import pytest

from tests.helpers.audioset_recipe import WEIGHTS, Recipe
from tests.helpers.web_server import Server
from uss.data import fetch, published_weights
from uss.tables import read_table

FILES = {key: key.encode() * 5000 for key in WEIGHTS}
NAMES = {
    "sound_event_detector": "Cnn14_DecisionLevelMax_mAP=0.385.pth",
    "query_encoder": "Cnn14_mAP=0.431.pth",
    "audio_mae": "pretrained.pth",
}


@pytest.fixture
def server():
    with Server(dict(FILES)) as server:
        yield server


@pytest.fixture
def recipe(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(fetch, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(published_weights, "NUM_TRIES", 2)
    monkeypatch.chdir(tmp_path)
    return Recipe(tmp_path)


def path_of(key):
    return f"data/pretrained/{NAMES[key]}"


def prepare(recipe, server, *overrides, keys=WEIGHTS):
    """Only the weights: the same options as a user would give, against the local server."""
    options = [f"data.weights.{key}.url={server.url(key)}" for key in WEIGHTS]
    for key in ("sound_event_detector", "query_encoder"):
        options.append(f"data.weights.{key}.num_bytes={len(FILES[key])}")
        options.append(f"data.weights.{key}.md5={hashlib.md5(FILES[key]).hexdigest()}")
    named = {key: path_of(key) if key in keys else "null" for key in WEIGHTS}
    options += [f"pretrained.{key}={name}" for key, name in named.items()]
    touch_audio(recipe)
    recipe.prepare(*options, *overrides)


def touch_audio(recipe):
    folder = recipe.data / "audioset"
    folder.mkdir(exist_ok=True)
    for row in recipe.all_rows:
        (folder / f"{row.clip_id}.wav").touch()


def test_what_is_published_is_what_the_models_read(recipe):
    weights = recipe.config().weights
    for key in WEIGHTS:
        assert getattr(weights, key).file == NAMES[key]
        assert getattr(weights, key).url.startswith("https://")
    assert len(weights.query_encoder.md5) == 32 and weights.audio_mae.md5 is None


def test_weights_are_downloaded_checked_and_recorded_once(recipe, server):
    prepare(recipe, server)
    rows = read_table("data/pretrained.csv", published_weights.WeightsRow)
    assert [row.key for row in rows] == sorted(WEIGHTS)
    for row in rows:
        content = (recipe.folder / path_of(row.key)).read_bytes()
        assert content == FILES[row.key]
        assert row.sha256 == hashlib.sha256(content).hexdigest()
    prepare(recipe, server)
    assert set(server.num_requests.values()) == {1}


def test_null_downloads_nothing(recipe, server):
    prepare(recipe, server, keys=())
    assert not server.num_requests


def test_a_broken_transfer_of_weights_is_resumed(recipe, server):
    server.trouble["query_encoder"] = ["truncate"]
    prepare(recipe, server)
    assert (recipe.folder / path_of("query_encoder")).read_bytes() == FILES["query_encoder"]
    assert server.ranges["query_encoder"] == [None, f"bytes={len(FILES['query_encoder']) // 2}-"]


@pytest.mark.parametrize(
    "kind, reason",
    [
        ("404*", "HTTP 404"),
        ("html*", "a web page instead of the file"),
        ("truncate*", "truncated"),
        ("500*", "HTTP 500"),
    ],
)
@pytest.mark.parametrize(
    "key, checked",
    [("query_encoder", "its size, 65000 bytes, and MD5, "), ("audio_mae", "SHA-256 is recorded")],
)
def test_weights_that_cannot_be_downloaded(recipe, server, key, checked, kind, reason):
    server.trouble[key] = [kind]
    with pytest.raises(ValueError) as caught:
        prepare(recipe, server)
    message = str(caught.value)
    for words in (reason, server.url(key), f"put it there as {path_of(key)}", checked):
        assert words in message


@pytest.mark.parametrize(
    "content, message",
    [
        (FILES["query_encoder"][:-1], "has 64999 bytes, the published file 65000; remove it"),
        (FILES["query_encoder"][::-1], "has the MD5 .*, the published file .*; remove it"),
    ],
)
def test_a_file_that_is_not_the_published_one(recipe, server, content, message):
    path = recipe.folder / path_of("query_encoder")
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        prepare(recipe, server)


def test_a_file_that_changed_since_its_first_use(recipe, server):
    prepare(recipe, server)
    (recipe.folder / path_of("audio_mae")).write_bytes(b"other")
    with pytest.raises(ValueError, match="is not the file of its first use .* audio_mae's row"):
        prepare(recipe, server)


def test_weights_of_ones_own_are_taken_as_they_are(recipe, server, tmp_path):
    (tmp_path / "mine.pth").write_bytes(b"mine")
    prepare(recipe, server, f"pretrained.query_encoder={tmp_path / 'mine.pth'}")
    assert "query_encoder" not in server.num_requests
    with pytest.raises(ValueError, match="pretrained.query_encoder names data/mine.pth, which is"):
        prepare(recipe, server, "pretrained.query_encoder=data/mine.pth")


def test_lists_are_downloaded_or_asked_for(recipe, server):
    for name in ("balanced_train_segments.csv", "eval_segments.csv"):
        path = recipe.data / "segments" / name
        server.files[name] = path.read_bytes()
        path.unlink()
    server.trouble["eval_segments.csv"] = ["404"]
    url = f"data.segments_url={server.url('{file}')}"
    with pytest.raises(ValueError) as caught:
        prepare(recipe, server, url)
    for words in ("data/segments/eval_segments.csv is missing", "HTTP 404", server.url()):
        assert words in str(caught.value)
    prepare(recipe, server, url)
    assert (recipe.data / "eval" / "clips.csv").exists()
    assert server.num_requests["balanced_train_segments.csv"] == 1
