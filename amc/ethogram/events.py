"""Human annotation as values: timed events, and the content of one or several files. Pure; `annotations` reads them.

Names of videos are compared without folder and ending, and ignoring case.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PureWindowsPath

import numpy as np

from amc.base.errors import AmcError

SUFFIXES = (  # of video files
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts", ".wmv", ".flv",
    ".ogv", ".3gp", ".asf", ".vob", ".mxf", ".f4v", ".mod", ".tod", ".dv", ".m2v", ".divx",
)  # fmt: skip

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
    predicted: tuple[str, ...] = ()  # files that hold a model's predictions, not corrected by a human

    @property
    def media(self) -> tuple[str, ...]:
        """The names of all videos, as written; "" where a file names none."""
        return tuple(dict.fromkeys([*(event.video for event in self.events), *self.videos, *self.refused]))

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names of all subjects, in order."""
        return tuple(sorted({event.subject for event in self.events} - {""}))

    def of(self, *names: str, exact: bool = False) -> tuple[Event, ...]:
        """The events of a video, under the first of its names that occurs; all events if the files name no video.

        Endings of names are ignored unless `exact`, for videos that differ only in the ending. Raises AmcError if the
        files name other videos only (they may be the wrong ones), for several observations of this video, such as by
        two observers, and if its observation could not be read.
        """
        key = base if exact else stem
        known = {key(event.video) for event in self.events} | set(map(key, (*self.videos, *self.refused)))
        wanted = next((own for own in map(key, names) if own in known), None)
        if wanted is None and known - {""}:
            raise AmcError(f"{self.source}: has no events of {names[0]}, only of {', '.join(sorted(known)[:5])}")
        if why := _under(self.refused, wanted, key):
            raise AmcError(why)
        own = tuple(event for event in self.events if wanted is None or key(event.video) == wanted)
        if len(seen := sorted({event.observation for event in own})) > 1:
            says = f"{len(seen)} observations of {names[0]}: {', '.join(seen[:5])}"
            raise AmcError(f"{self.source}: {says}; export one of them")
        return own

    def labelled_frames(self, *names: str, exact: bool = False) -> Labelled | None:
        """The frames of a video that the human has labelled; None: all. names, exact: as for `of`."""
        key = base if exact else stem
        return next((found for own in map(key, names) if (found := _under(self.labelled, own, key)) is not None), None)


def _under(named: Mapping, wanted: str | None, key: Callable[[str], str]):
    return next((value for name, value in named.items() if key(name) == wanted), None)


def stem(name: str) -> str:
    """A video's file name in lower case, without folder and video ending."""
    file = base(name)
    return PureWindowsPath(file).stem if has_video_ending(file) else file  # 10.30.15 has no ending


def base(name: str) -> str:
    """A video's file name in lower case, without folder."""
    return PureWindowsPath(name).name.casefold()  # splits at both kinds of slash


def has_video_ending(name: str) -> bool:
    """Whether a name has the ending of a video file."""
    return PureWindowsPath(name.strip()).suffix.lower() in SUFFIXES
