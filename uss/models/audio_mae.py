"""Audio masked autoencoder (Huang et al., arXiv 2207.06405): encoder, decoder, pretraining loss.

A clip is a log-mel filterbank (frames, mel bands), cut into patches of 16 x 16. Patch
`bands * t + f` covers frames 16 t .. 16 t + 15 and mel bands 16 f .. 16 f + 15.
"""

from collections import deque
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from uss.models.filterbank import Filterbank
from uss.models.initialise import normal, xavier
from uss.models.vit import NORM_EPSILON, Block, position_table
from uss.schema import AmaeModel

PATCH = 16


class AudioMaeEncoder(nn.Module):
    """Filterbank and Transformer encoder. Keys are those of the published file.

    The position table is a buffer: a published one was built on another grid than it is used on
    (8 x 64 for 64 x 8 patches), so it comes with the weights and is never computed anew.
    """

    pos_embed: Tensor

    def __init__(self, model: AmaeModel):
        super().__init__()
        self.model = model
        self.num_columns = model.input_frames // PATCH
        self.num_bands = model.mel_bins // PATCH
        self.filterbank = Filterbank(model.sample_rate, model.mel_bins)
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(1, model.width, PATCH, PATCH)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, model.width))
        table = position_table(model.width, self.num_columns, self.num_bands)
        self.register_buffer("pos_embed", table)
        self.blocks = nn.ModuleList(Block(model.width, model.heads) for _ in range(model.depth))
        self.norm = nn.LayerNorm(model.width, eps=NORM_EPSILON)
        self.initialise()

    def initialise(self) -> None:
        xavier(self)
        projection = self.patch_embed["proj"].get_parameter("weight")
        nn.init.xavier_uniform_(projection.data.flatten(1))  # a linear layer of patches
        normal(self.cls_token)

    def columns(self, num_samples: int) -> int:
        """Time columns of patches that hold sound, for a waveform of num_samples."""
        return -(-self.filterbank.num_frames(num_samples) // PATCH)

    def fbank(self, waveform: Tensor, num_columns: int | None = None) -> Tensor:
        """(batch, samples) at model.sample_rate -> normalised (batch, 16 * num_columns, mel_bins).

        The filterbank is zero-padded before normalisation, as the published code does, to
        num_columns columns of patches: those that hold sound if not given.
        """
        if self.model.mean is None or self.model.std is None:
            raise ValueError(
                "the A-MAE's mean and std are null: measure them on the training audio first "
                "(uss.models.filterbank.measure)"
            )
        num_columns = num_columns or self.columns(waveform.shape[1])
        fbank = self.filterbank(waveform)
        missing = PATCH * num_columns - fbank.shape[1]
        if missing < 0 or num_columns > self.num_columns:
            raise ValueError(
                f"{waveform.shape[1]} samples make {fbank.shape[1]} filterbank frames, more than "
                f"the A-MAE's {PATCH * min(num_columns, self.num_columns)}: cut the audio shorter"
            )
        return (F.pad(fbank, (0, 0, 0, missing)) - self.model.mean) / (2 * self.model.std)

    def embed(self, fbank: Tensor) -> Tensor:
        """(batch, frames, mel_bins) -> patch tokens with positions (batch, patches, width)."""
        x = self.patch_embed["proj"](fbank.unsqueeze(1)).flatten(2).transpose(1, 2)
        return x + self.pos_embed[:, 1 : 1 + x.shape[1]]

    def block_outputs(self, tokens: Tensor) -> Iterator[Tensor]:
        """Patch tokens of `embed` -> each block's output (batch, 1 + patches, width), CLS first."""
        cls = (self.cls_token + self.pos_embed[:, :1]).expand(len(tokens), -1, -1)
        x = torch.cat((cls, tokens), dim=1)
        for block in self.blocks:
            x = block(x)
            yield x

    def encode(self, tokens: Tensor) -> Tensor:
        """Patch tokens of `embed` -> norm(last block) (batch, 1 + patches, width), CLS first."""
        last = deque(self.block_outputs(tokens), maxlen=1).pop()
        return self.norm(last)

    def forward(self, fbank: Tensor) -> Tensor:
        """Normalised (batch, frames, mel_bins) -> norm(last block) (batch, 1 + patches, width)."""
        return self.encode(self.embed(fbank))


class AudioMae(AudioMaeEncoder):
    """The encoder with the decoder that pretraining needs."""

    decoder_pos_embed: Tensor

    def __init__(self, model: AmaeModel):
        super().__init__(model)
        width = model.decoder_width
        self.decoder_embed = nn.Linear(model.width, width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        table = position_table(width, self.num_columns, self.num_bands)
        self.register_buffer("decoder_pos_embed", table)
        self.decoder_blocks = nn.ModuleList(
            Block(width, model.decoder_heads) for _ in range(model.decoder_depth)
        )
        self.decoder_norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.decoder_pred = nn.Linear(width, PATCH * PATCH)
        for module in (self.decoder_embed, self.decoder_blocks, self.decoder_pred):
            xavier(module)
        normal(self.mask_token)

    def reconstruct(self, fbank: Tensor, kept_patches: Tensor) -> Tensor:
        """Predicts all patches from a few: (batch, patches, 256).

        fbank: normalised (batch, frames, mel_bins). kept_patches: (batch, kept), their indices.
        """
        tokens = self.embed(fbank)
        index = kept_patches.unsqueeze(2)
        visible = tokens.gather(1, index.expand(-1, -1, tokens.shape[2]))
        x = self.decoder_embed(self.encode(visible))
        cls, visible = x[:, :1], x[:, 1:]
        patches = self.mask_token.expand(*tokens.shape[:2], -1)
        patches = patches.scatter(1, index.expand_as(visible), visible)
        x = torch.cat((cls, patches), dim=1)
        x = x + self.decoder_pos_embed[:, : x.shape[1]]
        for block in self.decoder_blocks:
            x = block(x)
        return self.decoder_pred(self.decoder_norm(x))[:, 1:]

    def pretraining_loss(self, fbank: Tensor, kept_patches: Tensor) -> Tensor:
        """Mean squared error of the masked patches, each normalised to mean 0 and variance 1.

        fbank: normalised (batch, frames, mel_bins). kept_patches: (batch, kept), their indices;
        the others are masked (`draw_kept_patches`).
        """
        target = patchify(fbank)
        variance, mean = torch.var_mean(target, dim=2, keepdim=True)
        target = (target - mean) / (variance + 1e-6).sqrt()
        return masked_error(self.reconstruct(fbank, kept_patches), target, kept_patches)


def patchify(fbank: Tensor) -> Tensor:
    """(batch, frames, mel_bins) -> (batch, patches, 256), a patch frame by frame."""
    patches = fbank.unfold(1, PATCH, PATCH).unfold(2, PATCH, PATCH)
    return patches.flatten(3).flatten(1, 2)


def masked_error(prediction: Tensor, target: Tensor, kept_patches: Tensor) -> Tensor:
    """Mean squared error over the patches (batch, patches, 256) that are not kept."""
    error = (prediction - target).square().mean(dim=2)
    masked = torch.ones_like(error).scatter(1, kept_patches, 0.0)
    return (error * masked).sum() / masked.sum()


def draw_kept_patches(
    rng: np.random.Generator, batch_size: int, num_patches: int, mask_ratio: float
) -> Tensor:
    """Which patches stay visible: (batch_size, int(num_patches * (1 - mask_ratio))), at random."""
    num_kept = int(num_patches * (1 - mask_ratio))
    if not 0 < num_kept < num_patches:
        raise ValueError(
            f"mask_ratio {mask_ratio} keeps {num_kept} of {num_patches} patches: "
            "choose one that leaves some and masks some"
        )
    kept = rng.permuted(np.tile(np.arange(num_patches), (batch_size, 1)), axis=1)[:, :num_kept]
    return torch.from_numpy(kept)
