"""What separators are trained on: what docs/method.md, section 6 says, and finite on silence."""

import numpy as np
import pytest
import torch

from tests.helpers import small_networks
from tests.training.toy_task import loss_of
from uss.data.anchor_set import AnchorSet
from uss.data.mixing import mix
from uss.data.mixture_list import MixtureList
from uss.evaluation import metrics
from uss.schema import SeparatorTraining
from uss.training.separation_loss import LOSSES
from uss.training.separation_task import SeparationTask

NUM_SAMPLES = 8000


def noise(seed, size=0.1):
    return size * torch.randn(3, NUM_SAMPLES, generator=torch.Generator().manual_seed(seed))


def test_l1_is_the_papers():
    expected = np.abs(noise(0).numpy() - noise(1).numpy()).mean(dtype=np.float64)
    assert LOSSES["l1"](noise(0), noise(1)).item() == pytest.approx(expected)


def test_sdr_is_the_metric_with_a_ceiling_of_30_db():
    target = noise(0) * torch.tensor([[1.0], [0.1], [3.0]])
    for size in (0.5, 0.05, 0.005):
        separated = target + size * noise(1)
        ratio = 10 ** (-metrics.sdr(target, separated) / 10)
        expected = (10 * (ratio + 1e-3).log10()).mean().item()
        assert LOSSES["sdr"](separated, target).item() == pytest.approx(expected, abs=1e-4)
    assert LOSSES["sdr"](target, target).item() == pytest.approx(-30, abs=0.01)
    silence = LOSSES["sdr"](torch.zeros_like(target), target)
    assert silence.item() == pytest.approx(10 * np.log10(1.001), abs=1e-5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("separated_size", [0.0, 1e-20, 1e-3, 1.0])
@pytest.mark.parametrize("target_size", [0.0, 1e-20, 1e-3, 1.0])
def test_silence_is_finite(name, separated_size, target_size):
    separated = (separated_size * noise(0)).requires_grad_()
    loss = LOSSES[name](separated, target_size * noise(1))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(separated.grad).all()


def test_silence_is_no_way_out_of_a_sparse_target():
    """A click in noise of its energy: which losses prefer half of the mixture (3 dB) to silence."""
    click = torch.zeros(1, NUM_SAMPLES)
    click[0, 4000] = 1.0
    mixture = click + noise(0)[:1] / noise(0)[:1].norm()
    silence = torch.zeros_like(click)
    better = {
        name: loss(mixture / 2, click) < loss(silence, click) for name, loss in LOSSES.items()
    }
    assert better == {"l1": False, "sdr": True, "sdr_cosine": True}


def test_sdr_cosine_is_sdr_at_the_targets_energy():
    target = noise(0) * torch.tensor([[1.0], [0.1], [3.0]])
    separated = target + noise(1)
    at_its_energy = separated * (target.norm(dim=1) / separated.norm(dim=1))[:, None]
    expected = (LOSSES["sdr"](separated, target) + LOSSES["sdr"](at_its_energy, target)) / 2
    assert LOSSES["sdr_cosine"](separated, target).item() == pytest.approx(
        expected.item(), abs=1e-4
    )


def logit_gradient(name, size):
    """Of a mask of this size, whose phase is wrong in one of two halves."""
    target, interferer = noise(0), noise(1)
    logits = torch.full((3, 2), float(np.log(size / (1 - size))), requires_grad=True)
    mask = logits.sigmoid() * torch.tensor([1.0, -1.0])
    halves = (target + interferer).unflatten(1, (2, -1))
    LOSSES[name]((mask[:, :, None] * halves).flatten(1), target).backward()
    return logits.grad.norm().item()


def test_a_mask_that_is_nearly_zero_learns_by_the_cosine_alone():
    by_sdr = logit_gradient("sdr", 1e-6) / logit_gradient("sdr", 0.5)
    by_cosine = logit_gradient("sdr_cosine", 1e-6) / logit_gradient("sdr_cosine", 0.5)
    assert by_sdr < 1e-4
    assert by_cosine > 0.3


@pytest.mark.parametrize("name", LOSSES)
def test_the_task_takes_the_loss_that_is_named(recipe, name):
    mixtures = MixtureList("data/mixtures/train.csv", AnchorSet("data/train"))
    training = SeparatorTraining(steps=1, batch_size=4, loss=name)
    model = small_networks.separator()
    seen = []
    model.register_forward_hook(lambda *call: seen.append(call[2].detach()))
    device = torch.device("cpu")
    task = SeparationTask(model, mixtures, None, training, device)
    task.mixtures.anchors.embeddings = lambda rows: np.ones(
        (len(rows), small_networks.QUERY_SIZE), "f4"
    )
    loss = loss_of(task, 0)
    batch = mixtures.batch(task.rows(0))
    signals = (torch.from_numpy(signal) for signal in (batch.target, batch.interferer))
    target = mix(*signals, "joint").target
    assert loss == pytest.approx(LOSSES[name](seen[0], target).item())
