"""Files as their authors published them: wrappers, prefixes, and what training left in them."""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tests.helpers.reference_weights import empty_state


def save_panns(path: Path, state: dict[str, Tensor]) -> None:
    """The two networks have the same keys, so one file is a file of either."""
    torch.save({"iteration": 600000, "model": state}, path)


def save_audio_mae(path: Path, state: dict[str, Tensor]) -> None:
    """A Swin decoder in place of the plain one, the optimiser's state, the options."""
    decoder = {
        f"decoder_blocks.{block}.attn.logit_scale": torch.zeros(16, 1, 1) for block in range(16)
    }
    encoder = {key: value for key, value in state.items() if "decoder_blocks" not in key}
    args = argparse.Namespace(lr=2e-4, norm_pix_loss=True, blr=np.float64(1e-3))
    optimizer = {"state": {0: {"step": 1, "exp_avg": torch.zeros(3)}}, "param_groups": []}
    content = {
        "model": encoder | decoder,
        "optimizer": optimizer,
        "epoch": 32,
        "scaler": {"scale": 65536.0},
        "args": args,
    }
    torch.save(content, path)


def lightning(separator: dict[str, Tensor]) -> dict:
    """A checkpoint of bytedance/uss with this separator, and both PANNs without weights."""
    parts = {
        "ss_model": separator,
        "query_net.base": empty_state("Cnn14"),
        "anchor_segment_detector.sed_model": empty_state("Cnn14_DecisionLevelMax"),
    }
    state = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.items()}
    # Of LitSeparation's other modules: the anchor segment scorer, and the loss L1_Wav_L1_Sp.
    state["anchor_segment_detector.anchor_segment_scorer.smooth_filter"] = torch.ones(1, 1, 201)
    for part in ("conv_real", "conv_imag"):
        state[f"loss_function.stft.{part}.weight"] = torch.zeros(1025, 1, 2048)
    return {"epoch": 0, "global_step": 600000, "state_dict": state, "lr_schedulers": [{}]}
