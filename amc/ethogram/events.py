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
        return tuple(sorted({event.subject for event in self.events} - {""}))

    def among(self, named: Mapping[str, Path], others: Mapping[str, Path] = MappingProxyType({})) -> "Annotation":
        """The same, with what its names mean among the videos of a call, by name, and others that may be meant too.

        Raises AmcError if it names no video and there are several.
        """
        if len(named) > 1 and "" in self.media:
            raise AmcError(f"{self.source}: {NAMELESS.format(len(named))}")
        return replace(self, meant=meant(self.media, {**others, **named}))

    def of(self, name: str, file: str = "") -> tuple[Event, ...]:
        """The events of a video; all events if the files name no video. file: its file name.

        Several observations of it are joined if each has subjects of its own, such as one focal animal each, or if they
        are of the same subjects in other stretches of time. Raises AmcError for others, such as those of two observers;
        if the files name other videos only (they may be the wrong ones), or may mean this video or another one; if its
        observation could not be read; and if that is a model's prediction.
        """
        if not any(self.media):
            self._refuse_predicted(name, ("",))
            return self.events
        found = self._meant(name, file)
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

    def labelled_frames(self, name: str, file: str = "") -> Labelled | None:
        """The frames of a video that the human has labelled; None: all. name, file: as for `of`."""
        own = self._meant(name, file).written.get(name, ())
        return labelled_in_all([self.labelled.get(text) for text in own])

    def _refuse_predicted(self, name: str, own: Sequence[str]) -> None:
        if marked := [self.predicted[text] for text in own if text in self.predicted]:
            says = f"holds of {name} a model's prediction that nobody has corrected"
            raise AmcError(f"{self.source}: {says}; {CONFIRM.format(marked[0])}")

    def _meant(self, name: str, file: str) -> Meant:
        return self.meant or meant(self.media, {name: Path(file or name)})


def mark(stamp: str) -> str:
    """What the comment of an event, or the description of a file, says while it is a model's; stamp: of the model."""
    return f"{PREDICTED}. {stamp}".strip()


def labelled_in_all(parts: Sequence[Labelled | None]) -> Labelled | None:
    """What several observations of a video have labelled together; None: all of it. Of tables of frames, the first."""
    known = [part for part in parts if part is not None]
    if not known or any(isinstance(part, np.ndarray) for part in known):
        return next(iter(known), None)
    return tuple(span for part in parts for span in ((WHOLE,) if part is None else part))


def _complete_each_other(events: Sequence[Event], labelled: Labelled | None) -> bool:
    """Whether observations are of the same time and each of other subjects; or of the same subjects at other times."""
    subjects: dict[str, set[str]] = {}
    for event in events:
        subjects.setdefault(event.observation, set()).add(event.subject)
    if isinstance(labelled, np.ndarray):
        return False
    each, spans = [*subjects.values()], sorted(span for span in labelled or () if span[0] < span[1])
    if len({*spans}) < 2:
        return not any("" in own for own in each) and sum(map(len, each)) == len(set().union(*each))
    return all(own == each[0] for own in each) and all(one[1] <= other[0] for one, other in pairwise(spans))
