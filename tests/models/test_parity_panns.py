"""PANNs files in the published layout give the reference implementation's numbers."""

import numpy as np
import pytest
import torch

from tests.helpers.reference_weights import fixture
from uss.models import published
from uss.models.panns import Cnn14, Cnn14DecisionLevelMax


@pytest.fixture
def path(published_weights):
    return published_weights / "panns.pth"


@torch.inference_mode()
def test_cnn14(path):
    expected = fixture("cnn14")
    model = published.load(path, Cnn14)
    waveform = torch.from_numpy(expected["waveform"])

    log_mel = model.log_mel(waveform)[:, ::20]
    np.testing.assert_allclose(log_mel, expected["logmel"], rtol=0, atol=1e-3)
    output = model(waveform)
    largest = np.abs(expected["embedding"]).max()
    np.testing.assert_allclose(output.embedding, expected["embedding"], rtol=0, atol=1e-5 * largest)
    np.testing.assert_allclose(output.probabilities, expected["clipwise_output"], rtol=0, atol=1e-4)


@torch.inference_mode()
def test_cnn14_decision_level_max(path):
    expected = fixture("cnn14_decision_level_max")
    model = published.load(path, Cnn14DecisionLevelMax)
    output = model(torch.from_numpy(expected["waveform"]))

    assert output.framewise.shape == (1, 1001, 527)
    for ours, theirs in (
        (output.framewise[:, ::64], "framewise_output_every_64th_frame"),
        (output.framewise[:, :, 137], "framewise_output_class_137"),
        (output.probabilities, "clipwise_output"),
    ):
        np.testing.assert_allclose(ours, expected[theirs], rtol=0, atol=1e-4)


def test_the_caller_says_which_pooling(path):
    with pytest.raises(ValueError, match="which pooling"):
        published.load(path)


def test_a_panns_file_is_not_an_audio_mae(path):
    with pytest.raises(ValueError, match="is a PANNs network, and a pretrained Audio-MAE was"):
        published.load_audio_mae(path)
