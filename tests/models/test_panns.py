"""Shapes, pooling and one training step of both PANNs."""

from dataclasses import replace

import pytest
import torch

from tests.helpers.small_networks import PANNS, SAMPLE_RATE, noise
from uss.models.panns import Cnn14, Cnn14DecisionLevelMax
from uss.models.resampling import resampled


def test_both_networks_have_the_same_keys():
    torch.manual_seed(0)
    detector = Cnn14DecisionLevelMax(PANNS)
    Cnn14(PANNS).load_state_dict(detector.state_dict())


def test_shapes():
    output = Cnn14(PANNS).eval()(noise())
    assert output.embedding.shape == (2, 16)
    assert output.probabilities.shape == (2, 10)
    output = Cnn14DecisionLevelMax(PANNS).eval()(noise(2, 160000))
    assert output.framewise.shape == (2, 1001, 10)
    assert output.probabilities.shape == (2, 10)


@torch.inference_mode()
def test_a_segment_is_32_frames_and_the_last_one_is_repeated():
    torch.manual_seed(0)
    output = Cnn14DecisionLevelMax(PANNS).eval()(noise(1, 160000))
    segments = output.framewise[:, : 31 * 32].unflatten(1, (31, 32))
    assert torch.equal(segments, segments[:, :, :1].expand_as(segments))
    assert torch.equal(output.framewise[:, 992:], output.framewise[:, 991:992].expand(-1, 9, -1))
    assert torch.equal(output.probabilities, output.framewise.amax(dim=1))


def test_initial_weights():
    model = Cnn14(PANNS)
    assert not model.fc1.bias.any()
    bound = (6 / (16 + 10)) ** 0.5
    assert bound * 0.9 < model.fc_audioset.weight.abs().max() <= bound


def test_one_training_step_lowers_the_loss():
    torch.manual_seed(0)
    model = Cnn14DecisionLevelMax(PANNS)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    waveform, target = noise(4), torch.eye(10)[:4]
    losses = []
    for _ in range(3):
        output = model(waveform)
        loss = torch.nn.functional.binary_cross_entropy(output.probabilities, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert all(p.grad is not None for p in model.parameters())
    assert losses[-1] < losses[0]


def chord(rate: int, seconds: float = 4.0) -> torch.Tensor:
    """(1, samples): tones below 5 kHz, the loudest in the second half."""
    time = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    tones = sum(torch.sin(6.2831853 * hertz * time) for hertz in (300, 1100, 2300, 4700))
    return (0.1 * tones * (0.1 + (time > seconds / 2))).float()[None]


@torch.inference_mode()
@pytest.mark.parametrize("rate", [8000, 32000, 44100, 48000])
def test_waveforms_at_another_rate_are_resampled(rate):
    """The same sound is heard; a frame is as long as before, in samples of the other rate."""
    torch.manual_seed(0)
    detector = Cnn14DecisionLevelMax(PANNS).eval()
    encoder = Cnn14(PANNS).eval()
    encoder.load_state_dict(detector.state_dict())
    sound, there = chord(SAMPLE_RATE), chord(rate)
    frames, embedding = detector(sound).framewise, encoder(sound).embedding

    def difference() -> float:
        return ((encoder(there).embedding - embedding).norm() / embedding.norm()).item()

    assert difference() > 0.03 and detector.frame_samples == PANNS.hop_size
    for network in (detector, encoder):
        network.hear(rate)
    assert detector.frame_samples == PANNS.hop_size * rate / SAMPLE_RATE
    found = detector(there).framewise
    assert found.shape == frames.shape
    if rate > SAMPLE_RATE:  # a lower one lacks the highest tone
        assert (found - frames).abs().max() < 1e-3 and difference() < 1e-3


def test_a_rate_without_a_common_divisor_is_refused():
    with pytest.raises(ValueError, match="PANNs network's sample_rate 16000 has hardly a common"):
        Cnn14(PANNS).hear(44101)


@torch.inference_mode()
def test_a_class_may_be_the_maximum_of_several_columns():
    torch.manual_seed(0)
    plain = Cnn14DecisionLevelMax(PANNS).eval()
    grouped = Cnn14DecisionLevelMax(replace(PANNS, maximum_of=[[3], [0, 1, 9]])).eval()
    grouped.load_state_dict(plain.state_dict())
    assert (plain.num_classes, grouped.num_classes) == (10, 2)
    columns, classes = plain(noise()).framewise, grouped(noise())
    assert torch.equal(classes.framewise[..., 0], columns[..., 3])
    assert torch.equal(classes.framewise[..., 1], columns[..., [0, 1, 9]].amax(dim=-1))
    assert torch.equal(classes.probabilities, classes.framewise.amax(dim=1))
    for columns_of in ([[]], [[10]], [[-1]]):
        with pytest.raises(ValueError, match="maximum_of names the columns"):
            replace(PANNS, maximum_of=columns_of)


def test_resampling_keeps_what_panns_hear_and_nothing_else():
    """44.1 to 32 kHz: a tone of 14 kHz keeps its level, and one of 18 kHz does not become 14."""
    time = torch.arange(44100, dtype=torch.float64) / 44100
    for hertz, lowest, highest in ((14000, 0.999, 1.001), (18000, 0.0, 1e-4)):
        tone = torch.sin(6.2831853 * hertz * time).float()[None]
        level = resampled(tone, 44100, 32000, sharp=True)[0, 999:-999].square().mean() * 2
        assert lowest**2 < level + 1e-9 < highest**2 + 1e-9
