"""A bytedance/uss Lightning checkpoint gives the reference implementation's separated waveform."""

import numpy as np
import pytest
import torch

from tests.helpers.published_files import lightning
from tests.helpers.reference_weights import empty_state, fixture, published_state
from uss.models import published


@pytest.mark.slow
@torch.inference_mode()
def test_resunet30(tmp_path):
    torch.save(lightning(published_state("ResUNet30_condition2048")), tmp_path / "file")
    checkpoint = published.load(tmp_path / "file")
    assert not checkpoint.separator.training
    assert checkpoint.system.query == "embedding"
    assert checkpoint.system.normalization == "none"
    assert checkpoint.system.stft.window_size == 2048

    expected = fixture("resunet30")
    separated = checkpoint.separator(
        torch.from_numpy(expected["mixture"])[:, 0], torch.from_numpy(expected["condition"])
    )
    np.testing.assert_allclose(separated, expected["waveform"][:, 0], rtol=0, atol=1e-4)


@pytest.mark.slow
def test_the_other_baseline_is_conditioned_by_probabilities(tmp_path):
    torch.save(lightning(empty_state("ResUNet30_condition527")), tmp_path / "file")
    assert published.load(tmp_path / "file").system.query == "at_soft"


def test_faults_are_listed_by_the_names_in_the_file(tmp_path):
    content = lightning(empty_state("ResUNet30_condition2048"))
    del content["state_dict"]["ss_model.film.decoder_block2->conv_block2->beta1.bias"]
    content["state_dict"]["ss_model.base.decoder_block7.bn1.weight"] = torch.zeros(32)
    torch.save(content, tmp_path / "file")
    with pytest.raises(ValueError) as error:
        published.load(tmp_path / "file")
    assert "missing: film.decoder_block2->conv_block2->beta1.bias" in str(error.value)
    assert "unexpected: base.decoder_block7.bn1.weight" in str(error.value)


def test_a_query_net_with_an_adaptor_is_refused(tmp_path):
    content = lightning(empty_state("ResUNet30_condition2048"))
    content["state_dict"]["query_net.fc1.weight"] = torch.zeros(2048, 2048)
    torch.save(content, tmp_path / "file")
    with pytest.raises(ValueError, match=r"query_net\.fc1\.weight"):
        published.load(tmp_path / "file")
