"""Frames and pictures of flow in, one clip out: I1, F1, I2, F2 … (paper sec. 2). Pure; T slots per clip, P frames."""

import torch

from amc.base.errors import AmcError, choice

MODALITIES = ("rgb", "flow", "rgb+flow")


def interleave(frames: torch.Tensor | None, flows: torch.Tensor | None) -> torch.Tensor:
    """The clip of `frames` and `flows`; where one is None, the other alone (flow only, RGB only).

    frames, flows: (P, 3, H, W) of one dtype. Returns (T, 3, H, W), T = 2P or P.
    """
    given = [part for part in (frames, flows) if part is not None]
    if not given or any(part.shape != given[0].shape or part.dtype != given[0].dtype for part in given):
        found = " and ".join("None" if x is None else f"{tuple(x.shape)} {x.dtype}" for x in (frames, flows))
        raise AmcError(f"frames and flows: {found}; expected pictures of one shape and dtype, at most one of them None")
    return torch.stack(given, dim=1).flatten(0, 1)  # (P, 2, 3, H, W) to (2P, 3, H, W): frame, flow, frame, flow …


def deinterleave(clip: torch.Tensor, modality: str) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """The frames and the flows that `interleave` made into `clip`; None for what the modality lacks."""
    choice("modality", modality, MODALITIES)
    if modality == "rgb+flow":
        if len(clip) % 2:
            raise AmcError(f"clip: {len(clip)} slots; rgb+flow needs an even number")
        return clip[0::2], clip[1::2]
    return (clip, None) if modality == "rgb" else (None, clip)
