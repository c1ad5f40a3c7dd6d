"""How motion fields are kept on disk where exact vectors are too large: vectors in, a picture's bytes out, and back.

A field of 256 x 456 px takes 467 kB as float16, and Animal Kingdom's training draws nearly all of its 3.5 million
frames. As a JPEG of eight bits a component, as TSN and its followers keep flow, it takes a small part of that.
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
    """Both ways, as methods: what a process that reads videos is given has to be picklable, which closures are not."""

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

    What is faster than max_px is cut off there: the picture that the model sees saturates at the same speed.
    """
    form = _Jpeg(max_px)
    return Codec(form.pack, form.unpack)


def exact(max_px: float) -> None:
    """No codec: the cache keeps float16."""


STORAGE_FORMATS = {"float16": exact, "jpeg": jpeg}
