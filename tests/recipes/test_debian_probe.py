from pathlib import Path

import numpy as np
import pytest
import torch

from egs.debian_sounds.experiments.amae_gain import probe_blocks
from uss.bin import train
from uss.evaluation.linear_probe import over_time
from uss.evaluation.statistics import Strata
from uss.layout import AMAE
from uss.models.amae_features import AmaeFeatures
from uss.models.audio_mae import AudioMaeEncoder
from uss.schema import AmaeModel, Evaluate, SystemAmae


@pytest.fixture
def extractor() -> AmaeFeatures:
    model = AmaeModel(
        input_frames=64, width=24, depth=3, heads=2, decoder_width=16, decoder_depth=1,
        decoder_heads=2, mean=-5.0, std=4.0,
    )  # fmt: skip
    torch.manual_seed(0)
    return AmaeFeatures(
        AudioMaeEncoder(model), SystemAmae(features="aligned", fusion="channel"), 16000
    ).eval()


def test_the_last_block_is_what_a_separator_gets(extractor):
    waveform = torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = probe_blocks.block_features(extractor)(waveform)
        expected = over_time(extractor(waveform))
    assert found.shape == (2, 3, 48)
    torch.testing.assert_close(found[:, -1], expected)
    assert (found[:, 0] - found[:, 1]).abs().max() > 0.01


def test_a_recording_is_never_in_its_own_training():
    """Features that name the recording, and nothing else, name no class of another recording."""
    groups = [f"g{number}" for number in np.repeat(np.arange(20), 10)]
    classes = np.repeat(np.arange(20) % 2, 10)
    one_hot = torch.eye(20).repeat_interleave(10, dim=0)
    generator = np.random.default_rng(0)
    assert probe_blocks.tried_once(one_hot, classes, groups, generator).mean() < 0.7
    of_class = torch.from_numpy(classes[:, None].astype(np.float32))
    assert probe_blocks.tried_once(of_class, classes, groups, generator).tolist() == [1] * 200


def test_a_recording_counts_once_and_the_gain_is_paired():
    strata = Strata(["a"] * 4 + ["b"] * 2, ["a0", "a0", "a0", "a1", "b0", "b1"])
    one = np.array([1.0, 1, 1, 0, 1, 0])
    two = np.array([1.0, 1, 1, 1, 1, 0])
    hits = {probe_blocks.FILTERBANK: [one], "data/amae": [one, two]}
    found = probe_blocks.summarise(hits, strata, Evaluate(num_draws=200))
    accuracy = [block["value"] for block in found["accuracy"]["data/amae"]]
    assert accuracy == pytest.approx([0.5, 0.75])
    (gain,) = found["gain"]["data/amae"][probe_blocks.FILTERBANK]
    assert gain["value"] == pytest.approx(0.25)
    assert 0 <= gain["low"] <= 0.25 <= gain["high"] <= 1
    assert probe_blocks.FILTERBANK not in found["gain"]


def test_an_amae_without_a_name_is_refused(capsys):
    with pytest.raises(SystemExit):
        probe_blocks.main(["--amae", "data/amae", "--output", "probe.json"])
    assert "'data/amae' is not NAME=DIRECTORY" in capsys.readouterr().err


@pytest.mark.parametrize("names", [["one", "one"], ["untrained"]])
def test_names_that_hide_one_another_are_refused(names):
    amaes = [f"{name}=data/amae" for name in names]
    with pytest.raises(ValueError, match="a name of its own, and not .* 'untrained'"):
        probe_blocks.main(["--amae", *amaes, "--output", "probe.json"])


def test_an_updated_amae_is_the_one_within_the_separator(amae):
    train.main(["--name", "one", "--systems", "updated", "resunet", "--set", "train.steps=3"])
    pretrained = probe_blocks.encoder_of(AMAE).state_dict()
    for key, tensor in probe_blocks.encoder_of(Path("exp/one/updated")).state_dict().items():
        assert torch.equal(tensor, pretrained[key]) != key.startswith("blocks."), key
    with pytest.raises(ValueError, match="exp/one/resunet holds a separator without an A-MAE"):
        probe_blocks.encoder_of(Path("exp/one/resunet"))
