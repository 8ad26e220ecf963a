"""Audio-MAE's file in the published layout gives the reference implementation's numbers."""

import numpy as np
import pytest
import torch

from tests.helpers.reference_weights import empty_state, fixture, published_state
from uss.models import published
from uss.models.audio_mae import AudioMae, masked_error, patchify
from uss.models.weights import build


@pytest.fixture(scope="module")
def clips():
    """Filterbanks (2, 1024, 128) of the 10 s and the 2 s clip, by the published statistics."""
    expected = fixture("audiomae")
    encoder = published.AudioMaeEncoder(published.AUDIO_MAE)
    waveforms = (expected["waveform_10s"], expected["waveform_2s"])
    return torch.cat([encoder.fbank(torch.from_numpy(w)[None], 64) for w in waveforms])


def test_filterbank(clips):
    expected = fixture("audiomae")
    for clip, name in zip(clips, ("10s", "2s"), strict=True):
        theirs = expected[f"fbank_{name}_every_64th_frame"]
        np.testing.assert_allclose(clip[::64], theirs, rtol=0, atol=1e-3)


@pytest.mark.slow
@torch.inference_mode()
def test_encoder(published_weights, clips):
    expected = fixture("audiomae")
    encoder = published.load(published_weights / "audio_mae.pth")
    positions = encoder.pos_embed[0, [0, 1, 9, 512]]
    np.testing.assert_allclose(positions, expected["pos_embed_tokens_0_1_9_512"], atol=1e-6)

    outputs = list(encoder.block_outputs(encoder.embed(clips)))
    assert len(outputs) == 12
    for block, theirs in zip(
        (2, 5, 8, 11), expected["layer_outputs_2_5_8_11_every_64th_token"], strict=True
    ):
        np.testing.assert_allclose(outputs[block][:, ::64], theirs, rtol=0, atol=1e-3)
    final = encoder.norm(outputs[-1])
    np.testing.assert_allclose(
        final[:, ::32], expected["final_norm_tokens_every_32nd"], rtol=0, atol=1e-3
    )


@pytest.mark.slow
@torch.inference_mode()
def test_pretraining(clips):
    model = build(lambda: AudioMae(published.AUDIO_MAE), published_state("AudioMAE"), "memory")
    expected = fixture("audiomae_pretraining")
    kept = torch.from_numpy(expected["kept_patches"]).expand(2, -1)

    prediction = model.reconstruct(clips, kept)
    np.testing.assert_allclose(
        prediction[:, ::32], expected["prediction_every_32nd_patch"], rtol=0, atol=1e-3
    )
    plain = masked_error(prediction, patchify(clips), kept)
    assert plain.item() == pytest.approx(expected["loss"], abs=1e-4)
    normalised = model.pretraining_loss(clips, kept)
    assert normalised.item() == pytest.approx(expected["loss_norm_pix"], abs=1e-4)


def test_timm_names_load_and_the_fine_tuned_form_does_not(tmp_path):
    """timm's port has the encoder's keys alone, and no wrapper."""
    state = empty_state("AudioMAE")
    port = {k: v for k, v in state.items() if not k.startswith(("decoder", "mask"))}
    torch.save(port, tmp_path / "timm")
    encoder = published.load(tmp_path / "timm")
    assert torch.equal(encoder.pos_embed, state["pos_embed"])

    for name in ("weight", "bias"):
        port[f"fc_norm.{name}"] = port.pop(f"norm.{name}")
    port["head.weight"], port["head.bias"] = torch.zeros(527, 768), torch.zeros(527)
    torch.save({"model": port}, tmp_path / "fine-tuned")
    with pytest.raises(ValueError, match="fine-tuned Audio-MAE.*pretrained.pth"):
        published.load(tmp_path / "fine-tuned")
