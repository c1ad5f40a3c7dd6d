"""FERAL's labels (JSON), which BORIS exports since 9.7.15: a class, or a 0/1 per class, of every frame of every video.

Facts from the public source of FERAL 1.0.2 and BORIS 10.0.2: `class_names` by number as text; `labels` by file name, a
number per frame or, if `is_multilabel`, a list of 0 and 1; the class `other` is what BORIS calls no behaviour.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from amc.base.errors import AmcError
from amc.datasets.delimited import NoHeader
from amc.ethogram.bouts import from_frames
from amc.ethogram.events import PREDICTED, Annotation, Event, mark
from amc.ethogram.record import Ethogram, unique_name

NOTHING = ("other", "background", "none")
KEYS = {"class_names", "is_multilabel", "labels"}


def read(path: Path, lengths: Callable[[str], float | None]) -> Annotation:
    """The behaviours of each frame of all videos. lengths: not needed, as frames have no time.

    Raises NoHeader for a file of another kind; AmcError for labels that do not fit their classes.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig")) if path.suffix.lower() == ".json" else None
    except (OSError, ValueError) as error:
        raise AmcError(f"{path}: is no readable JSON ({error}); export it again") from error
    if not isinstance(found, dict) or not found.keys() >= KEYS:
        raise NoHeader(f"{path}: no labels of FERAL, which have the keys {', '.join(sorted(KEYS))}")
    events, labelled = [], {}
    try:
        names = [found["class_names"][str(k)] for k in range(len(found["class_names"]))]
        kept = [k for k, name in enumerate(names) if name.casefold() not in NOTHING]
        for video, frames in found["labels"].items():
            table, known = np.asarray(frames), range(2 if found["is_multilabel"] else len(names))
            is_known = np.isin(table, known).all()
            table = table if found["is_multilabel"] else table[:, None] == np.arange(len(names))
            if table.shape[1:] != (len(names),) or not is_known:
                each = f"{len(names)} numbers" if found["is_multilabel"] else "a number"
                raise ValueError(f"{video} has labels of other classes, expected {each} of 0 to {known[-1]} per frame")
            bouts = from_frames(table[:, kept] == 1, [names[k] for k in kept])
            events += [Event(video, name, float(start), float(stop), timed=False) for name, start, stop in bouts]
            labelled[video] = np.ones(len(table), bool)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise AmcError(
            f"{path}: is no sound file of FERAL ({type(error).__name__}: {error}); export it again"
        ) from error
    is_predicted = PREDICTED in str(found.get("description"))
    return Annotation(
        str(path), tuple(events), (), tuple(names[k] for k in kept), labelled, tuple(labelled),
        predicted=dict.fromkeys(labelled if is_predicted else (), "delete its description"),
    )  # fmt: skip


def text(shown: Ethogram) -> str:
    """A video's predictions in this form, for FERAL's split `inference`."""
    key = unique_name(shown.file, shown.subject)  # an animal has its own; a whole video that of its file
    head = {"description": mark(shown.stamp)}
    splits = {name: [] for name in ("train", "val", "test")} | {"inference": [key]}
    names = {str(c): name for c, name in enumerate(shown.names)}
    labels = {key: shown.frames.astype(int).tolist()}
    found = head | {"is_multilabel": True, "class_names": names, "labels": labels, "splits": splits}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) + "\n"
