"""BORIS's projects, `.boris` and `.boris.gz` (JSON): every observation of a video in, an `Annotation` out; and back.

Facts from BORIS's public source (versions 4 to 8): an event is [time, subject, behaviour, modifiers, comment, …]; the
events of a behaviour that the project's ethogram calls a state are START and STOP in turn, per subject and modifiers,
those of others are points. Times run over the media of player 1 and include the observation's `time offset`; player n
begins `media_info.offset[n]` seconds later. `media_info.length` has the durations of media files. `observation time
interval` is the stretch that was observed, in seconds without the time offset, and [0, 0] if it was all.

A project of a model's bouts, to be corrected in BORIS, has an observation per video, a state event per behaviour, START
and STOP of each bout in turn. The description of each observation says that no human has corrected it; until that is
deleted, the observation is no annotation. In projects of earlier versions the project's description said so of all.
"""

import gzip
import json
import os
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path

import numpy as np

from amc.base.errors import AmcError
from amc.datasets import delimited
from amc.datasets.delimited import NoHeader
from amc.ethogram import observed
from amc.ethogram.bouts import Bout
from amc.ethogram.events import PREDICTED, WHOLE, Annotation
from amc.ethogram.formats.event_table import NOBODY
from amc.ethogram.observed import Act, Player
from amc.ethogram.record import DECIMALS

ZIPPED = b"\x1f\x8b"  # first bytes of a gzip file
PLAYERS = 8  # BORIS has so many; we use the first
FORMAT = "7.0"  # of BORIS 7 and 8
LIMITS = "observation time interval"
UNSOUND = (KeyError, TypeError, ValueError, AttributeError, IndexError)  # from JSON of another layout


def read(path: Path, lengths: Callable[[str], float | None]) -> Annotation:
    """All observations of a project; one that cannot be read is noted, and refused when its video is asked for.

    lengths: seconds of a media file, where the project has no durations of queued videos. Raises NoHeader for a file
    of another kind; AmcError for a damaged project, and if none of its observations can be read.
    """
    project = _opened(path)
    acts, refused, shown, notes, labelled, predicted = [], {}, [], [], {}, {}
    try:
        types = {entry["code"]: "STATE" in entry["type"].upper() for entry in project["behaviors_conf"].values()}
        for name, observation in project["observations"].items():
            place = f"{path}: observation {name!r}"
            try:
                found = _players(place, name, observation, lengths)
                spans = _observed(place, observation, found)
                acts += _acts(place, name, observation, types, found)
                own = [video for player in found for video in player.names]
                shown += own
                if mark := _mark(project, observation):
                    predicted |= dict.fromkeys(own, mark)
                for video, *span in spans:
                    labelled.setdefault(video, []).append(tuple(span))
            except UNSOUND as error:
                why = str(error if isinstance(error, AmcError) else _unsound(place, "observation", error))
                refused |= dict.fromkeys(_videos(observation) or [name], why)
                notes.append(f"left out: {why}")
    except UNSOUND as error:
        raise _unsound(path, "project", error) from error
    if refused and not shown:
        raise AmcError(next(iter(refused.values())))
    notes += observed.queue_notes(acts)
    limited = {video: tuple(spans) for video, spans in labelled.items() if {*spans} != {WHOLE}}
    parts = [video for video, spans in limited.items() if WHOLE not in spans]
    notes += [f"{video}: only a part was observed (BORIS's {LIMITS}); other frames do not count" for video in parts]
    states = tuple(code for code, is_state in types.items() if is_state)
    return Annotation(
        str(path), observed.events(acts), tuple(notes), states, limited, tuple(dict.fromkeys(shown)), refused,
        predicted=predicted,
    )  # fmt: skip


def _mark(project: dict, observation: dict) -> str:
    """What to do, once it is corrected, with what marks an observation as a model's; empty for a human's."""
    comments = [event[4] for event in observation["events"] if len(event) > 4]
    places = {
        "description of its observation": [observation.get("description")],
        "description of the project": [project.get("project_description")],
        "comments of its events": comments,
    }
    found = [place for place, texts in places.items() if any(PREDICTED in str(text) for text in texts)]
    return f"delete the {' and the '.join(found)}" if found else ""


def _unsound(place: Path | str, what: str, error: Exception) -> AmcError:
    says = f"is no sound {what} of BORIS ({type(error).__name__}: {error})"
    return AmcError(f"{place}: {says}; open it in BORIS and save it again, or export its events as TSV")


def _opened(path: Path) -> dict:
    """The JSON of a project."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == ZIPPED else data
    except (OSError, EOFError, zlib.error) as error:
        raise AmcError(f"{path}: cannot be read ({error}); check the path, or save the project again") from error
    if not data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        raise NoHeader(f"{path}: no project of BORIS; save it in BORIS as .boris")
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except ValueError as error:
        raise AmcError(f"{path}: is a damaged project ({error}); save it in BORIS again") from error
    if not isinstance(found, dict) or not {"observations", "behaviors_conf"} <= found.keys():
        says = "JSON, but no project of BORIS (it has no observations, or no behaviors_conf)"
        raise (NoHeader if path.suffix.lower() == ".json" else AmcError)(f"{path}: {says}; give a .boris file")
    return found


def _videos(observation: dict) -> list[str]:
    try:
        files = observation["file"]
        return [name for number in sorted(files, key=int) for name in files[number]]
    except UNSOUND:
        return []


def _players(place: str, name: str, observation: dict, lengths: Callable[[str], float | None]) -> tuple[Player, ...]:
    """What the players of an observation show; a live observation has the name of the observation."""
    kind = observation.get("type", "MEDIA")
    if kind == "LIVE":
        return (Player((name,)),)
    if kind != "MEDIA":
        raise AmcError(f"{place}: of {kind.lower()}, not of a video; annotate the video in BORIS")
    files, info = observation["file"], observation.get("media_info") or {}
    numbers = [number for number in sorted(files, key=int) if files[number]]
    if not numbers:
        raise AmcError(f"{place}: names no media file; add its video in BORIS")
    known, delays = info.get("length") or {}, info.get("offset") or {}
    durations = [";".join(str(known.get(video, "NA")) for video in files[number]) for number in numbers]
    later = [float(delays.get(number) or 0) for number in numbers]
    return observed.players(place, [files[number] for number in numbers], durations, lengths=lengths, delays=later)


def _observed(place: str, observation: dict, shown: tuple[Player, ...]) -> list[tuple[str, float, float]]:
    """What was observed of each video: (video, first, stop), seconds; an empty span where it was nothing."""
    first, stop = map(float, observation.get(LIMITS) or (0, 0))
    names = [video for player in shown for video in player.names]
    if first == stop == 0:
        return [(video, *WHOLE) for video in names]
    if not 0 <= first < stop:
        raise AmcError(f"{place}: its {LIMITS} is {first:g} to {stop:g} s; correct it in BORIS")
    return [(video, 0.0, 0.0) for video in names] + [part for player in shown for part in player.pieces(first, stop)]


def _acts(place: str, name: str, observation: dict, types: dict[str, bool], shown: tuple[Player, ...]) -> list[Act]:
    """The events of an observation, paired."""
    offset, before, marks = _offset(place, observation, shown), Counter(), []
    written = [(delimited.number(str(time)), *others) for time, *others in observation["events"]]
    if wrong := [code for time, _, code, *_ in written if not isfinite(time)]:
        raise AmcError(f"{place}: the time of an event of {wrong[0]!r} is no number; correct it in BORIS")
    for time, subject, code, modifiers, *_ in sorted(written, key=lambda event: event[0]):
        if code not in types:
            raise AmcError(f"{place}: {code!r} is not in the project's ethogram; add it there in BORIS")
        second = round(time - offset, 9)
        if second < 0:
            raise AmcError(
                f"{place}: {code!r} at {time} s is before its start at {offset:g} s; correct its time offset"
            )
        who = ("" if subject in NOBODY else subject, (str(modifiers),))
        key = (code, *who)
        status = ("STOP" if before[key] % 2 else "START") if types[code] else "POINT"
        before[key] += 1
        marks.append((status, Act(place, code, second, second, shown, name, *who)))
    return observed.paired(marks)


def _offset(place: str, observation: dict, shown: tuple[Player, ...]) -> float:
    """Seconds that BORIS has added to the times of an observation."""
    offset = float(observation.get("time offset") or 0)
    if not observation.get("media_creation_date_as_offset"):
        return offset
    if shown[0].is_queue:
        raise AmcError(f"{place}: adds the creation times of several media files; annotate each in its own observation")
    return offset + float(observation["media_info"]["media_creation_time"][shown[0].names[0]])


def events(bouts: Sequence[Bout], edges: np.ndarray, *, stamp: str, subject: str = "") -> list[list]:
    """START and STOP of each bout as BORIS's events, in order of time. edges: (N + 1,) seconds."""
    marks = sorted((frame, bout.behaviour) for bout in bouts for frame in (bout.start, bout.stop))
    seconds = [round(float(edges[frame]), DECIMALS) for frame, _ in marks]
    return [[second, subject, name, "", stamp, frame] for second, (frame, name) in zip(seconds, marks, strict=True)]


def observation(events: Sequence[list], seconds: float, *, fps: float, media: str, stamp: str = "") -> dict:
    """A video of `seconds` with these events, which nobody has corrected. media: as from `media_path`."""
    says = f"{PREDICTED}. When you have corrected the events of this observation, delete its description."
    return {
        "file": {str(number + 1): [media] * (number == 0) for number in range(PLAYERS)},
        "type": "MEDIA",
        "date": "2000-01-01T00:00:00",  # BORIS needs one; when the video was taken is not known
        "description": f"{says} {stamp}".strip(),
        "time offset": 0.0,
        LIMITS: [0, 0],
        "independent_variables": {},
        "visualize_spectrogram": False,
        "visualize_waveform": False,
        "media_creation_date_as_offset": False,
        "media_scan_sampling_duration": 0,
        "image_display_duration": 1,
        "close_behaviors_between_videos": False,
        "media_info": {
            "length": {media: round(seconds, DECIMALS)},
            "fps": {media: round(fps, 3)},
            "hasVideo": {media: True},
            "hasAudio": {media: False},
            "offset": {"1": 0.0},
        },
        "events": list(events),
    }


def text(name: str, observations: Mapping[str, dict], behaviours: Sequence[str], *, stamp: str) -> str:
    """The project of these observations as JSON; behaviours: its ethogram."""
    says = "Predictions of a model. When you have corrected an observation, delete the description of the observation."
    subjects = enumerate(sorted({event[1] for found in observations.values() for event in found["events"]} - {""}))
    project = {
        "time_format": "hh:mm:ss",
        "project_date": "2000-01-01T00:00:00",
        "project_name": name,
        "project_description": f"{says} {stamp}".strip(),
        "project_format_version": FORMAT,
        "subjects_conf": {str(number): {"key": "", "name": name, "description": ""} for number, name in subjects},
        "behaviors_conf": {str(number): _state(code, number) for number, code in enumerate(behaviours)},
        "observations": dict(observations),
        "behavioral_categories": [],
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
    }
    return json.dumps(project, indent=1, ensure_ascii=False) + "\n"


def _state(code: str, number: int) -> dict:
    """A behaviour of the ethogram, with a key to press: a to z, then none."""
    key = chr(ord("a") + number) if number < 26 else ""
    empty = dict.fromkeys(("description", "category", "excluded", "coding map"), "")
    return {"type": "State event", "key": key, "code": code, "color": "", "modifiers": {}, **empty}


def media_path(video: Path, folder: Path) -> str:
    """How a project in `folder` names a video: from there if it lies below it, else by its whole path."""
    video, folder = video.absolute(), folder.absolute()
    return os.path.relpath(video, folder) if video.is_relative_to(folder) else str(video)
