"""The recogniser (paper sec. 2): `build` gives X-CLIP over any CLIP of open_clip's, with its text tower."""

import amc.base.torchvision_cpu  # noqa: F401  before anything imports open_clip
from amc.model.recogniser import Recogniser, build, load, save
from amc.model.system import Preprocess, System
from amc.model.xclip import XCLIP, nearest

__all__ = ["XCLIP", "Preprocess", "Recogniser", "System", "build", "load", "nearest", "save"]
