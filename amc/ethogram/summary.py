"""The tables of a whole folder, its BORIS project and its report, from the finished videos."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd

from amc.base.errors import AmcError, printable
from amc.base.paths import write_text
from amc.ethogram import exports, finished
from amc.ethogram.bouts import Rules
from amc.ethogram.finished import Finished
from amc.ethogram.formats import boris_project
from amc.ethogram.matching import UNTRUSTED
from amc.ethogram.predictor import VideoPredictor

PROJECTS = ("predictions.boris", f"predictions{UNTRUSTED}.boris")
OF_VIDEOS = ("bouts", "time_budget", "time_bins", "agreement", "points")  # tables that hold rows of several videos


def write(
    out: Path, videos: Sequence[Finished], predictor: VideoPredictor, behaviours: Sequence[Mapping], facts: Mapping
) -> None:
    """Write all of it. behaviours: rows of that table; facts: of the report, with `run` and `stamp`."""
    for name in OF_VIDEOS:
        whole = finished.table(videos, name)
        if whole is not None:
            write_text(out / f"{name}.csv", exports.text(whole.assign(run=facts["run"])))
    whole = pd.DataFrame(behaviours).assign(stamp=facts["stamp"], run=facts["run"])
    write_text(out / "behaviours.csv", exports.text(whole))
    written = _write_project(out, videos, predictor.names, stamp=facts["stamp"])
    report = {**facts, "model": predictor.facts, "project": written, "done": [one.row for one in videos]}
    report["files"] = {name: sha256 for one in videos for name, sha256 in one.files.items()}
    write_text(out / exports.REPORT, json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def behaviours(
    predictor: VideoPredictor, threshold: np.ndarray, rules: Rules, by_hand: float, own: Collection[str]
) -> list[dict]:
    """A row per behaviour: its threshold, where that is from, its evidence, its rules.

    threshold: (C,); by_hand: the one that was given for all behaviours, or 0; own: behaviours that have another one.
    """
    rows = [dict(row) for row in predictor.support] or [{"behaviour": name} for name in predictor.names]
    for row, value in zip(rows, threshold, strict=True):
        if row["behaviour"] in own:
            row["threshold_from"] = "its own rules"
        elif by_hand or predictor.is_softmax:
            row["threshold_from"] = "by hand" if by_hand else "zero-shot default"
        kept = rules.of(row["behaviour"])
        row |= {"threshold": value, "min_bout": kept.min_seconds, "max_gap": kept.max_gap}
    return rows


def _write_project(out: Path, videos: Sequence[Finished], names: Sequence[str], *, stamp: str) -> dict[str, str]:
    """Write the BORIS project of all videos; its name and sha256."""
    name, other = PROJECTS[::-1] if stamp else PROJECTS
    (out / other).unlink(missing_ok=True)  # from an earlier run into the same folder
    observations = {}
    for video in dict.fromkeys(one.video for one in videos):
        [first, *_] = own = [one for one in videos if one.video == video]  # the animals of a video are its subjects
        media = printable(boris_project.media_path(Path(first.file), out))
        events = sorted((event for one in own for event in one.events), key=itemgetter(0))
        observations[video] = boris_project.observation(
            events, first.seconds, fps=first.fps, media=media, stamp=first.stamp
        )
    text = boris_project.text("predictions", observations, names, stamp=stamp)
    written = {name: hashlib.sha256(text.encode()).hexdigest()}
    finished.add_project(out, name, written[name])  # first: after a kill it must not look as if a human had changed it
    write_text(out / name, text)
    return written


def refuse_losing_corrections(out: Path, written: set[tuple[str, str]]) -> None:
    """Raise AmcError if a human has changed a BORIS project of this folder. written: as `finished.read` gives it."""
    for name in PROJECTS:
        if (out / name).is_file() and (name, finished.content(out / name)) not in written:
            says = "was changed since it was written, perhaps corrected, and would be written over"
            raise AmcError(f"{printable(out / name)}: {says}; move it, or choose another folder for --out")
