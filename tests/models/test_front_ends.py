"""STFT and filterbank: inverses, the reference, gradients."""

import pytest
import torch
import torch.nn.functional as F
from torchaudio.compliance import kaldi
from torchaudio.functional import melscale_fbanks

from uss.models.filterbank import Filterbank, measure
from uss.models.mel_filters import htk_filters, slaney_filters
from uss.models.stft import Stft


@pytest.mark.parametrize("window_size, hop_size", [(1024, 320), (2048, 320), (512, 160)])
@pytest.mark.parametrize("num_samples", [16000, 16001, 16159])
def test_stft_has_an_inverse(window_size, hop_size, num_samples):
    stft = Stft(window_size, hop_size)
    waveform = torch.randn(2, num_samples, generator=torch.Generator().manual_seed(0))
    spectrum = stft(waveform)
    assert spectrum.shape == (2, num_samples // hop_size + 1, window_size // 2 + 1)
    torch.testing.assert_close(stft.inverse(spectrum, num_samples), waveform, rtol=0, atol=1e-5)


def clips(num_samples: int) -> torch.Tensor:
    """Loud noise, faint noise, a tone, silence with a click."""
    noise = torch.randn(2, num_samples, generator=torch.Generator().manual_seed(0))
    time = torch.arange(num_samples) / 16000
    click = torch.zeros(num_samples)
    click[num_samples // 2] = 0.5
    return torch.stack(
        (0.3 * noise[0], 1e-4 * noise[1], 0.5 * torch.sin(2 * torch.pi * 440 * time), click)
    )


@pytest.mark.parametrize("num_samples", [400, 559, 560, 32000])
def test_filterbank_is_kaldis(num_samples):
    waveforms = clips(num_samples)
    ours = Filterbank(16000, 128)(waveforms)
    theirs = torch.stack(
        [
            kaldi.fbank(
                (clip - clip.mean())[None],
                htk_compat=True,
                sample_frequency=16000,
                use_energy=False,
                window_type="hanning",
                num_mel_bins=128,
                dither=0.0,
                frame_shift=10,
            )
            for clip in waveforms
        ]
    )
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours[[0, 1, 3]], theirs[[0, 1, 3]], rtol=0, atol=1e-3)
    torch.testing.assert_close(ours[2], theirs[2], rtol=0, atol=1e-2)


def test_filterbank_has_gradients_even_in_silence():
    waveform = clips(1600).requires_grad_()
    Filterbank(16000, 128)(waveform).sum().backward()
    assert waveform.grad.isfinite().all()
    assert waveform.grad[0].abs().sum() > 0


def test_filterbank_refuses_less_than_a_window():
    with pytest.raises(ValueError, match="399 samples are too short.*400"):
        Filterbank(16000, 128)(torch.zeros(1, 399))


def test_measure_is_the_statistics_of_all_batches():
    filterbank = Filterbank(16000, 128)
    waveforms = clips(3200)
    mean, std = measure(filterbank, waveforms.split(3))
    values = filterbank(waveforms)
    assert mean == pytest.approx(values.mean().item(), rel=1e-5)
    assert std == pytest.approx(values.std(correction=0).item(), rel=1e-5)


def test_mel_filters_are_tables_of_double_precision_wherever_the_network_is_built():
    def made():
        yield slaney_filters(32000, 1024, 64, 50, 14000)
        yield htk_filters(16000, 512, 128, 20.0)

    def double():
        torch.set_default_dtype(torch.float64)
        try:
            bands = melscale_fbanks(513, 50.0, 14000.0, 64, 32000, "slaney", "slaney")
            triangles, _ = kaldi.get_mel_banks(128, 512, 16000, 20.0, 0.0, 100.0, -500.0, 1.0)
        finally:
            torch.set_default_dtype(torch.float32)
        return [bands.float(), F.pad(triangles, (0, 1)).T.float()]

    with torch.device("meta"):
        filters = list(made())
    for ours, expected in zip(filters, double(), strict=True):
        assert ours.dtype == torch.float32 and ours.is_contiguous()
        assert torch.equal(ours, expected)
    assert torch.zeros(1).dtype == torch.float32
