"""Is a video out-of-distribution? The distance of its embedding from those of the training clips.

Pure: embeddings in, distances out. Mahalanobis distance to the training clips' mean (Lee et al., *A simple unified
framework for detecting out-of-distribution samples*, NeurIPS 2018; one Gaussian for all behaviours, as clips have
several, with Ledoit and Wolf's shrinkage, as clips are few), divided by the 95 % quantile of the validation clips.
Cosine distance to the nearest training clips separated real animals from Synth Kingdom's less well.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from amc.base import seal
from amc.base.errors import AmcError

QUANTILE = 0.95  # of validation clips that count as in-distribution: 5 % false alarms


@dataclass(frozen=True)
class OutOfDistribution:
    """The detector: mean and covariance of the embeddings of the training clips, and a limit."""

    mean: np.ndarray  # (E,)
    precision: np.ndarray  # (E, E), the inverse of their covariance
    limit: float  # distance beyond which a clip is out-of-distribution
    model: str = ""  # sha256 of the weights that embed the clips

    def distance(self, embeddings: np.ndarray) -> np.ndarray:
        """Distances (W,) of embeddings (W, E), 1 at the limit. Raises AmcError for another width E."""
        if embeddings.ndim != 2 or embeddings.shape[1:] != self.mean.shape:
            raise AmcError(f"embeddings: {embeddings.shape}, expected (W, {len(self.mean)}); use one model for both")
        away = embeddings.astype(np.float64) - self.mean
        return np.sqrt(np.einsum("we,ef,wf->w", away, self.precision, away).clip(0)) / self.limit

    def save(self, path: Path) -> None:
        """Write it to a sealed `.npz`, atomically."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, mean=self.mean, precision=self.precision, limit=self.limit, model=self.model)
        seal.write_zip(path, buffer)

    @classmethod
    def load(cls, path: Path) -> "OutOfDistribution":
        """Read what `save` wrote. Raises AmcError for a damaged file."""
        try:
            seal.check(path)
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                return cls(file["mean"], file["precision"], float(file["limit"]), str(file["model"]))
        except (OSError, EOFError, KeyError, ValueError, BadZipFile, MemoryError) as error:
            raise AmcError(f"{path}: not readable ({error}); delete it, and it is computed again") from error


def fit(training: np.ndarray, validation: np.ndarray, *, model: str = "") -> OutOfDistribution:
    """The detector, from embeddings (V, E) of training clips, and of validation clips for the limit.

    model: sha256 of the weights that made them.
    """
    from sklearn.covariance import LedoitWolf  # slow to import, and only needed once for each model

    cloud = LedoitWolf().fit(training.astype(np.float64))
    detector = OutOfDistribution(cloud.location_, cloud.precision_, 1.0)
    limit = float(np.quantile(detector.distance(validation), QUANTILE))
    return OutOfDistribution(cloud.location_, cloud.precision_, max(limit, 1e-9), model)
