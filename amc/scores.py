"""The score file, a small `.npz`: steps before it in the pipeline need a model, steps after it need only this file.

Every video of a split, in order, with names, true labels, the logits of its M classifiers and the frames each one saw.
"""

import io
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from amc.base import processes, seal
from amc.base.errors import AmcError
from amc.base.progress import Log, progress, silent

if TYPE_CHECKING:  # reading a score file needs no torch
    from torch import Tensor

    from amc.datasets.clips import ClipViews

FORMAT = "amc-scores-1"
DAMAGED = (OSError, EOFError, KeyError, TypeError, ValueError, AttributeError, BadZipFile, MemoryError, zlib.error)
# Axes and kind (numpy's letter) of each array; an axis has the same length in all arrays.
ARRAYS = {
    "ids": ("V", "U"),
    "names": ("C", "U"),
    "labels": ("VC", "b"),
    "logits": ("VMC", "f"),
    "frames": ("VMP", "i"),
    "num_frames": ("V", "i"),
    "species": ("V", "U"),
}


@dataclass(frozen=True)
class Scores:
    """Scores of V videos by M classifiers over C behaviours, checked on construction. Raises AmcError."""

    ids: np.ndarray  # (V,) str
    names: np.ndarray  # (C,) str
    labels: np.ndarray  # (V, C) bool, the annotation
    logits: np.ndarray  # (V, M, C) float32
    frames: np.ndarray  # (V, M, P) int32, the frames each classifier sees; P is 0 for one that sees none
    num_frames: np.ndarray  # (V,) int32
    species: np.ndarray  # (V,) str
    meta: dict = field(default_factory=dict)  # JSON: parameters, provenance, stamps such as "random weights"

    def __post_init__(self):
        sizes: dict[str, int] = {}
        for name, (axes, kind) in ARRAYS.items():
            array = getattr(self, name)
            fits = array.ndim == len(axes) and all(sizes.get(a, n) == n for a, n in zip(axes, array.shape, strict=True))
            if not fits or array.dtype.kind != kind or 0 in array.shape[: 2 if name == "frames" else None]:
                found, expected = f"{array.dtype} {array.shape}", f"kind {kind!r} ({', '.join(axes)}) with {sizes}"
                raise AmcError(f"scores: {name} is {found}, expected {expected}; predict again")
            sizes.update(zip(axes, array.shape, strict=True))
        finite = np.isfinite(self.logits).all(axis=(1, 2))
        if not finite.all():
            first = self.ids[~finite][0]
            raise AmcError(
                f"scores: {(~finite).sum()} videos have logits that are not finite, first {first}; train again"
            )
        if len(set(self.ids.tolist())) < len(self.ids):
            raise AmcError("scores: an id occurs twice, expected every video once; predict again")

    @property
    def probs(self) -> np.ndarray:
        """Sigmoid of the logits, (V, M, C) float64: float32 would tie all logits above 17."""
        logits = self.logits.astype(np.float64)
        small = np.exp(-np.abs(logits))  # never overflows
        return np.where(logits >= 0, 1, small) / (1 + small)

    def save(self, path: Path | str) -> Path:
        """Write all arrays and `meta` atomically to one compressed, sealed `.npz` without pickles."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        meta = json.dumps({"format": FORMAT, "meta": self.meta}, allow_nan=False)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, meta=meta, **arrays)
        seal.write_zip(path, buffer)
        return Path(path)

    @classmethod
    def load(cls, path: Path | str) -> "Scores":
        """Read what `save` wrote. Raises AmcError for a missing, damaged or foreign file."""
        try:
            seal.check(path)
            with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                header = json.loads(str(file["meta"]))
                if header["format"] != FORMAT:
                    raise ValueError(f"format {header['format']!r}, expected {FORMAT!r}")
                return cls(meta=header["meta"], **{name: file[name] for name in ARRAYS})
        except AmcError as error:
            raise AmcError(f"{path}: {error}") from error
        except DAMAGED as error:
            raise AmcError(f"{path}: not a readable score file ({error}); write it again with predict") from error


def predict(
    recognise: "Callable[[Tensor], Tensor]",
    views: "ClipViews",
    *,
    meta: dict,
    batch: int = 16,
    device: str = "cpu",
    workers: int = 0,
    log: Log | None = silent,
) -> Scores:
    """Score every clip of `views` once, in order, by all M classifiers.

    Another batch size adds up in another order, which moves a logit by some 1e-5. Under torchrun each process scores
    its part, and all return the scores of all.

    recognise: uint8 slots (B, T, 3, H, W) on `device` to logits (B, C); workers: processes that read videos; log: gets
    a line from time to time; None shows a progress bar. Raises AmcError for a clip that cannot be read.
    """
    import torch  # only here: everything else in this file works without it
    from torch.utils.data import DataLoader

    from amc.base import distributed

    logits = []
    keys = [(None, index) for index in distributed.shard(range(len(views)))]
    loader = DataLoader(views, sampler=keys, batch_size=batch, num_workers=workers)
    with torch.inference_mode():
        loaded = progress(processes.loading(loader), "scoring", total=len(loader), unit="batches", log=log)
        for clips, _ in loaded:  # (B, M, T, 3, H, W)
            # One classifier at a time: its clips share weights and shape, and memory stays that of one batch.
            each = [recognise(slots.to(device)) for slots in clips.unbind(1)]
            logits.extend(torch.stack(each, dim=1).float().cpu().numpy())  # B of (M, C)
    table = views.table
    return Scores(
        ids=np.array([clip.id for clip in table.clips]),
        names=np.array(table.names),
        labels=table.labels(),
        logits=np.stack(distributed.all_gather(logits)),
        frames=np.array([views.windows(None, index) for index in range(len(views))], dtype=np.int32),
        num_frames=np.array([views.num_frames(index) for index in range(len(views))], dtype=np.int32),
        species=np.array([clip.species for clip in table.clips]),
        meta=meta,
    )
