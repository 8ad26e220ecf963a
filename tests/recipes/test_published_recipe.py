"""Published weights through the YAML that a user writes, and stages 1 to 4 of a recipe on them."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.published_files import save_panns
from tests.helpers.recipe_runs import copy_recipe, run
from tests.helpers.reference_weights import empty_state, fixture, published_state
from tests.helpers.tiny_recipe import Recipe
from uss.audio import from_int16, write_wav
from uss.config import load
from uss.data.anchor_search import find_anchors
from uss.data.anchor_set import AnchorSet
from uss.data.feature_set import FeatureSet
from uss.data.mixing import mix
from uss.data.mixture_list import MixtureList
from uss.labels import audioset_ancestors, audioset_classes
from uss.model_store import networks
from uss.model_store.panns_file import build
from uss.models import published
from uss.models.panns import Cnn14, Cnn14DecisionLevelMax
from uss.schema import Pretrained, System
from uss.tables import ClassRow, Clip, write_table

pytestmark = pytest.mark.slow

SYSTEMS = ("mae_frozen", "mae_aligned")
HEARD_CLASS = 137  # the class of which the fixture has all frames
REDUCED = [
    "mixtures.num_train=2",
    "mixtures.num_query_per_class=1",
    "mixtures.num_dev_per_class=1",
    "mixtures.num_eval_per_class=1",
]


@pytest.fixture(scope="module")
def finished(published_weights, tmp_path_factory):
    """The AudioSet recipe with two clips a split, after stages 1 to 4."""
    folder = tmp_path_factory.mktemp("published")
    for path in published_weights.iterdir():
        (folder / path.name).symlink_to(path)
    recipe = copy_recipe("audioset", folder)
    (recipe / "conf" / "pretrained.yaml").write_text(
        "sound_event_detector: ../../panns.pth\n"  # the same keys, so one file serves as both
        "query_encoder: ../../panns.pth\n"
        "audio_mae: ../../audio_mae.pth\n"
    )
    write_clips(recipe / "data")
    options = ["--stage", "1", "--stop-stage", "4", "--nj", "1", "--systems", " ".join(SYSTEMS)]
    recipe.joinpath("stderr").write_text(run(recipe, *options, overrides=REDUCED).stderr)
    return recipe


@pytest.fixture
def recipe(finished, monkeypatch):
    monkeypatch.chdir(finished)
    return finished


def write_clips(data: Path) -> None:
    """In each split the fixture's clip, labelled with its class, and noise of another class."""
    classes = audioset_classes()
    rows = zip(classes.ids, classes.names, strict=True)
    write_table(data / "classes.csv", [ClassRow(i, *row) for i, row in enumerate(rows)], ClassRow)
    heard = fixture("cnn14_decision_level_max")["waveform"][0]
    for number, split in enumerate(("train", "dev", "eval")):
        rng = np.random.default_rng(number)
        noise = 0.1 * rng.standard_normal(len(heard)).astype(np.float32)
        clips = []
        for name, waveform, label in (("heard", heard, HEARD_CLASS), ("noise", noise, number)):
            clip_id = f"{split}_{name}"
            path = data / "raw" / f"{clip_id}.wav"
            write_wav(path, waveform, 32000)
            clips.append(Clip(clip_id, str(path), 0.0, 10.0, classes.ids[label], clip_id))
        write_table(data / split / "clips.csv", clips, Clip)


def test_no_network_is_trained_and_the_log_says_why(recipe):
    log = (recipe / "stderr").read_text()
    assert "skip data/detector: pretrained.yaml names the weights of both networks" in log
    assert "skip data/amae: pretrained.yaml names its weights, ../../audio_mae.pth" in log
    assert not (recipe / "data/detector").exists() and not (recipe / "data/amae").exists()


@torch.inference_mode()
def test_the_named_panns_give_the_reference_numbers(recipe):
    pretrained = load("conf", "pretrained", Pretrained)
    detector = networks.load_sound_event_detector(pretrained, 32000)
    encoder = networks.load_query_encoder(pretrained, 32000)
    expected = fixture("cnn14")
    embedding = encoder(torch.from_numpy(expected["waveform"])).embedding
    tolerance = 1e-5 * np.abs(expected["embedding"]).max()
    np.testing.assert_allclose(embedding, expected["embedding"], rtol=0, atol=tolerance)

    expected = fixture("cnn14_decision_level_max")
    framewise = detector(torch.from_numpy(expected["waveform"])).framewise[:, :, HEARD_CLASS]
    theirs = expected["framewise_output_class_137"]
    np.testing.assert_allclose(framewise, theirs, rtol=0, atol=1e-4)


@torch.inference_mode()
def test_the_named_audio_mae_gives_the_reference_numbers(recipe):
    system = load("conf", "systems/mae_frozen", System)
    extractor = networks.load_extractor(load("conf", "pretrained", Pretrained), system, 16000)
    expected = fixture("audiomae")
    fbank = extractor.fbank(torch.from_numpy(expected["waveform_2s"])[None])
    tokens = extractor.encoder(fbank)[0, ::32]
    theirs = expected["final_norm_tokens_every_32nd"][1]
    np.testing.assert_allclose(tokens, theirs, rtol=0, atol=1e-3)


def test_an_anchor_lies_where_the_reference_hears_its_class(recipe):
    theirs = torch.from_numpy(fixture("cnn14_decision_level_max")["framewise_output_class_137"])
    starts, scores = find_anchors(theirs, 200, 320)
    for split in ("train", "dev", "eval"):
        (anchor,) = (a for a in AnchorSet(f"data/{split}").anchors if a.clip_id.endswith("heard"))
        assert anchor.start_sample == starts.item()
        assert anchor.score == pytest.approx(scores.item(), abs=1e-4)


@torch.inference_mode()
def test_stored_embeddings_are_those_of_the_model_in_memory(recipe):
    encoder = published.build_panns(published.Cnn14, published_state("Cnn14"), "memory")
    for split in ("train", "dev", "eval"):
        anchors = AnchorSet(f"data/{split}")
        assert len(anchors) == 2
        output = encoder(torch.from_numpy(from_int16(anchors.waveforms([0, 1]))))
        tolerance = 1e-5 * output.embedding.abs().max().item()
        stored = anchors.embeddings([0, 1])
        np.testing.assert_allclose(stored, output.embedding, rtol=0, atol=tolerance)
        stored = anchors.probabilities([0, 1])
        np.testing.assert_allclose(stored, output.probabilities, rtol=0, atol=1e-5)


@torch.inference_mode()
def test_cached_features_are_those_of_the_model_in_memory(recipe, tmp_path):
    pretrained = load("conf", "pretrained", Pretrained)
    mixtures = MixtureList("data/mixtures/train.csv", AnchorSet("data/train"))
    batch = mixtures.batch([0, 1])
    for name, shape in zip(SYSTEMS, ((32, 768), (13, 768)), strict=True):
        system = load("conf", f"systems/{name}", System)
        stored = FeatureSet("data", system).read([0, 1])
        assert stored.shape == (2, *shape)
        extractor = networks.load_extractor(pretrained, system, 32000)
        signals = torch.from_numpy(batch.target), torch.from_numpy(batch.interferer)
        expected = extractor(mix(*signals, system.normalization).mixture)
        np.testing.assert_allclose(stored, expected.half(), rtol=1e-3, atol=1e-3)  # float16


def make_classes(folder: Path, class_ids: list[str]) -> Path:
    """A recipe's classes, and a file of weights that is never opened."""
    Recipe(folder).classes(*class_ids)
    weights = folder / "weights.pth"
    weights.write_bytes(b"weights")
    return weights


def test_a_published_detector_wants_audiosets_classes(tmp_path, monkeypatch):
    weights = make_classes(tmp_path, [audioset_classes().ids[3], "/m/dog", "/m/cat"])
    monkeypatch.chdir(tmp_path)
    pretrained = Pretrained(sound_event_detector=str(weights), query_encoder=str(weights))
    with pytest.raises(ValueError) as caught:
        networks.panns_digest(pretrained, "sound_event_detector")
    for part in ("2 that are none of them: /m/dog ", "/m/cat ", "sound_event_detector: null"):
        assert part in str(caught.value)
    for method in ("method: detected", "method: events", "method: loudest"):
        assert method in str(caught.value)
    # An embedding has no classes: a query encoder serves any.
    networks.panns_digest(pretrained, "query_encoder")


def test_a_published_detector_gives_the_columns_of_the_recipes_classes(
    tmp_path, monkeypatch, caplog
):
    """Of a detector whose outputs tell their column: a subset of AudioSet, in another order, and a
    class of the ontology that is none of the 527: Respiratory sounds, above Cough and others."""
    caplog.set_level(logging.INFO)
    audioset = audioset_classes()
    columns = [400, 3, 17]
    respiratory = "/m/09hlz4"
    below = [
        audioset.index(class_id)
        for class_id, above in audioset_ancestors().items()
        if respiratory in above and class_id in audioset
    ]
    make_classes(tmp_path, [*(audioset.ids[column] for column in columns), respiratory])
    monkeypatch.chdir(tmp_path)
    state = empty_state("Cnn14_DecisionLevelMax")
    state["fc_audioset.bias"] = torch.linspace(-5, 5, len(audioset))
    save_panns(Path("detector.pth"), state)
    pretrained = Pretrained(sound_event_detector="detector.pth", query_encoder="detector.pth")
    detector = networks.load_sound_event_detector(pretrained, 44100)
    encoder = networks.load_query_encoder(pretrained, 44100)
    expected = state["fc_audioset.bias"].sigmoid()
    of_classes = torch.cat([expected[columns], expected[below].max()[None]])
    silence = torch.zeros(1, 44100)
    assert torch.allclose(detector(silence).probabilities[0], of_classes)
    assert torch.allclose(encoder(silence).probabilities[0], expected)
    assert f"maximum over the classes below them (their number): name of {respiratory} (" in (
        caplog.text
    )
    # The same from a model directory, whose separator may have any rate.
    content = networks.panns_content(pretrained, list(networks.PANNS))
    for name, kind, values in (
        ("sound_event_detector", Cnn14DecisionLevelMax, of_classes),
        ("query_encoder", Cnn14, expected),
    ):
        network = build(content, name, kind, Path("panns.pt"), 48000, 48000)
        assert torch.allclose(network(torch.zeros(1, 48000)).probabilities[0], values)
        assert network.num_classes == len(values)
