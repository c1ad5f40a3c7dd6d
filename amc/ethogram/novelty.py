"""Unlike anything in training? The distance of a video's embedding from the nearest ones of the training clips.

Pure: embeddings in, distances out. Cosine distance to the K-th nearest training clip (Sun et al., *Out-of-distribution
detection with deep nearest neighbors*, ICML 2022), divided by the limit that 95 % of the validation clips stay under.
"""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from amc.errors import AmcError
from amc.paths import atomic

NEIGHBOURS = 5  # K; the nearest alone would let one odd training clip vouch for anything
QUANTILE = 0.95  # of validation clips that count as known: 5 % false alarms, by choice


@dataclass(frozen=True)
class Familiar:
    """The training clips as the model sees them."""

    embeddings: np.ndarray  # (V, E) of length 1
    limit: float  # distance beyond which a clip is unlike anything in training

    def distance(self, embeddings: np.ndarray) -> np.ndarray:
        """(W,) of embeddings (W, E): 1 at the limit, more beyond it. Raises AmcError for another width."""
        return _kth(self.embeddings, embeddings) / self.limit

    def save(self, path: Path) -> None:
        """Write both to a `.npz`, whole or not at all."""
        with atomic(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, embeddings=self.embeddings.astype(np.float32), limit=self.limit)

    @classmethod
    def load(cls, path: Path) -> "Familiar":
        """Read what `save` wrote. Raises AmcError for a damaged file."""
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                return cls(file["embeddings"], float(file["limit"]))
        except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
            raise AmcError(f"{path}: not readable ({error}); delete it, and it is computed again") from error


def learn(training: np.ndarray, validation: np.ndarray) -> Familiar:
    """What is familiar, from embeddings (V, E) of training clips, and of validation clips for the limit."""
    unit = _unit(training)
    limit = float(np.quantile(_kth(unit, validation), QUANTILE))
    return Familiar(unit, max(limit, 1e-6))


def _kth(unit: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
    if embeddings.ndim != 2 or embeddings.shape[1] != unit.shape[1]:
        raise AmcError(f"embeddings: {embeddings.shape}, expected (W, {unit.shape[1]}); use the same model for both")
    near = 1 - _unit(embeddings) @ unit.T  # (W, V)
    k = min(NEIGHBOURS, len(unit)) - 1
    return np.partition(near, k, axis=1)[:, k]


def _unit(embeddings: np.ndarray) -> np.ndarray:
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
