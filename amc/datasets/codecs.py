"""Compressed storage of motion fields, where exact vectors are too large: vectors in, a JPEG's bytes out, and back.

A field of 256 x 456 px takes 467 kB as float16, and training on Animal Kingdom uses nearly all of its 3.5 million
frames. A JPEG of eight bits per component, as TSN and its followers store flow, is much smaller.
"""

import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from amc.datasets.store import Codec

QUALITY = 95  # of the JPEG


@dataclass(frozen=True)
class _Jpeg:
    """Both directions as methods: objects passed to worker processes must be picklable, which closures are not."""

    max_px: float  # pixels per frame

    def pack(self, vectors: Tensor) -> bytes:
        levels = (128 + vectors.float() * (127 / self.max_px)).round().clamp(1, 255).to(torch.uint8)
        file = io.BytesIO()
        Image.fromarray(levels.flatten(0, 1).numpy()).save(file, "JPEG", quality=QUALITY)
        return file.getvalue()

    def unpack(self, data: bytes) -> Tensor:
        levels = torch.from_numpy(np.array(Image.open(io.BytesIO(data))))
        return ((levels.float() - 128) * (self.max_px / 127)).unflatten(0, (2, -1))


def jpeg(max_px: float) -> Codec:
    """Vectors (2, h, w), pixels per frame, as one grey picture, u above v. 128 is no motion, exactly.

    Components beyond max_px are clipped: the picture that the model sees saturates at the same speed.
    """
    form = _Jpeg(max_px)
    return Codec(form.pack, form.unpack)


def exact(max_px: float) -> None:
    """No codec: the cache stores float16."""


STORAGE_FORMATS = {"float16": exact, "jpeg": jpeg}
