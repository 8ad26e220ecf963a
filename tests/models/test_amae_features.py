"""Pooling of A-MAE tokens, and where in time aligned features are."""

import pytest
import torch

from tests.helpers.small_networks import AMAE, SAMPLE_RATE, noise
from uss.models.amae_features import AmaeFeatures, spread
from uss.models.audio_mae import AudioMaeEncoder
from uss.schema import SystemAmae


def extractor(features: str, fusion: str = "concat", sample_rate: int = SAMPLE_RATE):
    torch.manual_seed(0)
    encoder = AudioMaeEncoder(AMAE)
    for block in encoder.blocks:  # without attention a token depends on its own patch alone
        torch.nn.init.zeros_(block.attn.proj.weight)
    return AmaeFeatures(encoder, SystemAmae(features=features, fusion=fusion), sample_rate)


@pytest.mark.parametrize(
    "features, fusion, shape",
    [
        ("paper", "concat", (2, 16, 64)),
        ("aligned", "concat", (2, 13, 64)),
        ("aligned", "channel", (2, 13, 64)),
        ("aligned", "bottleneck", (2, 13, 8, 64)),
    ],
)
def test_shapes(features, fusion, shape):
    assert extractor(features, fusion)(noise()).shape == shape


@torch.inference_mode()
def test_the_spectrogram_is_what_the_encoder_is_shown_without_the_padding():
    features = extractor("aligned")
    spectrogram, fbank = features.spectrogram(noise()), features.fbank(noise())
    assert spectrogram.shape[1] == 198 and fbank.shape[1] == 208
    shown = (spectrogram - features.encoder.model.mean) / (2 * features.encoder.model.std)
    torch.testing.assert_close(fbank[:, :198], shown)


@torch.inference_mode()
def test_pooling_is_the_mean_of_average_and_maximum():
    paper, aligned = extractor("paper"), extractor("aligned")
    tokens = paper.tokens(paper.fbank(noise()))
    assert tokens.shape == (2, 32, 8, 64)
    window = tokens[:, 2:4].flatten(1, 2)  # the second step: columns 2 and 3, all mel patches
    expected = (window.mean(dim=1) + window.amax(dim=1)) / 2
    torch.testing.assert_close(paper(noise())[:, 1], expected)

    tokens = aligned.tokens(aligned.fbank(noise()))
    expected = (tokens[:, 5].mean(dim=1) + tokens[:, 5].amax(dim=1)) / 2
    torch.testing.assert_close(aligned(noise())[:, 5], expected)


@pytest.mark.parametrize("sample_rate, hop_size", [(16000, 160), (32000, 320)])
@pytest.mark.parametrize("column", [0, 3, 7, 12])
@torch.inference_mode()
def test_aligned_features_change_where_the_sound_does(sample_rate, hop_size, column):
    """A click in the middle of a column changes its 16 STFT frames, and no other frame."""
    features = extractor("aligned", sample_rate=sample_rate)
    num_frames = 2 * sample_rate // hop_size + 1
    mixture = noise(1, 2 * sample_rate)
    frame = 16 * column + 7
    clicked = mixture.clone()
    clicked[:, frame * hop_size : frame * hop_size + hop_size // 10] += 0.5

    before, after = (spread(features(x), "aligned", num_frames, 224)[0] for x in (mixture, clicked))
    change = (after - before).abs().sum(dim=1)
    changed = (change > 0.05 * change.max()).nonzero().flatten().tolist()
    assert changed == list(range(16 * column, min(16 * column + 16, num_frames)))


def test_spread_fills_224_frames():
    steps = torch.arange(32.0).view(1, 32, 1)
    paper = spread(steps, "paper", 201, 224)[0, :, 0]
    assert torch.equal(paper, torch.arange(32.0).repeat_interleave(7))

    steps = torch.arange(1.0, 14.0).view(1, 13, 1)
    aligned = spread(steps, "aligned", 201, 224)[0, :, 0]
    assert torch.equal(aligned[:201], torch.arange(1.0, 14.0).repeat_interleave(16)[:201])
    assert not aligned[201:].any()


def test_paper_features_have_no_mel_patches_for_the_bottleneck():
    with pytest.raises(ValueError, match="write amae.features aligned"):
        extractor("paper", "bottleneck")
