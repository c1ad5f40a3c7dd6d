"""An ethogram as files for behaviour software, each in its own convention; and one tidy table for a folder.

Each has frame index and time. Tables in, text out; `write` puts all files of one video into a folder.

    <video>_frames.csv        frame, time_s, a probability and a 0/1 column per behaviour: as many rows as frames
    <video>_predictions.csv   DeepEthogram: unnamed frame index, background, a 0/1 column per behaviour
    <video>_labels.csv        the same under the name that DeepEthogram searches for beside a video
    <video>_bouts.csv         SimBA's bouts: End_frame is the last frame of the bout, End Time the end of it
    <video>_vtrace.csv        V-TRACE's bouts, with a score each; beside a video it is to be called <video>.pred.csv
    <video>_feral.json        FERAL's labels: a list of 0 and 1 per frame
    <video>_boris.tsv         BORIS, aggregated events (version 9): image index stop is the first frame after the bout;
                              comments say that a model has predicted them, as in the next file
    <video>_boris_paste.tsv   six columns to paste into BORIS's table of events: no header, no newline at the end
    <video>_budget.csv        BORIS's time budget
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from amc.base import paths
from amc.datasets import delimited
from amc.ethogram.events import mark
from amc.ethogram.formats import feral
from amc.ethogram.record import DECIMALS, SUBJECT, Ethogram

SIMBA = ("Video", "Event", "Start_time", "End Time", "Start_frame", "End_frame", "Bout_time")
REPORT = "report.json"
RECORD = "finished.jsonl"  # what a later call continues from; from the first file on it tells that a folder is ours
TABLES = (  # of all videos of a run
    "bouts.csv", "time_budget.csv", "time_bins.csv", "agreement.csv", "points.csv", "behaviours.csv", REPORT,
    "predictions.boris", "predictions.untrusted.boris",
)  # fmt: skip
AGGREGATED = (
    "Observation id", "Observation date", "Description", "Observation type", "Source", "Time offset (s)",
    "Coding duration", "Media duration (s)", "FPS (frame/s)", "Subject",
    "Observation duration by subject by observation", "Behavior", "Behavioral category", "Modifier #1",
    "Behavior type", "Start (s)", "Stop (s)", "Duration (s)", "Media file name", "Image index start",
    "Image index stop", "Image file path start", "Image file path stop", "Comment start", "Comment stop",
)  # fmt: skip
TIDY = (
    "video", "subject", "behaviour", "start_frame", "stop_frame", "start_s", "stop_s", "duration_s", "mean_prob",
    "max_prob", "threshold", "out_of_distribution", "stamp",
)  # fmt: skip
UNKNOWN = "not known"  # whether a bout is unlike the training clips


def frames(shown: Ethogram) -> pd.DataFrame:
    """One row per frame: frame, time_s, `prob <behaviour>`, `<behaviour>` 0 or 1, distance from training if known."""
    table = {"frame": np.arange(shown.num_frames), "time_s": shown.edges[:-1].round(DECIMALS)}
    table |= {f"prob {name}": shown.probs[:, c].round(4) for c, name in enumerate(shown.names)}
    table |= {name: shown.frames[:, c].astype(int) for c, name in enumerate(shown.names)}
    if shown.distance is not None:
        table["distance_from_training"] = shown.distance.round(4)
    return pd.DataFrame(table | ({"stamp": shown.stamp} if shown.stamp else {}))


def deepethogram(shown: Ethogram) -> pd.DataFrame:
    """0/1 columns by frame; background marks the frames without any behaviour. -1 where the animal is not seen."""
    table = pd.DataFrame(shown.frames.astype(int), columns=list(shown.names))
    table.insert(0, "background", (~shown.frames.any(axis=1)).astype(int))
    first, stop = shown.span or (shown.edges[0], shown.edges[-1])
    table[(shown.edges[:-1] < first) | (shown.edges[:-1] >= stop)] = -1  # its mark of a frame that is not labelled
    return table


def simba(shown: Ethogram) -> pd.DataFrame:
    """One row per bout under SimBA's header."""
    rows = [(shown.name, b.behaviour, *_span(shown, b), b.start, b.stop - 1, _lasts(shown, b)) for b in shown.bouts]
    return pd.DataFrame(rows, columns=SIMBA)


def aggregated(shown: Ethogram) -> pd.DataFrame:
    """One row per bout as BORIS exports aggregated events; the stamp is in description and comment (`events.mark`)."""
    length = round(shown.edges[-1], DECIMALS)
    head = (shown.name, "", shown.stamp, "Media file(s)", f"player #1:{shown.file}", 0, length, length)
    rows = []
    for bout in shown.bouts:
        who = (round(shown.fps, 3), shown.subject or SUBJECT, length, bout.behaviour, "", "", "STATE")
        where = (shown.file, bout.start, bout.stop, "", "", mark(shown.stamp), "")
        rows.append((*head, *who, *_span(shown, bout), _lasts(shown, bout), *where))
    return pd.DataFrame(rows, columns=AGGREGATED)


def pasteable(shown: Ethogram) -> str:
    """A START and a STOP per bout, in order of time: time, subject, code, modifier, comment, frame index.

    BORIS takes exactly six columns in every line, so there is no header and no newline at the end.
    """
    events = [
        (shown.edges[frame], order, bout.behaviour, frame)
        for bout in shown.bouts
        for order, frame in ((1, bout.start), (0, bout.stop))  # at the same time, ends come first
    ]
    lines = [
        f"{time:.{DECIMALS}f}\t{shown.subject}\t{behaviour}\t\t{mark(shown.stamp)}\t{frame}"
        for time, _, behaviour, frame in sorted(events, key=lambda event: event[:2])
    ]
    return "\n".join(lines)


def vtrace(shown: Ethogram) -> pd.DataFrame:
    """One row per bout under V-TRACE's header; its score is the mean probability."""
    columns = {"behaviour": "labelId", "start_s": "timestamp", "stop_s": "endTimestamp", "mean_prob": "score"}
    return tidy(shown)[list(columns)].rename(columns=columns)


def tidy(shown: Ethogram) -> pd.DataFrame:
    """One row per bout for the table of a whole folder; `stop_frame` is the first frame after the bout."""
    rows, is_unlike = [], shown.is_out_of_distribution
    for bout in shown.bouts:
        c = shown.names.index(bout.behaviour)
        inside = shown.probs[bout.start : bout.stop, c]
        unlike = UNKNOWN if is_unlike is None else round(float(is_unlike[bout.start : bout.stop].mean()), 3)
        scores = (round(float(value), 4) for value in (inside.mean(), inside.max(), shown.threshold[c]))
        span = (bout.start, bout.stop, *_span(shown, bout), _lasts(shown, bout))
        rows.append((shown.video, shown.subject, bout.behaviour, *span, *scores, unlike, shown.stamp))
    return pd.DataFrame(rows, columns=TIDY)


def time_budget(shown: Ethogram) -> pd.DataFrame:
    """`Ethogram.budget` in BORIS's format: NA where a value is not defined; the stamp is a modifier."""
    return _in_boris_format(shown.budget(), shown)


def time_bins(shown: Ethogram, seconds: float) -> pd.DataFrame:
    """`Ethogram.bins` likewise."""
    return _in_boris_format(shown.bins(seconds), shown)


def _in_boris_format(table: pd.DataFrame, shown: Ethogram) -> pd.DataFrame:
    table = table.round(3).assign(Modifiers=shown.stamp)
    return table.astype(object).where(table.notna(), "NA")


def _span(shown: Ethogram, bout) -> tuple[float, float]:
    return tuple(round(float(shown.edges[frame]), DECIMALS) for frame in (bout.start, bout.stop))


def _lasts(shown: Ethogram, bout) -> float:
    return round(float(shown.edges[bout.stop] - shown.edges[bout.start]), DECIMALS)


def text(table: pd.DataFrame, *, separator: str = ",", has_index: bool = False) -> str:
    """A table as text, in which no name is a formula for a spreadsheet."""
    safe = table.map(delimited.escape).rename(columns=delimited.escape)
    return safe.to_csv(index=has_index, sep=separator)


FILES: dict[str, Callable[[Ethogram], str]] = {
    "frames.csv": lambda shown: text(frames(shown)),
    "predictions.csv": lambda shown: text(deepethogram(shown), has_index=True),
    "labels.csv": lambda shown: text(deepethogram(shown), has_index=True),
    "bouts.csv": lambda shown: text(simba(shown)),
    "vtrace.csv": lambda shown: text(vtrace(shown)),
    "feral.json": feral.text,
    "boris.tsv": lambda shown: text(aggregated(shown), separator="\t"),
    "boris_paste.tsv": pasteable,
    "budget.csv": lambda shown: text(time_budget(shown)),
}


def write(shown: Ethogram, folder: Path, *, stem: str) -> list[Path]:
    """Write every file of `FILES`, as `<stem>_<name>` in `folder`, each atomically. Raises AmcError."""
    return [paths.write_text(folder / f"{stem}_{name}", content(shown)) for name, content in FILES.items()]
