"""Whole videos with a human's annotation in; a folder of short clips with their `labels.csv` out, to train on.

A clip is as long as a window of `sliding_window`, so a model is trained on what it is later asked about. Clips are cut
from bouts, at most `MOST` from each, and as many from stretches without any behaviour, spread over the video.
`datasets.folder` reads the folder; clips of one video stay in one split.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from amc import video
from amc.base import paths
from amc.base.digests import digest, state
from amc.base.errors import AmcError, VideoError, printable
from amc.base.progress import Log, progress
from amc.datasets import names
from amc.datasets.folder import BACKGROUND, TABLE
from amc.ethogram import annotations, inputs
from amc.ethogram.bouts import Bout, from_frames, to_frames
from amc.ethogram.comparison import labelled_of
from amc.ethogram.events import Annotation
from amc.ethogram.matching import MOMENT, has_video_ending
from amc.ethogram.sliding_window import edges_of
from amc.ethogram.timeline import SlidingWindow
from amc.synth import generate

VERSION = 4  # of the clips; raise it when the same annotation gives other clips
NOTES = "notes.json"  # beside the clips: what was left out, to be told each time
MOST = 10  # clips of one bout: an hour of rest must not outnumber all else
SHARE = 0.5  # a clip has a behaviour that fills this share of it, or of which this share of a bout lies in it
NEEDED = 3  # videos: training, validation and test each have their own
AGAIN = "run the same again when it is written"


class Cut(NamedTuple):
    """Frames start … stop - 1 of a video, and the behaviours in them; none: background."""

    start: int
    stop: int
    behaviours: tuple[str, ...]


def folder(source: Path | str, *, log: Log) -> Path:
    """The folder of clips to train on: `source` if it has a `labels.csv`, else one of clips that are cut now, once.

    source: a folder of videos and their annotation, in any format of `annotations`; or the annotation alone, which
    names the videos by their paths or has them beside it. log: gets what was cut and what was left out. Raises AmcError
    without annotation and for fewer than `NEEDED` annotated videos; predictions that nobody has corrected are none.
    """
    source = Path(source).expanduser().absolute()
    source = source.parent if source.name == TABLE else source
    if (source / TABLE).is_file() or not source.exists():
        return source
    before = _identities([source])
    human = _annotation(source, log)
    named = _videos(source, human)
    human = human.among(named)
    of_videos = _identities(named.values())
    out = paths.cache() / "clips" / f"{inputs.plain(source.stem)}-{_key(source, named)}"
    if _identities([source]) != before:  # the key may be of another annotation than that which was read
        raise AmcError(f"{source}: its annotation changed while it was read; {AGAIN}")
    if (out / TABLE).is_file() and (out / NOTES).is_file():
        log(f"clips were cut before: {printable(out)}")
        for note in json.loads((out / NOTES).read_text(encoding="utf-8")):
            log(f"note: {note}")
    else:
        cuts, notes = _all_cuts(human, named, log)
        _write(named, cuts, notes, out, log, of_videos)
    return out


def plan(bouts: Sequence[Bout], edges: np.ndarray, *, seconds: float, counted: np.ndarray | None = None) -> list[Cut]:
    """The clips of a video, in order of time.

    bouts: of all behaviours, those of one behaviour not overlapping. edges (N + 1,): seconds. seconds: length of a
    clip; a shorter video is one clip. counted: bool (N,), the frames that the human has labelled, by default all.
    """
    frames = to_frames(bouts, sorted({bout.behaviour for bout in bouts}), len(edges) - 1)
    counted = np.ones(len(frames), bool) if counted is None else counted
    found: list[Cut] = []
    for bout in sorted(bouts, key=lambda bout: (bout.stop - bout.start, bout)):  # the shortest can be nowhere else
        for start, stop in _tiles(bout.start, bout.stop, edges, seconds):
            is_shown = any(bout.behaviour in cut.behaviours and _is_same(cut, start, stop) for cut in found)
            if counted[start:stop].all() and not is_shown:
                found.append(Cut(start, stop, _inside(bouts, start, stop, edges)))
    empty = from_frames((counted & ~frames.any(axis=1))[:, None], [BACKGROUND])
    tiles = [tile for gap in empty for tile in _tiles(gap.start, gap.stop, edges, seconds, most=len(edges))]
    within = [(start, stop) for start, stop in tiles if not frames[start:stop].any() and counted[start:stop].all()]
    kept = np.unique(np.linspace(0, len(within) - 1, min(len(within), max(len(found), 1))).astype(int))
    return sorted([*found, *(Cut(*within[k], ()) for k in kept)])


def _tiles(start: int, stop: int, edges: np.ndarray, seconds: float, *, most: int = MOST) -> Iterator[tuple[int, int]]:
    """Clips spread evenly over frames start … stop - 1: as many as fit, at least one, at most `most`."""
    lasts = edges[stop] - edges[start]
    count = int(min(max(lasts / seconds + 1e-9, 1), most))
    for k in range(count):
        middle = edges[start] + (k + 0.5) / count * lasts
        begin = np.clip(middle - seconds / 2, edges[0], max(edges[-1] - seconds, edges[0]))
        first = int(np.abs(edges[:-1] - begin).argmin())
        last = int(np.abs(edges - (edges[first] + seconds)).argmin())
        yield first, max(last, first + 1)


def _is_same(cut: Cut, start: int, stop: int) -> bool:
    """Whether more than half of a clip is in another one."""
    return min(cut.stop, stop) - max(cut.start, start) > (stop - start) / 2


def _inside(bouts: Sequence[Bout], start: int, stop: int, edges: np.ndarray) -> tuple[str, ...]:
    """The behaviours of a clip: see `SHARE`."""
    filled: Counter = Counter()
    found = set()
    for bout in bouts:
        together = edges[min(bout.stop, stop)] - edges[max(bout.start, start)]
        if together > 0:
            filled[bout.behaviour] += together
            if together >= SHARE * (edges[bout.stop] - edges[bout.start]) - 1e-9:
                found.add(bout.behaviour)
    whole = edges[stop] - edges[start]
    return tuple(sorted(found | {name for name, lasts in filled.items() if lasts >= SHARE * whole - 1e-9}))


def _annotation(source: Path, log: Log) -> Annotation:
    try:
        human = annotations.read(source)
    except AmcError as error:
        if not source.is_dir():
            raise
        says = f"folder: {source} has no {TABLE} of clips, and no annotation of whole videos to cut them from"
        raise AmcError(f"{says}: {error}") from error
    if all(event.is_point for event in human.events):
        raise AmcError(f"{human.source}: has no events with duration; annotate states (START and STOP)")
    shown = dict.fromkeys(event.behaviour for event in human.events if not event.is_point)
    names.check(list(shown), human.source)
    if joined := [name for name in shown if ";" in name]:
        raise AmcError(f"{human.source}: behaviour {joined[0]!r} holds a semicolon; write it without")
    for note in human.notes:
        log(f"note: {note}")
    return human


def _videos(source: Path, human: Annotation) -> dict[str, Path]:
    """The videos by name: those in the folder or beside the annotation, and those whose written path exists."""
    if source.is_dir():
        places = [source]
    else:
        places = [path for path in sorted(source.parent.iterdir()) if path.is_file() and has_video_ending(path.name)]
    places += [Path(name) for name in human.media if name and Path(name).is_absolute() and Path(name).is_file()]
    if not places:
        says = f"none of its videos is here or beside it: {', '.join(human.media[:5]) or 'it names none'}"
        raise AmcError(f"{human.source}: {says}; put it into the folder of the videos, and give the folder")
    files: dict[Path, Path] = {}
    for path in inputs.videos(places, has_moments=True).named.values():
        files.setdefault(path.resolve(), path)  # each file once, under the name in the folder
    return inputs.named([*files.values()])


def _key(source: Path, named: dict[str, Path]) -> str:
    """A short hash of the annotation, the videos, also where they lie beside it, and how clips are cut."""
    written = [digest(file) for file in annotations.files(source)]
    contents = [(name, os.path.relpath(path, source), digest(path)) for name, path in sorted(named.items())]
    parts = [VERSION, SlidingWindow.seconds, MOST, SHARE, written, contents]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:10]


def _identities(places: Iterable[Path]) -> list[tuple[Path, str]]:
    """Of the files of annotation or videos in these places: it differs when one of them was written in between."""
    try:
        return [(file, state(file)) for place in places for file in annotations.files(place)]
    except AmcError:  # whoever reads them says what is wrong
        return []


def _all_cuts(human: Annotation, named: dict[str, Path], log: Log) -> tuple[dict[str, list[Cut]], list[str]]:
    """The clips of each annotated video; and notes, which are logged too, such as on a video that cannot be used."""
    cuts, notes = {}, []
    for name, path in named.items():
        try:
            cuts[name] = _cuts(human, name, path)
        except AmcError as error:
            _note(f"{name}: left out, {error}", notes, log)
    sources = {_source(name) for name, found in cuts.items() if found}
    if len(sources) < NEEDED:
        says = f"{len(sources)} annotated videos, but training, validation and test each need one of their own"
        more = f" ({notes[0]})" if notes else ""
        raise AmcError(f"{human.source}: {says}; annotate {NEEDED} or more{more}")
    if points := sum(event.is_point for event in human.events):
        _note(f"{points} point events are not trained on, because they have no duration", notes, log)
    if len(human.subjects) > 1:
        _note(f"{len(human.subjects)} subjects are merged: a clip has what any of them does", notes, log)
    return cuts, notes


def _note(text: str, notes: list[str], log: Log) -> None:
    notes.append(text)
    log(f"note: {text}")


def _cuts(human: Annotation, name: str, path: Path) -> list[Cut]:
    events, given = human.of(name), human.labelled_frames(name)  # first: a video without any need not be read
    edges = edges_of(path)
    counted = labelled_of(human, path.name, given, edges)
    return plan(annotations.bouts(events, edges), edges, seconds=SlidingWindow.seconds, counted=counted)


def _source(name: str) -> str:
    """The video that a video's frames are from: itself, or that from which `suggest` has cut it."""
    return MOMENT.sub("", name)


def _write(
    named: dict[str, Path], cuts: dict[str, list[Cut]], notes: list[str], out: Path, log: Log, before: list[tuple]
) -> None:
    """Write the clips and notes, then the table: its presence shows that all are there. Clips that exist are kept.

    A clip that cannot be read is left out, for good; one that cannot be written, on a full disk, raises AmcError.
    before: `_identities` of the videos when they were digested; if it is another one now, AmcError too.
    """
    jobs = [(name, cut) for name, found in cuts.items() for cut in found]
    rows, counts, new = [], Counter(), []
    for name, cut in progress(jobs, "cutting clips", total=len(jobs), unit="clips", log=log):
        file = f"{name}/{cut.start}-{cut.stop}.mp4"
        try:
            if not (out / file).is_file():
                write_clip(named[name], cut.start, cut.stop, out / file)
                new.append(out / file)
        except VideoError as error:
            _note(f"{printable(file)}: left out, {error}", notes, log)
            continue
        rows.append((file, ";".join(cut.behaviours) or BACKGROUND, _source(name)))
        counts.update(cut.behaviours or (BACKGROUND,))
    if _identities(named.values()) != before:
        for file in new:  # they may be of another video than the key is
            file.unlink(missing_ok=True)
        raise AmcError(f"{printable(out)}: a video changed while clips were cut from it; {AGAIN}")
    table = pd.DataFrame(rows, columns=["file", "labels", "source"])
    paths.write_text(out / NOTES, json.dumps(notes, indent=1, ensure_ascii=False) + "\n")
    paths.write_text(out / TABLE, table.to_csv(index=False, lineterminator="\n"))
    each = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    log(f"{len(rows)} clips cut from {len(cuts)} videos ({each}), to look at: {printable(out)}")


def write_clip(source: Path, start: int, stop: int, path: Path) -> None:
    """Write frames start … stop - 1 of a video as a video of their own, without sound. Raises AmcError."""
    rate = Fraction(video.probe(source).fps).limit_denominator(1001)
    parts = video.stream(source, range(start, stop))
    frames = (picture for _, part in parts for picture in part.permute(0, 2, 3, 1).numpy())
    height, width = (side // 2 * 2 for side in (video.probe(source).height, video.probe(source).width))  # H.264: even
    generate.write_video(path, (np.ascontiguousarray(frame[:height, :width]) for frame in frames), rate)
