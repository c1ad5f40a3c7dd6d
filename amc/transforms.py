"""Crops, resizes and flips of frames and motion vectors together; pure, after reading and before `flow_color`.

Every function takes `frames` (P, 3, H, W) uint8 and `vectors` (P, 2, H, W) float, pixels per frame, and returns both;
either may be None. Vectors change with the picture: a resize scales them, a horizontal flip negates u. Flipping or
resizing a *picture* of flow would show wrong directions and speeds.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F

from amc.base.errors import AmcError

Maybe = torch.Tensor | None
Pair = tuple[Maybe, Maybe]


def resize(frames: Maybe, vectors: Maybe, size: tuple[int, int]) -> Pair:
    """Both at `size` (H, W), bilinear with anti-aliasing; each vector component scales with its axis."""
    if tuple(_size(frames, vectors)) == tuple(size):
        return frames, vectors
    if vectors is not None:
        ratio = vectors.new_tensor([size[1] / vectors.shape[-1], size[0] / vectors.shape[-2]])  # u with W, v with H
        vectors = _bilinear(vectors, size) * ratio[:, None, None]
    return None if frames is None else _bilinear(frames, size), vectors


def resize_short_side(frames: Maybe, vectors: Maybe, size: int) -> Pair:
    """Both with a short side of `size` pixels and (to the nearest pixel) the same aspect ratio."""
    height, width = _size(frames, vectors)
    ratio = size / min(height, width)
    return resize(frames, vectors, (round(height * ratio), round(width * ratio)))


def crop(frames: Maybe, vectors: Maybe, top: int, left: int, size: int) -> Pair:
    """The square of `size` pixels whose corner is at (top, left)."""
    height, width = _size(frames, vectors)
    if top < 0 or left < 0 or top + size > height or left + size > width:
        raise AmcError(f"crop: {size} px at ({top}, {left}) leaves the {height} x {width} picture")
    return _both(lambda x: x[..., top : top + size, left : left + size], frames, vectors)


def center_crop(frames: Maybe, vectors: Maybe, size: int) -> Pair:
    """The square of `size` pixels in the middle."""
    height, width = _size(frames, vectors)
    return crop(frames, vectors, (height - size) // 2, (width - size) // 2, size)


def random_crop(frames: Maybe, vectors: Maybe, generator: torch.Generator, *, scale: float = 0.66) -> Pair:
    """A square at a random place, its side drawn between `scale` and 1 times the short side (X-CLIP's range)."""
    height, width = _size(frames, vectors)
    part, y, x = torch.rand(3, generator=generator).tolist()
    side = max(1, round(min(height, width) * (scale + (1 - scale) * part)))
    return crop(frames, vectors, round(y * (height - side)), round(x * (width - side)), side)


def hflip(frames: Maybe, vectors: Maybe) -> Pair:
    """Both flipped left to right, which negates u and keeps v."""
    frames, vectors = _both(lambda x: x.flip(-1), frames, vectors)
    return frames, None if vectors is None else vectors * vectors.new_tensor([-1, 1])[:, None, None]


def train_view(frames: Maybe, vectors: Maybe, size: int, generator: torch.Generator) -> Pair:
    """A random square crop at `size` pixels, flipped with probability 0.5: one draw for the whole clip."""
    frames, vectors = resize(*random_crop(frames, vectors, generator), (size, size))
    return hflip(frames, vectors) if torch.rand(1, generator=generator).item() < 0.5 else (frames, vectors)


def eval_view(frames: Maybe, vectors: Maybe, size: int) -> Pair:
    """The middle square at `size` pixels."""
    return center_crop(*resize_short_side(frames, vectors, size), size)


def normalise(stack: torch.Tensor, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """float32 (pixel / 255 - mean) / std of uint8 pictures (..., 3, H, W), mean and std by channel in 0..1."""
    mean, std = (torch.tensor(x, device=stack.device)[:, None, None] for x in (mean, std))
    return stack.float().div_(255).sub_(mean).div_(std)


def _size(frames: Maybe, vectors: Maybe) -> torch.Size:
    sizes = {x.shape[-2:] for x in (frames, vectors) if x is not None}
    if len(sizes) != 1:
        raise AmcError(f"frames and vectors: sizes {[tuple(s) for s in sizes]}; expected one, of at least one of them")
    return sizes.pop()


def _both(move: Callable[[torch.Tensor], torch.Tensor], frames: Maybe, vectors: Maybe) -> Pair:
    return None if frames is None else move(frames), None if vectors is None else move(vectors)


def _bilinear(pictures: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return F.interpolate(pictures, size=tuple(size), mode="bilinear", antialias=True)
