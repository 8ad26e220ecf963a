"""Published weights through the YAML that a user writes, and stages 1 to 4 of a recipe on them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.published_files import save_audio_mae, save_panns
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
from uss.data.packed import part_path, write_part
from uss.labels import audioset_classes
from uss.model_store import networks
from uss.models import published
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
def finished(tmp_path_factory):
    """The AudioSet recipe with two clips a split, after stages 1 to 4."""
    folder = tmp_path_factory.mktemp("published")
    save_panns(folder / "panns.pth", published_state("Cnn14"))
    save_audio_mae(folder / "audio_mae.pth", published_state("AudioMAE"))
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
    detector, encoder = networks.load_panns(load("conf", "pretrained", Pretrained))
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


def make_waveforms(folder: Path, class_ids: list[str], rate: int) -> Path:
    """A recipe's classes and packed clips, and a file of weights that is never opened."""
    tiny = Recipe(folder)
    tiny.classes(*class_ids)
    datasets = {
        "audio_name": ["clip"],
        "waveform": np.zeros((1, 16), np.int16),
        "target": np.zeros((1, len(class_ids)), bool),
    }
    write_part(part_path(tiny.data / "train" / "waveforms", 0), datasets, sample_rate=rate)
    weights = folder / "weights.pth"
    weights.write_bytes(b"weights")
    return weights


@pytest.mark.parametrize("key", ["sound_event_detector", "query_encoder"])
def test_published_panns_want_32_khz(tmp_path, monkeypatch, key):
    assert networks.PANNS_SAMPLE_RATE == published.SAMPLE_RATE
    weights = make_waveforms(tmp_path, audioset_classes().ids, 16000)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="32000 Hz, and .* has 16000 Hz: write sample_rate: 32000"):
        networks.panns_digests(Pretrained(**{key: str(weights)}))


def test_a_published_detector_wants_audiosets_classes(tmp_path, monkeypatch):
    weights = make_waveforms(tmp_path, [audioset_classes().ids[3], "/m/dog", "/m/cat"], 32000)
    monkeypatch.chdir(tmp_path)
    message = "2 that are none of them: /m/dog .*/m/cat .*write sound_event_detector: null"
    with pytest.raises(ValueError, match=message):
        networks.panns_digests(Pretrained(sound_event_detector=str(weights)))
    # An embedding has no classes: a query encoder serves any. What is missing here is the detector.
    with pytest.raises(ValueError, match="data/detector holds no trained model"):
        networks.panns_digests(Pretrained(query_encoder=str(weights)))


def test_a_published_detector_gives_the_columns_of_the_recipes_classes(tmp_path, monkeypatch):
    """Of a detector whose outputs tell their column: a subset of AudioSet, in another order."""
    audioset = audioset_classes()
    columns = [400, 3, 17]
    make_waveforms(tmp_path, [audioset.ids[column] for column in columns], 32000)
    monkeypatch.chdir(tmp_path)
    state = empty_state("Cnn14_DecisionLevelMax")
    state["fc_audioset.bias"] = torch.linspace(-5, 5, len(audioset))
    save_panns(Path("detector.pth"), state)
    pretrained = Pretrained(sound_event_detector="detector.pth", query_encoder="detector.pth")
    detector, encoder = networks.load_panns(pretrained)
    probabilities = detector(torch.zeros(1, 32000)).probabilities[0]
    expected = state["fc_audioset.bias"].sigmoid()
    assert torch.allclose(probabilities, expected[columns])
    assert torch.allclose(encoder(torch.zeros(1, 32000)).probabilities[0], expected)
    content = networks.panns_content(pretrained)
    assert content["sound_event_detector"]["model"]["num_classes"] == len(columns)
    assert content["query_encoder"]["model"]["num_classes"] == len(audioset)
