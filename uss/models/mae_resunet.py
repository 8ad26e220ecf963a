"""The separators of docs/method.md, section 1: residual U-Net, with or without A-MAE features."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from uss.models.amae_features import AmaeFeatures
from uss.models.audio_mae import PATCH, AudioMaeEncoder
from uss.models.film_fusion import FilmFusion, add_local_biases, patches_to_bins
from uss.models.filterbank import HOP_SECONDS
from uss.models.fusion import BottleneckFusion, ChannelFusion, ConcatFusion
from uss.models.initialise import xavier
from uss.models.resunet import ResUNet, complex_mask
from uss.models.stft import Stft
from uss.schema import AmaeModel, System

MAGNITUDE_FLOOR = 1e-5


class MaskNetwork(nn.Module):
    """Magnitude to complex mask. All that is learned without the STFT and the A-MAE."""

    def __init__(
        self, system: System, query_size: int, sample_rate: int, amae_model: AmaeModel | None
    ):
        super().__init__()
        num_bins = system.stft.window_size // 2
        bin_multiple = 2 ** len(system.channels)
        if num_bins % bin_multiple:
            raise ValueError(
                f"stft.window_size {system.stft.window_size} must be a multiple of "
                f"{2 * bin_multiple} for {len(system.channels)} channels"
            )
        self.query_norm = system.query_norm
        self.bn0 = nn.BatchNorm1d(num_bins + 1)
        self.fusion: ConcatFusion | ChannelFusion | None = None
        self.bottleneck_fusion: BottleneckFusion | None = None
        self.film_fusion: FilmFusion | None = None
        amae = system.amae
        if amae_model is None:
            pass
        elif amae.fusion == "concat":
            self.fusion = ConcatFusion(amae.features, amae_model.width, bin_multiple)
        elif amae.fusion == "channel":
            self.fusion = ChannelFusion(amae.features, amae_model.width, num_bins)
        elif amae.fusion == "bottleneck":
            self.bottleneck_fusion = bottleneck_fusion(system, amae_model)
        num_inputs = self.fusion.num_inputs if self.fusion else 1
        self.unet = ResUNet(num_inputs, 3, system.channels, query_size)
        xavier(self, system.transposed_gain)
        if system.initial_mask == "half":
            # Masks of random phase are better the smaller they are, and some initial weights lead
            # them to zero, where sigmoids have no gradient.
            nn.init.zeros_(self.unet.after_conv.weight)
            self.unet.after_conv.get_parameter("bias").data.copy_(torch.tensor([0.0, 1.0, 0.0]))

        if amae_model is not None and amae.fusion == "film":  # last: all else is the baseline's
            width = PATCH**2 if amae.features == "log_mel" else amae_model.width
            to_bins = patches_to_bins(amae_model, sample_rate, num_bins)
            self.film_fusion = FilmFusion(width, query_size, to_bins)
            xavier(self.film_fusion)
            add_local_biases(self.unet)

    def forward(self, magnitude: Tensor, query: Tensor, features: Tensor | None) -> Tensor:
        """-> real and imaginary part of the mask (batch, 2, frames, bins).

        magnitude (batch, frames, bins), query (batch, query_size), features as
        `AmaeFeatures` gives them.
        """
        num_frames, num_bins = magnitude.shape[1], magnitude.shape[2] - 1
        if self.query_norm == "rms":
            # FiLM's weights move by the learning rate a step, whatever the query's size: a query
            # of small values would need thousands of steps before it steers anything.
            query = F.rms_norm(query, query.shape[1:], eps=1e-12)
        x = self.bn0(magnitude.transpose(1, 2)).transpose(1, 2)
        x = F.pad(x, (0, 0, 0, -num_frames % self.unet.time_multiple))
        x = x[:, :, :num_bins].unsqueeze(1)  # without the Nyquist bin
        bottleneck = grid = None
        if self.fusion is not None:
            x = self.fusion(x, features, num_frames)
        if self.bottleneck_fusion is not None:
            bottleneck = self.bottleneck_fusion(features, x.shape[2] // self.unet.time_multiple)
        if self.film_fusion is not None:
            grid = self.film_fusion(features, query, x.shape[2])
        maps = self.unet(x, query, bottleneck, grid)
        # Each map by itself in memory: element by element, tanh takes ten times as long.
        maps = maps[:, :, :num_frames, :num_bins].contiguous()
        return complex_mask(F.pad(maps, (0, 1)))  # the Nyquist bin again


def bottleneck_fusion(system: System, amae_model: AmaeModel) -> BottleneckFusion:
    """Checks that columns and mel patches divide into the cells of the narrowest map."""
    amae_bands = amae_model.mel_bins // PATCH
    time_multiple = 2 ** (len(system.channels) - 1)
    num_cells = system.stft.window_size // 2 // 2 ** len(system.channels)
    if time_multiple % PATCH or amae_bands % num_cells:
        raise ValueError(
            f"amae.fusion bottleneck cannot map {amae_bands} mel patches of {PATCH} frames to "
            f"{num_cells} frequency cells of {time_multiple} frames: change stft.window_size or "
            "the number of channels, or the fusion to channel"
        )
    return BottleneckFusion(
        amae_model.width, system.channels[-1], time_multiple // PATCH, num_cells
    )


class Separator(nn.Module):
    """Mixture and query to the target's waveform."""

    def __init__(self, system: System, network: MaskNetwork, amae: AmaeFeatures | None):
        super().__init__()
        self.system = system
        self.stft = Stft(system.stft.window_size, system.stft.hop_size)
        self.network = network
        self.amae = amae

    def forward(self, mixture: Tensor, query: Tensor, features: Tensor | None = None) -> Tensor:
        """(batch, samples), (batch, query_size) -> (batch, samples).

        features: what `self.amae` gives for the mixture, where it was computed before.
        """
        if self.amae is not None:
            features = self.amae(mixture) if features is None else features.to(mixture.dtype)
        separated = self.masked(self.stft(mixture), query, features)
        return self.stft.inverse(separated, mixture.shape[1])

    def masked(self, spectrum: Tensor, query: Tensor, features: Tensor | None) -> Tensor:
        """The mixture's complex spectrum (batch, frames, bins) times the mask that is predicted."""
        real, imag = spectrum.real, spectrum.imag
        magnitude = (real.square() + imag.square()).clamp(min=MAGNITUDE_FLOOR**2).sqrt()
        mask_real, mask_imag = self.network(magnitude, query, features).unbind(dim=1)
        return torch.complex(
            real * mask_real - imag * mask_imag, real * mask_imag + imag * mask_real
        )

    def load_audio_mae(self, audio_mae: AudioMaeEncoder) -> None:
        """Takes over a (pre)trained A-MAE's encoder weights and position table."""
        assert self.amae is not None
        encoder = self.amae.encoder
        weights = audio_mae.state_dict()
        encoder.load_state_dict({key: weights[key] for key in encoder.state_dict()})

    def parameter_groups(self, learning_rate: float) -> list[dict]:
        """What is trained, for an optimiser: the network, and an updated A-MAE at its own rate."""
        groups = [{"params": list(self.network.parameters()), "lr": learning_rate}]
        if self.amae is not None and self.amae.updated:
            params = [p for p in self.amae.parameters() if p.requires_grad]
            groups.append({"params": params, "lr": self.system.amae.learning_rate})
        return groups


def build_separator(
    system: System, query_size: int, sample_rate: int, amae_model: AmaeModel | None = None
) -> Separator:
    """A separator with initial weights from torch's generator (torch.manual_seed).

    ValueError where the system's parts do not fit together.
    """
    if system.amae.features == "none":
        return Separator(system, MaskNetwork(system, query_size, sample_rate, None), None)
    if amae_model is None:
        raise ValueError(f"amae.features {system.amae.features} needs an A-MAE: give its model")
    if system.amae.features != "paper" and system.stft.hop_size != HOP_SECONDS * sample_rate:
        raise ValueError(
            f"amae.features {system.amae.features} needs STFT frames of 10 ms: stft.hop_size "
            f"{round(HOP_SECONDS * sample_rate)} at {sample_rate} Hz, not {system.stft.hop_size}"
        )
    # Before the encoder draws its weights: the U-Net's are those of the system without an A-MAE.
    network = MaskNetwork(system, query_size, sample_rate, amae_model)
    encoder = AudioMaeEncoder(amae_model)
    return Separator(system, network, AmaeFeatures(encoder, system.amae, sample_rate))
