"""Motion vectors in, pictures for a CLIP tower out, on a scale fixed in pixels per frame.

The paper does not say how a two-channel field becomes a three-channel picture: both encodings here are our choice.
The scale is a parameter, never the maximum of a picture or a batch (as in torchvision's `flow_to_image`), so that
equal colours mean equal speeds everywhere. Zero flow is neutral, and all vectors must be finite.
"""

import math

import torch

from amc.base.errors import AmcError, choice


def render(flow: torch.Tensor, *, encoding: str = "wheel", max_px: float) -> torch.Tensor:
    """Pictures of `flow`, whose colours saturate at `max_px`: longer vectors are clipped.

    flow: (P, 2, H, W) float, pixels per frame, u right and v down. Returns (P, 3, H, W) uint8.
    """
    choice("encoding", encoding, list(ENCODINGS))
    if not max_px > 0:
        raise AmcError(f"max_px: {max_px!r} is not a scale; give a number of pixels per frame above 0")
    return ENCODINGS[encoding](flow.float() / max_px)


def legend(size: int, *, encoding: str = "wheel") -> torch.Tensor:
    """The colour key: the vector at each pixel is its offset from the centre, `max_px` at the rim.

    Returns (3, size, size) uint8, white outside the disc.
    """
    axis = torch.linspace(-1, 1, size)
    flow = torch.stack(torch.meshgrid(axis, axis, indexing="xy"))  # (2, size, size): u right, v down
    return torch.where(flow.norm(dim=0) <= 1, render(flow[None], encoding=encoding, max_px=1)[0], 255).to(torch.uint8)


def clipped_fraction(flow: torch.Tensor, max_px: float) -> float:
    """The fraction (0 to 1) of vectors that are longer than `max_px`, which `render` clips."""
    return (flow.float().norm(dim=-3) > max_px).float().mean().item()


def _wheel(flow: torch.Tensor) -> torch.Tensor:
    """Middlebury's colour wheel (Baker et al., IJCV 2011): direction is hue, speed is saturation, zero is white."""
    u, v = flow.unbind(-3)
    speed = torch.hypot(u, v).clamp(max=1).unsqueeze(-3)
    wheel = _wheel_colors().to(flow.device)  # (55, 3)
    place = (torch.atan2(-v, -u) / math.pi + 1) / 2 * (len(wheel) - 1)
    before = place.long()
    after = (before + 1) % len(wheel)
    hue = torch.lerp(wheel[before], wheel[after], (place - before).unsqueeze(-1)).movedim(-1, -3)  # (P, 3, H, W)
    return (255 * (1 - speed * (1 - hue))).to(torch.uint8)


def _wheel_colors() -> torch.Tensor:
    """(55, 3) in 0..1: red, yellow, green, cyan, blue, magenta and back, in steps that Baker et al. chose by eye."""
    corners = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1], [1, 0, 0]]).float()
    steps = (15, 6, 4, 11, 13, 6)
    arcs = [torch.lerp(corners[i], corners[i + 1], torch.arange(n)[:, None] / n) for i, n in enumerate(steps)]
    return torch.cat(arcs)


def _uvm(flow: torch.Tensor) -> torch.Tensor:
    """(u, v, magnitude): linear, ±max_px on 0..255 for u and v, 0..max_px for the magnitude; zero is (128, 128, 0)."""
    vector = (flow.clamp(-1, 1) + 1) / 2
    speed = torch.hypot(*flow.unbind(-3)).clamp(max=1).unsqueeze(-3)
    return (255 * torch.cat([vector, speed], dim=-3)).round().to(torch.uint8)


ENCODINGS = {"wheel": _wheel, "uvm": _uvm}
