"""Patches, positions, masking and one pretraining step."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.helpers.small_networks import AMAE, noise
from uss.models.audio_mae import AudioMae, AudioMaeEncoder, draw_kept_patches, patchify
from uss.models.vit import position_table


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return AudioMae(AMAE).eval()


def kept(fbank: torch.Tensor, seed: int = 0) -> torch.Tensor:
    num_patches = fbank.shape[1] // 16 * 8
    return draw_kept_patches(np.random.default_rng(seed), len(fbank), num_patches, 0.8)


def test_only_the_columns_that_hold_sound(model):
    """2 s are 198 frames: 13 columns of 16, 104 patches, and CLS."""
    fbank = model.fbank(noise())
    assert fbank.shape == (2, 208, 128)
    assert model(fbank).shape == (2, 105, 64)
    assert model(model.fbank(noise(), num_columns=32)).shape == (2, 257, 64)


def test_padding_is_before_normalisation(model):
    fbank = model.fbank(noise(), num_columns=32)
    assert torch.equal(fbank[:, :208], model.fbank(noise()))
    padding = fbank[:, 198:]
    torch.testing.assert_close(padding, torch.full_like(padding, 5.0 / 8.0))


def test_audio_longer_than_the_position_table_is_refused(model):
    with pytest.raises(ValueError, match="598 filterbank frames, more than the A-MAE's 512"):
        model.fbank(noise(1, 6 * 16000))


def test_unmeasured_statistics_are_refused():
    model = AudioMaeEncoder(dataclasses.replace(AMAE, mean=None, std=None))
    with pytest.raises(ValueError, match="mean and std are null: measure"):
        model.fbank(noise())


def test_a_patch_is_16_frames_of_16_bands():
    frame, band = torch.meshgrid(torch.arange(48), torch.arange(128), indexing="ij")
    patches = patchify((1000 * frame + band)[None].float())
    assert patches.shape == (1, 24, 256)
    assert patches[0, 8 * 2 + 3, 16 * 5 + 7] == 1000 * (16 * 2 + 5) + 16 * 3 + 7


def test_the_encoder_cuts_the_same_patches(model):
    """The patch embedding is a linear layer of what `patchify` gives."""
    fbank = model.fbank(noise())
    projection = model.patch_embed["proj"]
    linear = torch.nn.functional.linear(
        patchify(fbank), projection.weight.flatten(1), projection.bias
    )
    expected = linear + model.pos_embed[:, 1:105]
    torch.testing.assert_close(model.embed(fbank), expected, rtol=0, atol=1e-4)


def test_positions_are_of_the_grid_that_the_patches_are_on(model):
    """Patches of a column share the half that tells the row, as bands share the other half."""
    table = model.pos_embed[0, 1:].view(32, 8, 64)
    assert torch.equal(table[:, :, :32], table[:1, :, :32].expand(32, -1, -1))
    assert torch.equal(table[:, :, 32:], table[:, :1, 32:].expand(-1, 8, -1))
    assert len(table.flatten(0, 1).unique(dim=0)) == 256
    assert not torch.equal(model.pos_embed, position_table(64, 8, 32))


def test_kept_patches_are_a_fifth_and_differ_between_clips():
    index = draw_kept_patches(np.random.default_rng(0), 3, 512, 0.8)
    assert index.shape == (3, 102)
    assert all(len(set(row.tolist())) == 102 for row in index)
    assert not torch.equal(index[0], index[1])
    assert torch.equal(index, draw_kept_patches(np.random.default_rng(0), 3, 512, 0.8))
    with pytest.raises(ValueError, match="keeps 0 of 4 patches"):
        draw_kept_patches(np.random.default_rng(0), 1, 4, 0.8)


@torch.inference_mode()
def test_the_prediction_does_not_see_masked_patches(model):
    fbank = model.fbank(noise())
    index = kept(fbank)
    masked = torch.ones(2, 104).scatter(1, index, 0.0)
    hidden = masked.view(2, 13, 8).repeat_interleave(16, 1).repeat_interleave(16, 2)
    other = fbank + hidden * torch.randn(fbank.shape, generator=torch.Generator().manual_seed(3))
    expected = model.reconstruct(fbank, index)
    torch.testing.assert_close(model.reconstruct(other, index), expected, rtol=0, atol=1e-5)
    assert not torch.allclose(model.reconstruct(fbank, kept(fbank, 1)), expected, atol=1e-3)


@torch.inference_mode()
def test_the_order_of_kept_patches_does_not_matter(model):
    fbank = model.fbank(noise())
    index = kept(fbank)
    torch.testing.assert_close(
        model.reconstruct(fbank, index), model.reconstruct(fbank, index.flip(1)), rtol=0, atol=1e-4
    )


def test_one_training_step_lowers_the_loss():
    torch.manual_seed(0)
    model = AudioMae(AMAE)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    fbank = model.fbank(noise())
    losses = []
    for _ in range(3):
        loss = model.pretraining_loss(fbank, kept(fbank))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert all(p.grad is not None for p in model.parameters())
    assert losses[-1] < losses[0]
