"""A video's ethogram beside a human annotation of it: agreement for each subject, and point events apart.

An ethogram and an annotation in, tables and the data for figures out. The model does not know who does what, so it is
compared with each subject, and with all of them together.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from amc.base.errors import AmcError
from amc.ethogram import agreement, annotations
from amc.ethogram.bouts import from_frames, ordered, to_frames
from amc.ethogram.events import Annotation, Event, Labelled
from amc.ethogram.record import SUBJECT, Ethogram

ALL = "all subjects"  # in the column `subject`: what any of them does
POINTS = ("video", "subject", "behaviour", "time_s", "frame", "model_prob", "in_model_bout", "stamp")


def compare(shown: Ethogram, human: Annotation, *, subject: str = "") -> tuple[pd.DataFrame, dict, list[str]]:
    """Agreement with a human on a video: the table, the data for figures, and notes. Raises AmcError.

    The table has a row per subject and behaviour; if there are several subjects and none is chosen with `subject`, also
    rows for all of them together, which the figures show. All behaviours that the human has labelled in any video count
    as looked for in this one; frames that the human has not labelled do not count, nor do point events.
    """
    events, counted = events_of(shown, human, subject)
    if not human.behaviours:
        raise AmcError(f"{human.source}: has no events with duration; annotate states, or see the table of points")
    is_idle = subject and not events and human.watched(shown.video, shown.file, subject)
    if subject and not events and not is_idle:
        raise AmcError(f"{human.source}: has no events of {subject!r} in {shown.file}")
    names, notes = agreement.common(shown.names, list(human.behaviours))
    notes += [f"{subject} has no event here: it was observed, and did nothing"] * bool(is_idle)
    if times := sum(event.is_point for event in events):
        notes.append(f"{times} point events are not compared as bouts, because they have no duration")
    lasting = [event for event in events if not event.is_point]
    groups, said = _by_subject(lasting, subject)
    known = [replace(event, behaviour=names[event.behaviour]) for event in lasting if event.behaviour in names]
    shared = [name for name in shown.names if name in names.values()]
    tables, parts = [], {}
    for group, members in groups.items():
        own = [event for event in known if event.subject in members]
        table, parts = _agreement(shown, own, shared, counted)
        table.insert(0, "subject", group)
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "video", shown.video)
    table["stamp"] = shown.stamp
    return table, parts, notes + said


def points(shown: Ethogram, human: Annotation, *, subject: str = "") -> pd.DataFrame:
    """A row per point event in frames that count, with the model's probability; NaN if it lacks the behaviour."""
    known = {agreement.folded(name): c for c, name in enumerate(shown.names)}
    events, counted = events_of(shown, human, subject)
    found, rows = annotations.points(events, shown.edges), []
    for written, who, second, frame in [one for one in found if counted is None or counted[one[3]]]:
        c = known.get(agreement.folded(written))
        prob = float("nan") if c is None else round(float(shown.probs[frame, c]), 4)
        is_inside = "" if c is None else bool(shown.frames[frame, c])
        name = written if c is None else shown.names[c]
        rows.append((shown.video, who, name, second, frame, prob, is_inside, shown.stamp))
    return pd.DataFrame(rows, columns=POINTS)


def check_subject(human: Annotation, subject: str) -> None:
    """Raise AmcError if a subject is asked for that the annotation does not name."""
    if subject and subject not in human.subjects:
        names = ", ".join(human.subjects) or "none"
        raise AmcError(f"subject: {subject!r} is not in {human.source}, which has: {names}; give one of these")


def labelled_of(human: Annotation, file: str, given: Labelled | None, edges: np.ndarray) -> np.ndarray | None:
    """bool (N,): the frames that the human has labelled (None: all). edges: (N + 1,) seconds.

    given: of `Annotation.labelled_frames`. Raises AmcError if the human has labelled none, or another number of frames
    than the video has.
    """
    if isinstance(given, tuple):
        given = _inside(given, edges)
    if given is not None and len(given) != len(edges) - 1:
        raise AmcError(f"{human.source}: labels {len(given)} frames, but {file} has {len(edges) - 1}")
    if given is not None and not given.any():
        raise AmcError(f"{human.source}: labels no frame of {file}; annotate a part of it, or leave the video out")
    return given


def events_of(shown: Ethogram, human: Annotation, subject: str = "") -> tuple[list[Event], np.ndarray | None]:
    """The events of the video and subject, if one is named; and bool (N,), the frames that count (None: all).

    They are those that the human has labelled and in which the animal is seen. Raises AmcError if there are none.
    """
    events, given = human.of(shown.video, shown.file), human.labelled_frames(shown.video, shown.file, subject)
    counted = labelled_of(human, shown.file, given, shown.edges)
    if shown.span:
        seen = _inside([shown.span], shown.edges)
        counted = seen if counted is None else seen & counted
        if not counted.any():
            raise AmcError(f"{human.source}: labels no frame of {shown.file} in which {shown.subject} is seen")
    return [event for event in events if subject in ("", event.subject)], counted


def _inside(spans: Sequence[tuple[float, float]], edges: np.ndarray) -> np.ndarray:
    """bool (N,): the frames whose middle lies in one of these stretches of time, seconds. edges: (N + 1,)."""
    middles = (edges[:-1] + edges[1:]) / 2
    return sum(((first <= middles) & (middles < stop) for first, stop in spans), np.zeros(len(middles), bool))


def _by_subject(events: Sequence[Event], chosen: str) -> tuple[dict[str, set[str]], list[str]]:
    """Names of rows with the subjects that each is about, and a note if subjects are merged."""
    subjects = sorted({event.subject for event in events})
    if chosen or len(subjects) < 2:
        return {chosen or "".join(subjects): set(subjects)}, []
    each = {name or SUBJECT: {name} for name in subjects}
    says = f"{len(subjects)} subjects ({', '.join(each)}) are merged in the rows {ALL!r}; choose one with --subject"
    return each | {ALL: set(subjects)}, [says]


def _agreement(
    shown: Ethogram, events: Sequence[Event], shared: list[str], counted: np.ndarray | None
) -> tuple[pd.DataFrame, dict]:
    """Agreement over the `shared` behaviours with one group of events: the table, and the data for figures."""
    written = annotations.bouts(events, shown.edges)
    own = [bout for bout in shown.bouts if bout.behaviour in shared]
    frames = [to_frames(bouts, shared, shown.num_frames) for bouts in (written, own)]
    if counted is not None:  # predictions in unlabelled frames are neither right nor wrong
        frames = [table & counted[:, None] for table in frames]
        written, own = (ordered(from_frames(table, shared)) for table in frames)
    table = agreement.framewise(*frames, shared, shown.edges, counted=counted)
    table = table.merge(agreement.boutwise(written, own, shared), on="behaviour")
    table = table.merge(agreement.banos_scores(*frames, shared), on="behaviour")
    parts = {"human": frames[0], "model": frames[1], "names": shared, "edges": shown.edges, "counted": counted}
    return table, parts | {"stamp": shown.stamp}
