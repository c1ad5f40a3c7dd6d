"""How motion fields are kept on disk where exact vectors are too large: vectors in, a picture's bytes out, and back.

A field of 256 x 456 px takes 467 kB as float16, and Animal Kingdom's training draws nearly all of its 3.5 million
frames. As a JPEG of eight bits a component, as TSN and its followers keep flow, it takes a small part of that.
"""

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from amc.pixel_cache import Packing

QUALITY = 95  # of the JPEG


def jpeg(max_px: float) -> Packing:
    """Vectors (2, h, w), pixels a frame, as one grey picture, u above v. 128 is no motion, exactly.

    What is faster than max_px is cut off there: the picture that the model sees saturates at the same speed.
    """

    def pack(vectors: Tensor) -> bytes:
        levels = (128 + vectors.float() * (127 / max_px)).round().clamp(1, 255).to(torch.uint8)
        file = io.BytesIO()
        Image.fromarray(levels.flatten(0, 1).numpy()).save(file, "JPEG", quality=QUALITY)
        return file.getvalue()

    def unpack(data: bytes) -> Tensor:
        levels = torch.from_numpy(np.array(Image.open(io.BytesIO(data))))
        return ((levels.float() - 128) * (max_px / 127)).unflatten(0, (2, -1))

    return Packing(pack, unpack)


def exact(max_px: float) -> None:
    """No packing: the cache keeps float16."""


KEPT_AS = {"float16": exact, "jpeg": jpeg}
