import math
from pathlib import Path

import numpy as np
import pytest
import torch

from uss.evaluation.cross_check import museval_metrics
from uss.evaluation.ideal_ratio_mask import separate
from uss.evaluation.metrics import sdr, sdri, si_sdr
from uss.models.stft import Stft

FIXTURE = Path(__file__).parents[1] / "fixtures" / "sdr.npz"


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_sdr_equals_published_code():
    stored = np.load(FIXTURE)
    found = sdr(torch.from_numpy(stored["reference"]), torch.from_numpy(stored["estimate"]))
    np.testing.assert_allclose(found.numpy(), stored["sdr"], atol=1e-4)


def test_sdr_by_hand():
    reference = torch.tensor([[1.0, -1.0, 1.0, -1.0]])
    # error energies 0.01 and 4 against 1: 20 dB and -6.02 dB
    assert sdr(reference, 0.9 * reference).item() == pytest.approx(20, abs=1e-5)
    assert sdr(reference, -reference).item() == pytest.approx(10 * math.log10(1 / 4))
    assert sdri(reference, 0.9 * reference, -reference).item() == pytest.approx(26.0206, abs=1e-4)


def test_silence_and_perfection_are_finite():
    signal, silence = torch.ones(1, 8), torch.zeros(1, 8)
    assert sdr(signal, signal).item() == pytest.approx(100)
    assert sdr(signal, silence).item() == pytest.approx(0)
    assert sdr(silence, signal).item() == pytest.approx(-100)
    assert si_sdr(signal, silence).item() == pytest.approx(-100)
    assert si_sdr(signal, 3 * signal).item() == pytest.approx(100)


def test_si_sdr_by_hand():
    target, orthogonal = torch.tensor([1.0, 1.0, 0, 0]), torch.tensor([0, 0, 1.0, -1.0])
    estimate = 0.25 * (target + 0.1 * orthogonal)  # 20 dB at any scale
    assert si_sdr(target, estimate).item() == pytest.approx(20, abs=1e-4)
    assert si_sdr(target, 1e-6 * estimate).item() == pytest.approx(20, abs=1e-4)


def test_batch_equals_single_items():
    reference, estimate = noise(3, 500), noise(3, 500, seed=1)
    for metric in (sdr, si_sdr):
        single = torch.stack([metric(reference[i], estimate[i]) for i in range(3)])
        torch.testing.assert_close(metric(reference, estimate), single)


def test_sdr_equals_museval_over_one_window():
    target, interferer = noise(4000).numpy(), noise(4000, seed=1).numpy()
    estimates = np.stack([target + 0.3 * interferer, interferer - 0.2 * target])
    references = np.stack([target, interferer])
    expected, *_ = museval_metrics().bss_eval(
        references[..., None], estimates[..., None], window=4000, hop=4000
    )
    found = sdr(torch.from_numpy(references), torch.from_numpy(estimates))
    np.testing.assert_allclose(found.numpy(), expected[:, 0], atol=1e-4)


def test_ideal_ratio_mask_separates_what_does_not_overlap():
    seconds = torch.arange(4000) / 8000
    target = torch.sin(2 * math.pi * 500 * seconds)[None]
    interferer = torch.sin(2 * math.pi * 3000 * seconds)[None]
    mixture = target + interferer
    estimate = separate(mixture, target, interferer, Stft(512, 128))
    assert sdri(target, estimate, mixture).item() > 25
    # and halves what cannot be told apart
    twins = separate(2 * target, target, target, Stft(512, 128))
    torch.testing.assert_close(twins, target, atol=1e-5, rtol=0)
