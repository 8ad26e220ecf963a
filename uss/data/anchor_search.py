"""Where in a clip a class sounds most, by the sound event detector's frame probabilities."""

import torch
from torch import Tensor
from torch.nn import functional


def find_anchors(
    framewise: Tensor, segment_frames: int, frame_samples: float, num_heard: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The most active stretch of each row (bytedance/uss, anchor segment detector, "max area").

    Args:
        framewise: (n, frames) probabilities of one class in each of n clips.
        segment_frames: frames of an anchor.
        frame_samples: samples from a frame to the next.
        num_heard: (n,) frames of each clip before its padding, in which its anchor is looked for;
            None: no clip is padded.

    Returns:
        (n,) first sample of each anchor, and (n,) the filtered probability at its centre. The
        filter is a mean over segment_frames + 1 frames with replicated edges; ties go to the
        first frame; the centre is clamped so that the anchor lies within the clip.

    Raises:
        ValueError: the clips are shorter than an anchor.
    """
    half = segment_frames // 2
    num_frames = framewise.shape[1]
    if num_frames <= 2 * half:
        raise ValueError("the clips are shorter than an anchor: lower anchors.segment_seconds")
    padded = functional.pad(framewise[:, None], (half, half), mode="replicate")
    # A float32 convolution, as published: where a detector saturates, rounding decides the ties.
    kernel = torch.full((1, 1, 2 * half + 1), 1 / (2 * half + 1), device=framewise.device)
    scores = functional.conv1d(padded, kernel)[:, 0]
    if num_heard is None:
        num_heard = torch.full((len(framewise),), num_frames)
    heard = num_heard.to(scores.device).clamp(1, num_frames)
    frames = torch.arange(num_frames, device=scores.device)
    score, centre = scores.masked_fill(frames >= heard[:, None], -torch.inf).max(dim=1)
    centre = centre.minimum(heard - 1 - half).clamp(half, num_frames - 1 - half)
    return ((centre - half).double() * frame_samples).round().long(), score
