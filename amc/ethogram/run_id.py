"""The identity of a prediction, the same for the same model, options and human annotation, to tell two runs apart."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from amc.base.stages import STAGES
from amc.ethogram.finished import content
from amc.ethogram.predictor import VideoPredictor

VERSION = 1  # of bouts and tables; raise it when the same scores give others: what is done is then predicted again


def run_id(predictor: VideoPredictor, files: Iterable[Path], options: Mapping, threshold: np.ndarray) -> str:
    """12 hex digits for a model, files of annotation, options (JSON types) and thresholds (C,).

    The report has the sha256 of each video beside it: both together identify the results of a video.
    """
    weights = hashlib.sha256()
    for name, tensor in predictor.classifier.state_dict().items():
        weights.update(name.encode() + tensor.cpu().numpy().tobytes())
    parts = [weights.hexdigest(), predictor.names, predictor.stamp, [content(path) for path in files], options]
    parts += [threshold.tolist(), STAGES, VERSION]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:12]
