"""Shapes, pooling and one training step of both PANNs."""

import torch

from tests.helpers.small_networks import PANNS, noise
from uss.models.panns import Cnn14, Cnn14DecisionLevelMax


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
