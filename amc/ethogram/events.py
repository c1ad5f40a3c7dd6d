"""Human annotation as values: timed events, and the content of one or several files.

`annotations` reads them; `matching` finds the video that a name means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from amc.base.errors import AmcError
from amc.base.wording import first_few
from amc.ethogram.matching import Meant, meant

NAMELESS = "names no video, but there are {}; export it with media names, or give one video"
CONFIRM = "correct it, then delete its mark (in BORIS the description of the observation), or leave it out"

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
    predicted: tuple[str, ...] = ()  # videos whose events are a model's predictions, not corrected by a human
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

        Raises AmcError if the files name other videos only (they may be the wrong ones), if they may mean this video or
        another one, for several observations of it, such as by two observers, if its observation could not be read, and
        if that is a model's prediction.
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
        if len(seen := sorted({event.observation for event in events})) > 1:
            says = f"{len(seen)} observations of {name}: {', '.join(seen[:5])}"
            raise AmcError(f"{self.source}: {says}; export one of them")
        return events

    def labelled_frames(self, name: str, file: str = "") -> Labelled | None:
        """The frames of a video that the human has labelled; None: all. name, file: as for `of`."""
        own = self._meant(name, file).written.get(name, ())
        return next((self.labelled[text] for text in own if text in self.labelled), None)

    def _refuse_predicted(self, name: str, own: Sequence[str]) -> None:
        if {*own} & {*self.predicted}:
            raise AmcError(f"{self.source}: holds of {name} a model's prediction that nobody has corrected; {CONFIRM}")

    def _meant(self, name: str, file: str) -> Meant:
        return self.meant or meant(self.media, {name: Path(file or name)})
