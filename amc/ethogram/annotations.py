"""Human annotation of videos: files of BORIS, SimBA, DeepEthogram and others in, timed events and bouts out.

`FORMATS` lists what is read; `formats` says how to add a format. If an observation covers several videos one after
another, each event goes to the video shown at that time, in that video's own time, or in parts to both (`observed`). If
a video has several observations, they are joined if they are of other subjects, or of other times; else the user has to
choose one. A point event has no duration, so it is no bout.
"""

from collections.abc import Sequence, Set
from dataclasses import replace
from pathlib import Path

import numpy as np

from amc.base import paths
from amc.base.errors import AmcError, printable
from amc.base.wording import first_few
from amc.datasets.delimited import NoHeader
from amc.ethogram import exports
from amc.ethogram.bouts import Bout, frames_of, from_frames, ordered, to_frames
from amc.ethogram.events import CONFIRM, Annotation, Event, labelled_in_all
from amc.ethogram.formats import boris_project, event_table, feral, frame_table, nwb
from amc.ethogram.matching import UNTRUSTED, placed
from amc.ethogram.observed import file_lengths

FORMATS = (feral, nwb, boris_project, event_table, frame_table)  # tried in this order
SOFTWARE = "BORIS, SimBA, DeepEthogram, V-TRACE, FERAL or NWB"
# Of the files taken from a folder.
ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".ods", ".boris", ".boris.gz", ".json", ".nwb")


def read(*sources: Path | str, videos: Sequence[Path] = ()) -> Annotation:
    """The events of files, and of all files of folders: one annotation of all videos.

    videos: files whose durations are used where an annotation of queued videos has none. Raises AmcError, naming file
    and line, for a file of an unknown format, for what cannot be read, for a folder without annotation, and for files
    without any event. In a folder, files of other formats are left out and noted.
    """
    found, notes = [], []
    given = {path.resolve(): (path, Path(source).is_dir()) for source in sources for path in files(source)}
    for path, is_inside in given.values():
        try:
            found.append(_read(path, videos))
        except NoHeader:
            if not is_inside:
                raise
            notes.append(f"{printable(path)}: left out, no annotation of a known format")
    if not found:
        says = f"holds no annotation of {SOFTWARE}; give their files"
        raise AmcError(f"{', '.join(map(printable, sources))}: {says}")
    whole = _merged(found, notes) if len(found) > 1 else replace(found[0], notes=(*found[0].notes, *notes))
    if not whole.media:
        raise AmcError(f"{whole.source}: has no event of any video; annotate one, then export it again")
    return whole


def files(source: Path | str) -> list[Path]:
    """A file itself; of a folder and its subfolders, the files that may be annotation, except what `predict` wrote.

    Raises AmcError without any, for a missing file, and for a device or a pipe.
    """
    source = Path(source)
    if not source.is_dir():
        return [paths.regular(source, "give a file of annotation, or a folder")]
    inside = sorted(path for path in source.rglob("*") if path.is_file() and not path.name.startswith((".", "~")))
    found = [path for path in inside if path.name.lower().endswith(ENDINGS) and not _is_ours(path)]
    if not found:
        raise AmcError(f"{printable(source)}: holds no annotation ({', '.join(ENDINGS)}); give files or another folder")
    return found


def _is_ours(path: Path) -> bool:
    """Whether a file is one of those that `predict` writes beside its record."""
    endings = (*(f"_{name}" for name in exports.FILES), nwb.ENDING)
    return (path.parent / exports.RECORD).is_file() and (path.name.endswith(endings) or path.name in exports.TABLES)


def _read(path: Path, videos: Sequence[Path]) -> Annotation:
    for form in FORMATS:
        try:
            found = form.read(path, file_lengths(path, videos))
            break
        except NoHeader:
            if form is FORMATS[-1]:
                raise
    predicted = found.predicted
    if UNTRUSTED in path.name.casefold() and form is not boris_project:  # whose observations have marks of their own
        more = f"take {UNTRUSTED} out of its file's name"
        predicted = {name: " and ".join(filter(None, [predicted.get(name), more])) for name in found.media}
    names, ways = first_few([name or path.name for name in predicted]), first_few([*{*predicted.values()}])
    says = f"{path}: a model's predictions that nobody has corrected are left out, of {names}"
    notes = (*found.notes, *[f"{says}; {CONFIRM.format(ways)}"] * bool(predicted))
    return _placed(replace(found, predicted=predicted, notes=notes), path.parent)


def _placed(found: Annotation, folder: Path) -> Annotation:
    """The same, where names of videos that lie beside the file are their paths."""
    places = placed({*found.media, *found.labelled}, folder)
    return replace(
        found,
        events=tuple(replace(event, video=places[event.video]) for event in found.events),
        videos=tuple(places[name] for name in found.videos),
        labelled={places[name]: frames for name, frames in found.labelled.items()},
        refused={places[name]: why for name, why in found.refused.items()},
        predicted={places[name]: mark for name, mark in found.predicted.items()},
    )


def _merged(found: Sequence[Annotation], notes: Sequence[str]) -> Annotation:
    """Several files as one; observations carry the file's name, so that two annotations of a video are noticed."""
    of_humans = {name for one in found for name in one.media if name not in one.predicted}
    found = [_without(one, one.predicted.keys() & of_humans) for one in found]
    events, refused, predicted, lists = [], {}, {}, {"behaviours": {}, "videos": {}}
    for one in found:
        name = Path(one.source).name
        events += [replace(event, observation=f"{name} {event.observation}".strip()) for event in one.events]
        refused, predicted = refused | one.refused, predicted | one.predicted
        for what, values in lists.items():  # what a model looked for is not what the human did
            if what != "behaviours" or {*one.media} - {*one.predicted}:
                values |= dict.fromkeys(getattr(one, what))
    limited = {video for one in found for video in one.labelled}
    labelled = {
        name: labelled_in_all([one.labelled.get(name) for one in found if name in one.media]) for name in limited
    }
    notes = (*(note for one in found for note in one.notes), *notes)
    each_once = {what: tuple(values) for what, values in lists.items()}
    source = f"{len(found)} files of annotation"
    facts = {"labelled": labelled, "refused": refused, "predicted": predicted}
    return Annotation(source, tuple(events), notes, **facts, **each_once)


def _without(found: Annotation, names: Set[str]) -> Annotation:
    """The same without what is about these videos."""
    return replace(
        found,
        events=tuple(event for event in found.events if event.video not in names),
        videos=tuple(name for name in found.videos if name not in names),
        labelled={name: frames for name, frames in found.labelled.items() if name not in names},
        predicted={name: mark for name, mark in found.predicted.items() if name not in names},
    )


def bouts(events: Sequence[Event], edges: np.ndarray, *, counted: np.ndarray | None = None) -> list[Bout]:
    """Events with duration as bouts of a video's frames; overlapping events of one behaviour become one.

    edges: (N + 1,) seconds; counted: bool (N,), the labelled frames, by default all. Events are cut to these, and at
    the end of the video. Raises AmcError for one that begins after it: it is of another video.
    """
    found = []
    for event in events:
        _refuse_late(event, edges)
        if event.timed and not event.is_point:
            found.append(Bout(event.behaviour, *frames_of(event.first, event.stop, edges)))
        elif not event.is_point:
            stop = min(int(event.stop), len(edges) - 1)
            found.append(Bout(event.behaviour, min(int(event.first), stop - 1), stop))
    names = sorted({bout.behaviour for bout in found})
    table = to_frames(found, names, len(edges) - 1)
    return ordered(from_frames(table if counted is None else table & counted[:, None], names))


def points(events: Sequence[Event], edges: np.ndarray) -> list[tuple[str, str, float, int]]:
    """Events without duration by time: (behaviour, subject, seconds, frame). edges, errors: as for `bouts`."""
    found = []
    for event in events:
        _refuse_late(event, edges)
        if event.is_point:
            frame = int(np.clip(np.searchsorted(edges, event.first + 1e-9, side="right") - 1, 0, len(edges) - 2))
            found.append((event.behaviour, event.subject, event.first, frame))
    return sorted(found, key=lambda point: (point[2], point[0]))


def _refuse_late(event: Event, edges: np.ndarray) -> None:
    end = edges[-1] if event.timed else len(edges) - 1
    if event.first > end + event.timed:  # humans may be a second late
        unit = "s" if event.timed else "frames"
        says = f"{event.behaviour!r} begins at {event.first:g} {unit}, but the video ends at {end:g}"
        raise AmcError(f"annotation: {says}; give the annotation of this video")
