"""The identity of a prediction, the same for the same model, options and videos, to tell files of two runs apart."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from amc.base.digests import digest
from amc.base.errors import AmcError
from amc.base.stages import STAGES
from amc.ethogram.predictor import VideoPredictor


def run_id(predictor: VideoPredictor, files: Iterable[Path], options: Mapping, threshold: np.ndarray) -> str:
    """12 hex digits for a model, files of video and annotation, options (JSON types) and thresholds (C,)."""
    weights = hashlib.sha256()
    for name, tensor in predictor.classifier.state_dict().items():
        weights.update(name.encode() + tensor.cpu().numpy().tobytes())
    contents = [_content(path) for path in files]
    parts = [weights.hexdigest(), predictor.names, predictor.stamp, contents, options, threshold.tolist(), STAGES]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:12]


def _content(file: Path) -> str:
    try:
        return digest(file)
    except AmcError:  # the report tells why it cannot be read
        return ""
