"""A BORIS project of videos with the model's bouts, so that correcting them is opening one file.

Bouts in, JSON out: an observation per video, a state event per behaviour, START and STOP of each bout in turn, as
BORIS 8 stores them. Its description says that no human has corrected it; training refuses it until that is deleted.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from amc.ethogram import exports
from amc.ethogram.bouts import Bout
from amc.ethogram.formats.boris_project import PREDICTED

PLAYERS = 8  # BORIS has so many; we use the first
FORMAT = "7.0"  # of BORIS 7 and 8


def events(bouts: Sequence[Bout], edges: np.ndarray, *, stamp: str, subject: str = "") -> list[list]:
    """START and STOP of each bout as BORIS's events, in order of time. edges: (N + 1,) seconds."""
    marks = sorted((frame, bout.behaviour) for bout in bouts for frame in (bout.start, bout.stop))
    seconds = [round(float(edges[frame]), exports.DECIMALS) for frame, _ in marks]
    return [[second, subject, name, "", stamp, frame] for second, (frame, name) in zip(seconds, marks, strict=True)]


def observation(events: Sequence[list], seconds: float, *, fps: float, media: str, stamp: str = "") -> dict:
    """A video of `seconds` with these events. media: as from `media_path`."""
    return {
        "file": {str(number + 1): [media] * (number == 0) for number in range(PLAYERS)},
        "type": "MEDIA",
        "date": "2000-01-01T00:00:00",  # BORIS needs one; when the video was taken is not known
        "description": stamp,
        "time offset": 0.0,
        "observation time interval": [0, 0],
        "independent_variables": {},
        "visualize_spectrogram": False,
        "visualize_waveform": False,
        "media_creation_date_as_offset": False,
        "media_scan_sampling_duration": 0,
        "image_display_duration": 1,
        "close_behaviors_between_videos": False,
        "media_info": {
            "length": {media: round(seconds, exports.DECIMALS)},
            "fps": {media: round(fps, 3)},
            "hasVideo": {media: True},
            "hasAudio": {media: False},
            "offset": {"1": 0.0},
        },
        "events": list(events),
    }


def text(name: str, observations: Mapping[str, dict], behaviours: Sequence[str], *, stamp: str) -> str:
    """The project of these observations as JSON; behaviours: its ethogram."""
    says = f"{PREDICTED} by a model and not corrected. When you have corrected the events, delete this description."
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
