"""Human annotation as values: timed events, and the content of one or several files.

`annotations` reads them; `matching` finds the video that a name means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import numpy as np

from amc.base.errors import AmcError
from amc.base.wording import first_few
from amc.ethogram.matching import Meant, meant

NAMELESS = "names no video, but there are {}; export it with media names, or give one video"
CONFIRM = "correct it, then {}; or leave it out"
PREDICTED = "PREDICTED by a model and not corrected"  # in descriptions and comments, until a human deletes it

WHOLE = (0.0, float("inf"))  # seconds: a stretch that is all of a video
Labelled = np.ndarray | tuple[tuple[float, float], ...]  # frames: bool (N,), or stretches of time, seconds


@dataclass(frozen=True)
class Event:
    """One behaviour from `first` to `stop`, in frames (`stop` is one past the last) or, with `timed`, in seconds."""

    video: str  # the media file as written, or the observation
    behaviour: str
    first: float
    stop: float
    timed: bool
    observation: str = ""
    subject: str = ""  # empty: none was named
    is_point: bool = False  # an instant: `stop` is `first`


@dataclass(frozen=True)
class Annotation:
    """The content of one or several files, and what was left out or repaired."""

    source: str  # the file, or the files, for messages
    events: tuple[Event, ...]
    notes: tuple[str, ...] = ()
    behaviours: tuple[str, ...] = ()  # with duration, that the human looked for; without a list of them, all that occur
    # By video: the labelled frames. A video that is absent is labelled in all of them.
    labelled: Mapping[str, Labelled] = field(default_factory=dict)
    videos: tuple[str, ...] = ()  # annotated, with or without events, besides those that the events name
    refused: Mapping[str, str] = field(default_factory=dict)  # by video: why its observation could not be read
    # Videos whose events are a model's predictions: what to do, once they are corrected, with the mark that says so.
    predicted: Mapping[str, str] = field(default_factory=dict)
    meant: Meant | None = None  # what the names mean among the videos of a call; None: each video is looked at alone

    @property
    def media(self) -> tuple[str, ...]:
        """The names of all videos, as written; "" where a file names none."""
        return tuple(dict.fromkeys([*(event.video for event in self.events), *self.videos, *self.refused]))

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names of all subjects, in order."""
        of_names = self.meant.subjects.values() if self.meant else ()
        return tuple(sorted({*(event.subject for event in self.events), *of_names} - {""}))

    def among(self, named: Mapping[str, Path], others: Mapping[str, Path] = MappingProxyType({})) -> "Annotation":
        """The same, with what its names mean among the videos of a call, by name, and others that may be meant too.

        A name of one animal, `walk@left`, means that subject of its video. What a human says comes before what a model
        has predicted. Raises AmcError if it names no video and there are several.
        """
        if len(named) > 1 and "" in self.media:
            raise AmcError(f"{self.source}: {NAMELESS.format(len(named))}")
        human, model = (
            meant([text for text in self.media if (text in self.predicted) == is_model], {**others, **named})
            for is_model in (False, True)
        )
        found = human.before(model)
        events = (replace(event, subject=event.subject or found.subjects.get(event.video, "")) for event in self.events)
        return replace(self, events=tuple(events), meant=found)

    def of(self, name: str, file: str = "") -> tuple[Event, ...]:
        """The events of a video; all events if the files name no video. file: its file name.

        Several observations of it are joined if each has subjects of its own, such as one focal animal each, or if they
        are of the same subjects in other stretches of time. Raises AmcError for others, such as those of two observers;
        if the files name other videos only (they may be the wrong ones), or may mean this video or another one; if its
        observation could not be read; and if that is a model's prediction.
        """
        if not any([text for text in self.media if text not in self.predicted] or self.media):
            self._refuse_predicted(name, ("",))
            return tuple(event for event in self.events if not event.video)
        if self.meant is None:
            return self.among({name: Path(file or name)}).of(name)
        found = self.meant
        own = found.written.get(name, ())
        if why := found.unclear.get(name):
            raise AmcError(f"{self.source}: {why}")
        if not own:
            says = f"has no events of {name}, only of {first_few([text for text in self.media if text], 5)}"
            raise AmcError(f"{self.source}: {says}; give this video's annotation, or correct the paths in it")
        if why := next((self.refused[text] for text in own if text in self.refused), ""):
            raise AmcError(why)
        self._refuse_predicted(name, own)
        events = tuple(event for event in self.events if event.video in own)
        seen = sorted({event.observation for event in events})
        if len(seen) > 1 and not _complete_each_other(events, self.labelled_frames(name, file)):
            says = f"{len(seen)} observations of {name}: {', '.join(seen[:5])}"
            advice = "give one of them (BORIS exports the events of one observation), or name other subjects in each"
            raise AmcError(f"{self.source}: {says}; {advice}")
        return events

    def labelled_frames(self, name: str, file: str = "", subject: str = "") -> Labelled | None:
        """The frames of a video that the human has labelled; None: all. name, file: as for `of`.

        subject: without what is about another one alone; empty: of all.
        """
        if self.meant is None:
            return self.among({name: Path(file or name)}).labelled_frames(name, subject=subject)
        whose = {text: self.meant.subjects.get(text, "") for text in self.meant.written.get(name, ())}
        own = [text for text, who in whose.items() if not (subject and who) or who == subject]
        return labelled_in_all([self.labelled.get(text) for text in own])

    def watched(self, name: str, file: str, subject: str) -> bool:
        """Whether a subject without any event in a video was observed there, so that it did nothing. Raises AmcError.

        It was if a file is about it alone; or if all events here name their subjects, and elsewhere it is one of
        several in an observation. name, file: as for `of`.
        """
        if self.meant is None:
            return self.among({name: Path(file or name)}).watched(name, file, subject)
        if subject in (self.meant.subjects.get(text) for text in self.meant.written.get(name, ())):
            return True
        together: dict[tuple[str, str], set[str]] = {}
        for event in self.events:
            together.setdefault((event.video, event.observation), set()).add(event.subject)
        is_one_of_several = any(subject in own and len(own - {""}) > 1 for own in together.values())
        return is_one_of_several and all(event.subject for event in self.of(name, file))

    def _refuse_predicted(self, name: str, own: Sequence[str]) -> None:
        if marked := [self.predicted[text] for text in own if text in self.predicted]:
            says = f"holds of {name} a model's prediction that nobody has corrected"
            raise AmcError(f"{self.source}: {says}; {CONFIRM.format(marked[0])}")


def mark(stamp: str) -> str:
    """What the comment of an event, or the description of a file, says while it is a model's; stamp: of the model."""
    return f"{PREDICTED}. {stamp}".strip()


def labelled_in_all(parts: Sequence[Labelled | None]) -> Labelled | None:
    """What several observations of a video have labelled together; None: all of it. Tables of frames come first."""
    tables = [part for part in parts if isinstance(part, np.ndarray)]
    if tables:
        same = [table for table in tables if table.shape == tables[0].shape]  # whether they fit the video is seen later
        return np.logical_or.reduce(same)
    if all(part is None for part in parts):
        return None
    return tuple(span for part in parts for span in ((WHOLE,) if part is None else part))


def _complete_each_other(events: Sequence[Event], labelled: Labelled | None) -> bool:
    """Whether observations are of the same time and each of other subjects; or of the same subjects at other times."""
    subjects: dict[str, set[str]] = {}
    for event in events:
        subjects.setdefault(event.observation, set()).add(event.subject)
    stretches = () if labelled is None or isinstance(labelled, np.ndarray) else labelled
    each, spans = [*subjects.values()], sorted(span for span in stretches if span[0] < span[1])
    if len({*spans}) < 2:
        return not any("" in own for own in each) and sum(map(len, each)) == len(set().union(*each))
    return all(own == each[0] for own in each) and all(one[1] <= other[0] for one, other in pairwise(spans))
