"""Slots in, logits out (paper sec. 2): `build` gives X-CLIP over any CLIP of open_clip, as a `Classifier`."""

import amc.base.torchvision_cpu  # noqa: F401  before anything imports open_clip
from amc.model.build import build, load
from amc.model.classifier import Classifier, Preprocess, TextEncoder
from amc.model.xclip import XCLIP, nearest

__all__ = ["XCLIP", "Classifier", "Preprocess", "TextEncoder", "build", "load", "nearest"]
