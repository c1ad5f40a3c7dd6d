"""From a clip to the stack of slots that the model sees: plan, read, flow, crop, colour, interleave.

Every random draw depends only on (seed, epoch, clip), so an interrupted run continues exactly as without the stop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from amc import flow, flow_color, sampling, transforms, video
from amc.base import digests, paths
from amc.base.digests import content_key
from amc.base.errors import AmcError, NotFinite
from amc.base.stages import STAGES
from amc.config import Pixels, Sampling
from amc.datasets import codecs
from amc.datasets.store import PixelCache
from amc.datasets.table import ClipTable
from amc.interleave import interleave
from amc.synth import generate
from amc.synth.drawn import Drawn
from amc.video import VideoError

BATCH_SIZE = 128  # pairs of frames whose flow is computed at once
TRIES = 3  # at a video that others replace while it is read
VERSION = repr([STAGES[stage] for stage in ("video", "flow", "slots")])  # of the data stored on disk


@dataclass(frozen=True)
class PixelReader:
    """Frames and motion vectors of a clip at the stored size, each computed once and stored on disk."""

    settings: Pixels
    cache: Path | None = None  # None: nothing is stored
    device: str = "cpu"  # where flow is computed
    drawn: Drawn | None = None  # of a generated world, for flow_method "true"

    def pixels(self, path: Path, indices: list[int], num_frames: int) -> tuple[Tensor | None, Tensor | None]:
        """The `frames` and `vectors` of these indices, as `transforms` takes them; None for what the modality lacks."""
        modality = self.settings.modality
        frames = self.frames(path, indices) if "rgb" in modality else None
        return frames, self.vectors(path, indices, num_frames) if "flow" in modality else None

    def frames(self, path: Path, indices: list[int]) -> Tensor:
        """uint8 (P, 3, h, w), short side `settings.short_side`."""
        side = self.settings.short_side
        key = lambda: content_key(path, "frames", side, VERSION)  # noqa: E731
        compute = lambda missing: self._read(path, missing, side)  # noqa: E731
        return _kept(self._frames, key, [path], indices, compute, torch.uint8)

    def vectors(self, path: Path, indices: list[int], num_frames: int) -> Tensor:
        """float32 (P, 2, h, w), pixels per frame at the stored size: motion from each frame to its native successor."""
        compute = lambda missing: self._estimate(path, flow.flow_pairs(missing, num_frames))  # noqa: E731
        sources = [path, *flow.files(self.settings.flow_method, self.settings.flow_weights or None)]
        key = lambda: self.flow_key(path)  # noqa: E731
        try:
            return _kept(self.flow_cache, key, sources, indices, compute, torch.float16).float()
        except NotFinite as error:
            raise NotFinite(f"{path}: {error}") from error

    def flow_key(self, path: Path) -> str:
        """The cache key of a video's motion fields."""
        settings = self.settings
        method, weights = settings.flow_method, settings.flow_weights or None
        world = generate.digest(self.drawn.world) if method == "true" and self.drawn else ""
        source = flow.fingerprint(method, weights) + world
        storage_format = "" if settings.storage_format == "float16" else f"{settings.storage_format} {settings.max_px}"
        return content_key(path, source, settings.short_side, storage_format, VERSION)

    @cached_property
    def _frames(self) -> PixelCache:
        return PixelCache(self.cache / "frames" if self.cache and self.settings.keep_frames else None)

    @cached_property
    def flow_cache(self) -> PixelCache:
        """The cache of motion fields."""
        codec = codecs.STORAGE_FORMATS[self.settings.storage_format](self.settings.max_px)
        return PixelCache(self.cache / "flow" if self.cache else None, codec)

    def _read(self, path: Path, indices: list[int], side: int) -> Tensor:
        return transforms.resize_short_side(video.read_frames(path, indices), None, side)[0]

    def _estimate(self, path: Path, pairs: list[tuple[int, int]]) -> Tensor:
        if len(pairs) > BATCH_SIZE:  # many frames of a long video: a few at a time, to limit memory
            return torch.cat(
                [self._estimate(path, pairs[k : k + BATCH_SIZE]) for k in range(0, len(pairs), BATCH_SIZE)]
            )
        if self.settings.flow_method == "true":
            if self.drawn is None:
                raise AmcError(f"{path}: true flow is known of generated worlds only; choose another flow method")
            vectors = torch.from_numpy(self.drawn.true_flow(path.stem, pairs))
        else:
            needed = sorted({index for pair in pairs for index in pair})
            first, second = ([needed.index(pair[side]) for pair in pairs] for side in (0, 1))
            return motion(video.read_frames(path, needed), first, second, self.settings, self.device)
        return transforms.resize_short_side(None, vectors, self.settings.short_side)[1]


def _kept(
    cache: PixelCache,
    key: Callable[[], str],
    sources: list[Path],
    indices: list[int],
    compute: Callable[[list[int]], Tensor],
    dtype: torch.dtype,
) -> Tensor:
    """The values of `indices` as `cache` gives them, computed of the very content of `sources` that `key()` is of.

    If another process replaces a source meanwhile, what was computed is not stored, and all is done again. Raises
    AmcError for a source that changes each time.
    """
    if cache.folder is None:
        return cache.get("", indices, compute, dtype)

    def of_one_content(missing: list[int]) -> Tensor:
        values = compute(missing)
        for source, state in zip(sources, before, strict=True):
            if digests.state(source) != state:
                raise AmcError(f"{source}: was changed while it was read; wait until it is complete")
        return values

    for tries_left in reversed(range(TRIES)):
        before = [digests.state(source) for source in sources]
        try:
            return cache.get(key(), indices, of_one_content, dtype)
        except AmcError:  # also of a reader that was given parts of two videos
            if not tries_left or before == [digests.state(source) for source in sources]:
                raise


class ClipViews(Dataset):
    """The classifiers' input for each clip: item (epoch, index) is uint8 (K, T, 3, size, size) and labels (C,) float.

    epoch None is evaluation: all K = M windows of the fixed plan, the middle crop. Otherwise the plan and the crop are
    drawn for that epoch, and K = `train_windows` of the M windows are used. A label that is hidden in training is NaN.
    A clip that is known to be unreadable (in the test split only) gives black pictures. Raises AmcError if frames would
    be enlarged to `size`.
    """

    def __init__(
        self, table: ClipTable, plan: Sampling, reader: PixelReader, *, size: int, train_windows: int = 1, seed: int = 0
    ):
        refuse_enlarging(reader.settings, size, "the model")
        self.table, self.sampling, self.reader = table, plan, reader
        self.size, self.train_windows, self.seed = size, train_windows, seed
        self.labels = torch.from_numpy(table.labels()).float()
        self.labels[:, list(table.hidden)] = torch.nan

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, key: tuple[int | None, int]) -> tuple[Tensor, Tensor]:
        epoch, index = key
        windows = self.windows(epoch, index)
        if self.table.clips[index].unreadable:
            num_slots = len(windows[0]) * self.reader.settings.slots_per_frame
            shape = (len(windows), num_slots, 3, self.size, self.size)
            return torch.zeros(shape, dtype=torch.uint8), self.labels[index]
        frames, vectors = self._pixels(index, [frame for window in windows for frame in window])
        if epoch is None:
            frames, vectors = transforms.eval_view(frames, vectors, self.size)
        else:
            generator = torch.Generator().manual_seed(int(self._rng(epoch, index, 1).integers(2**63)))
            frames, vectors = transforms.train_view(frames, vectors, self.size, generator)
        return slots(frames, vectors, self.reader.settings).unflatten(0, (len(windows), -1)), self.labels[index]

    def windows(self, epoch: int | None, index: int) -> list[tuple[int, ...]]:
        """The frames of each classifier of a clip: K tuples of P indices."""
        seed = None if epoch is None else int(self._rng(epoch, index, 0).integers(2**63))
        windows = planned(self.num_frames(index), self.sampling, seed=seed)
        if epoch is not None:
            chosen = self._rng(epoch, index, 2).permutation(len(windows))[: self.train_windows]
            windows = [windows[m] for m in sorted(chosen)]
        return windows

    def prepare(self, index: int, epochs: list[int | None]) -> None:
        """Read and store everything that a clip needs in these epochs, in one pass over its video."""
        self._pixels(index, self.needed(index, epochs))

    def needed(self, index: int, epochs: list[int | None]) -> list[int]:
        """The frames of a clip that are used in these epochs, each once, ascending."""
        return sorted({f for epoch in epochs for window in self.windows(epoch, index) for f in window})

    def num_frames(self, index: int) -> int:
        """Frames of a clip: the annotation's count, else the video's own."""
        clip = self.table.clips[index]
        return clip.num_frames or (1 if clip.unreadable else video.probe(clip.path).num_frames)

    def _pixels(self, index: int, indices: list[int]) -> tuple[Tensor | None, Tensor | None]:
        try:
            return self.reader.pixels(self.table.clips[index].path, indices, self.num_frames(index))
        except VideoError as error:  # cut short, or damaged
            raise VideoError(f"{error}; {self.table.remedy}") from error

    def _rng(self, epoch: int, index: int, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, epoch, index, stream])


class InTurn(ClipViews):
    """For validation during training: each clip as one of its M classifiers sees it, in turn over the clips (K = 1)."""

    def windows(self, epoch: int | None, index: int) -> list[tuple[int, ...]]:
        """The frames of one classifier of a clip, the fixed plan."""
        windows = super().windows(None, index)
        return [windows[index % len(windows)]]


def motion(frames: Tensor, first: list[int], second: list[int], settings: Pixels, device: str = "cpu") -> Tensor:
    """Flow from `frames[first]` to `frames[second]`, (P, 2, h, w) float32 in pixels per frame at the stored size.

    frames: (N, 3, H, W) uint8, as read. Flow of small videos is estimated at their own size, where motion is largest,
    of large ones at the stored size, which is cheaper.
    """
    if min(frames.shape[-2:]) > 2 * settings.short_side:
        frames = transforms.resize_short_side(frames, None, settings.short_side)[0]
    sides = (frames[side].to(device) for side in (first, second))
    vectors = flow.estimate(*sides, method=settings.flow_method, weights=settings.flow_weights or None).cpu()
    return transforms.resize_short_side(None, vectors, settings.short_side)[1]


def slots(frames: Tensor | None, vectors: Tensor | None, settings: Pixels) -> Tensor:
    """The slots of P frames and their motion, uint8 (T, 3, size, size): flow drawn as colours, and interleaved.

    frames: (P, 3, size, size) uint8; vectors: (P, 2, size, size) float, pixels per frame; None for what the modality
    lacks. The scale of the colours, `max_px` at the stored size, follows the crop to its size.
    """
    if vectors is None:
        return interleave(frames, None)
    scale = settings.max_px * vectors.shape[-1] / settings.short_side
    return interleave(frames, flow_color.render(vectors, encoding=settings.encoding, max_px=scale))


def refuse_enlarging(pixels: Pixels, size: int, what: str) -> None:
    """Raise AmcError if pictures are stored smaller than the `size` pixels that `what` sees."""
    if pixels.short_side < size:
        raise AmcError(
            f"short_side: pictures kept at {pixels.short_side} px would be enlarged to the {size} px that {what} sees; "
            f"give {size} or more, or leave it to the size and train again"
        )


def planned(num_frames: int, plan: Sampling, *, seed: int | None = None) -> list[tuple[int, ...]]:
    """The frames of each classifier in a video of `num_frames` frames, by scheme or stride: M tuples of P indices."""
    sizes = {"num_windows": plan.num_windows, "frames": plan.frames, "seed": seed}
    if plan.stride:
        windows = sampling.clips(num_frames, stride=plan.stride, **sizes)
    else:
        windows = sampling.plan(num_frames, scheme=plan.scheme, **sizes)
    return [window.frames for window in windows]


def reader(settings: Pixels, table: ClipTable) -> PixelReader:
    """The reader for the clips of a table, which stores its results under AMC_CACHE."""
    return PixelReader(settings, paths.cache(), drawn=table.drawn)
