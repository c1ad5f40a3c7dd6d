"""Videos in, a folder of tables and pictures out: what `python -m amc predict` does.

The files of a video are written as soon as it is done, and the tables of the whole folder every few seconds: little is
lost by an interruption or a broken file. Broken files are reported at the end. The tables of the folder have the id of
the run in every row, those of an earlier run are removed first, and report.json lists the sha256 of every file: what
another run left is not taken for a result of this one.

    <out>/bouts.csv          one tidy table of all bouts of all videos        <out>/<video>_….csv, .tsv  exports
    <out>/time_budget.csv    BORIS's time budget of each video                <out>/<video>_….png        figures
    <out>/behaviours.csv     each threshold and its evidence                  <out>/report.json
    <out>/agreement.csv      with a human annotation, if one is given         <out>/points.csv  its point events
    <out>/predictions.boris  a project of all videos, to be corrected in BORIS
"""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from amc.base import locks, provenance
from amc.base.digests import digest
from amc.base.errors import AmcError, printable
from amc.base.paths import atomic, folder
from amc.base.progress import Log
from amc.ethogram import agreement, annotated, annotations, exports, inputs, keys, project, timeline
from amc.ethogram.bouts import Rules
from amc.ethogram.comparison import check_subject, compare, points
from amc.ethogram.events import Annotation
from amc.ethogram.inputs import ENDINGS, UNTRUSTED, Inputs, videos
from amc.ethogram.predictor import DRAWN, REMEDY, VideoPredictor, stamp_on
from amc.ethogram.record import Ethogram
from amc.ethogram.run_id import run_id
from amc.ethogram.sliding_window import SlidingWindow, WindowScores, sliding_window
from amc.figures import ethogram as drawn
from amc.figures import key_frames, style

WRITE_INTERVAL = 15  # seconds after which the tables of all videos are written again
ZERO_SHOT_THRESHOLD = 0.5  # above it a name is more probable than all others together


@dataclass(frozen=True)
class Options:
    """Options of `predict`, besides videos and a model."""

    sliding: SlidingWindow = field(default_factory=SlidingWindow)
    rules: Rules = field(default_factory=Rules)
    threshold: float = 0.0  # for all behaviours; 0: chosen on validation data, or 0.5 for zero-shot
    annotate: bool = False  # also write a copy of each video with labels drawn into it
    human: tuple[str, ...] = ()  # files of human annotation, or folders of them, to compare with
    subject: str = ""  # of the annotation, to compare with; empty: each and all together
    device: str = "cpu"


@dataclass
class Report:
    """The result: the tables of the ethograms, not the ethograms themselves."""

    bouts: list[pd.DataFrame] = field(default_factory=list)
    budgets: list[pd.DataFrame] = field(default_factory=list)
    agreement: list[pd.DataFrame] = field(default_factory=list)
    points: list[pd.DataFrame] = field(default_factory=list)  # point events of the annotation
    observations: dict[str, dict] = field(default_factory=dict)  # of a BORIS project, by video
    done: list[dict] = field(default_factory=list)
    failed: list[dict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # files of the given folders that are not videos
    stamps: list[str] = field(default_factory=list)  # of all videos, each once
    run: str = ""  # see `run_id`
    files: dict[str, str] = field(default_factory=dict)  # sha256 of each video's files, by name
    origin: dict = field(default_factory=provenance.collect)  # code and versions


def predict(
    sources: Sequence[str | Path], predictor: VideoPredictor, out: Path, options: Options, *, log: Log
) -> Report:
    """Predict on all videos and write everything into `out`. Each video is then either in `done` or in `failed`.

    Raises AmcError for general mistakes before the first video, such as another process that writes into `out`; errors
    of single videos are in the report.
    """
    found, out = videos(sources), folder(out)
    with locks.held(out):
        return _predict(found, predictor, out, options, log)


def _predict(found: Inputs, predictor: VideoPredictor, out: Path, options: Options, log: Log) -> Report:
    named, notes, left_out = found
    labels = [file for source in options.human for file in annotations.files(source)]
    _refuse_overwriting([*named.values(), *labels], list(named), out)
    _refuse_losing_corrections(out)
    threshold = thresholds(predictor, options.threshold)
    human = _human(options, list(named.values()))
    report = Report(notes=notes + list(human.notes if human else ()), left_out=left_out)
    report.run = run_id(predictor, [*named.values(), *labels], asdict(options), threshold)
    for table in exports.TABLES:  # of an earlier run: whoever stops this one must not find them beside its files
        (out / table).unlink(missing_ok=True)
    predictor = predictor.to(options.device)
    report.stamps = warn(predictor, list(named.values()), log)
    written = time.perf_counter()
    for place, (name, path) in enumerate(named.items(), start=1):
        tell = partial(_tell, log, f"{place}/{len(named)} {name}")
        try:
            seen = sliding_window(path, predictor, options.sliding, device=options.device, log=tell)
            shown = ethogram(name, path, seen, predictor, threshold, options.rules)
            _write_one(shown, path, out, options, human, report)
            report.notes += [f"{name}: {note}" for note in seen.info.notes]
            report.done.append({"video": name, "file": printable(path), "frames": shown.num_frames, **_summary(shown)})
            tell(f"{shown.edges[-1]:.1f} s, {shown.num_frames} frames, {len(shown.bouts)} bouts{_alarm(shown)}")
        except Exception as error:  # an error in one video must not stop the others
            said = printable(str(error) if isinstance(error, AmcError) else f"{type(error).__name__}, {error}")
            said = said if printable(path) in said else f"{printable(path)}: {said}"
            report.failed.append({"video": name, "file": printable(path), "error": said})
            tell("failed, see the end")
        if time.perf_counter() - written > WRITE_INTERVAL or place == len(named):
            _write_all(report, predictor, out, options, threshold, is_finished=place == len(named))
            written = time.perf_counter()
    assert sorted(row["video"] for row in report.done + report.failed) == sorted(named), "a video is missing"
    return report


def warn(predictor: VideoPredictor, paths: Sequence[Path], log: Log) -> list[str]:
    """The stamps of a model on these videos, each once; they are logged, with what to do and what is not known."""
    stamps = sorted({stamp_on(predictor, path) for path in paths} - {""})
    for stamp in stamps:
        log(f"stamp: {stamp}")
    if any(DRAWN in stamp for stamp in stamps):
        log(f"stamp: {REMEDY}")
    if unknown := predictor.facts.get("unlike_training"):
        log(f"note: whether a video is unlike the training clips is {unknown}")
    return stamps


def _human(options: Options, paths: Sequence[Path]) -> Annotation | None:
    """The human annotation; the videos have the durations that it may lack."""
    if options.subject and not options.human:
        raise AmcError("subject: is one of the annotation's, and none is given; add --human, or leave it out")
    if not options.human:
        return None
    found = annotations.read(*options.human, videos=paths)
    check_subject(found, options.subject)
    return found


def _refuse_overwriting(files: Sequence[Path], names: Sequence[str], out: Path) -> None:
    """Raise AmcError if an output of videos of these names would replace a given file, of video or annotation."""
    given = {inputs.key(str(file.resolve())): file for file in files}
    for file in inputs.outputs(names, out.resolve()):
        if inputs.key(str(file)) in given:
            raise AmcError(f"{printable(file)}: was given, and would be written over; choose another folder for --out")


def _refuse_losing_corrections(out: Path) -> None:
    """Raise AmcError if a human has changed the BORIS project that an earlier run wrote."""
    written = {}
    with suppress(OSError, ValueError):  # no earlier run, or a report that is not ours
        written = json.loads((out / annotations.REPORT).read_text(encoding="utf-8")).get("project", {})
    for name, checksum in written.items():
        if (out / name).is_file() and digest(out / name) != checksum:
            says = "was changed since it was written, perhaps corrected, and would be written over"
            raise AmcError(f"{printable(out / name)}: {says}; move it, or choose another folder for --out")


def _tell(log: Log, head: str, line: str) -> None:
    log(f"{head}: {line}")


def thresholds(predictor: VideoPredictor, by_hand: float) -> np.ndarray:
    """One threshold per behaviour (C,): the given one (above 0), else the validated one, else the zero-shot default.

    Raises AmcError if there is none.
    """
    if isinstance(by_hand, bool) or not isinstance(by_hand, int | float) or not 0 <= by_hand <= 1:
        raise AmcError(f"threshold: {by_hand!r} is not allowed; give a probability up to 1, or 0 for validation's")
    if by_hand:
        return np.full(len(predictor.names), float(by_hand))
    if predictor.is_softmax:
        return np.full(len(predictor.names), ZERO_SHOT_THRESHOLD)
    if predictor.threshold is None:
        raise AmcError("threshold: the model has no val.npz beside it to choose one; give one by hand, such as 0.5")
    return np.asarray(predictor.threshold, dtype=float)


def ethogram(
    name: str, path: Path, seen: WindowScores, predictor: VideoPredictor, threshold: np.ndarray, rules: Rules
) -> Ethogram:
    """The scores of a video, frame by frame."""
    distance = None
    if predictor.detector is not None:
        each = predictor.detector.distance(seen.embeddings)[:, None]
        distance = timeline.spread(each, seen.windows, len(seen.edges) - 1)[:, 0]
    fps = seen.info.fps if np.isfinite(seen.info.fps) else (len(seen.edges) - 1) / seen.edges[-1]
    support = tuple(row["training_clips"] for row in predictor.support) or None
    return Ethogram(
        name, printable(path.name), fps, seen.edges, predictor.names, seen.frame_probs, threshold, rules,
        stamp_on(predictor, path), distance, support,
    )  # fmt: skip


def _summary(shown: Ethogram) -> dict:
    unlike = None if shown.is_out_of_distribution is None else float(shown.is_out_of_distribution.mean())
    return {"seconds": float(shown.edges[-1]), "bouts": len(shown.bouts), "out_of_distribution": unlike}


def _alarm(shown: Ethogram) -> str:
    if shown.is_out_of_distribution is None:
        return ""
    share = 100 * shown.is_out_of_distribution.mean()
    return f"; {share:.0f} % of it is out-of-distribution" if share > 0 else ""


def _write_one(
    shown: Ethogram, path: Path, out: Path, options: Options, human: Annotation | None, report: Report
) -> None:
    """Write all files of one video, replacing those of an earlier run, and add its rows to the tables of all videos."""
    for ending in ENDINGS:
        for earlier in (shown.video, f"{shown.video}{UNTRUSTED}"):
            (out / f"{earlier}{ending}").unlink(missing_ok=True)
    stem = shown.video + (UNTRUSTED if shown.stamp else "")  # other software's formats have no field for a stamp
    written = exports.write(shown, out, stem=stem)
    pictures = {"ethogram": drawn.ethogram(shown), "budget": drawn.time_budget(shown)}
    pictures["transitions"] = drawn.transitions(shown)
    if shown.bouts:
        pictures["key_frames"] = key_frames(**keys.frames(path, shown))
    if human:
        pictures |= _compared(shown, human, options.subject, report)
    for name, figure in pictures.items():
        written.append(style.write(figure, out / f"{stem}_{name}.png", f"{name} of {shown.video} {shown.stamp}"))
    if options.annotate:
        written.append(annotated.write(path, shown, out / f"{stem}{annotated.ENDING}"))
    report.files |= {file.name: digest(file) for file in written}
    report.bouts.append(exports.tidy(shown))
    media = project.media_path(path, out)
    report.observations[shown.video] = project.observation(
        shown.bouts, shown.edges, fps=shown.fps, media=printable(media), stamp=shown.stamp
    )
    budget = exports.time_budget(shown)
    budget.insert(0, "video", shown.video)
    report.budgets.append(budget)


def _compared(shown: Ethogram, human: Annotation, subject: str, report: Report) -> dict:
    """Figures of the agreement; for a video that the human has not annotated, only a note."""
    try:
        if len(instants := points(shown, human, subject=subject)):
            report.points.append(instants)
        table, parts, notes = compare(shown, human, subject=subject)
    except AmcError as error:
        report.notes.append(f"{shown.video}: not compared, {error}")
        return {}
    report.agreement.append(table)
    report.notes += [f"{shown.video}: {note}" for note in notes]
    confused = agreement.confusion(*(parts[key] for key in ("human", "model", "names", "edges", "counted")))
    return {"agreement": drawn.agreement(**parts), "confusion": drawn.confusion(confused, stamp=shown.stamp)}


def _write_all(
    report: Report, predictor: VideoPredictor, out: Path, options: Options, threshold: np.ndarray, *, is_finished: bool
) -> None:
    """Write the tables of all videos so far, and the report."""
    written = {"bouts": report.bouts, "time_budget": report.budgets}
    for name, tables in (written | {"agreement": report.agreement, "points": report.points}).items():
        if tables:
            whole = pd.concat(tables, ignore_index=True).assign(run=report.run)
            exports.write_text(out / f"{name}.csv", exports.text(whole))
    stamp = "; ".join(report.stamps)
    rows = [dict(row) for row in predictor.support] or [{"behaviour": name} for name in predictor.names]
    for row, value in zip(rows, threshold, strict=True):
        if options.threshold or predictor.is_softmax:
            row["threshold_from"] = "by hand" if options.threshold else "zero-shot default"
        row |= {"threshold": value, "stamp": stamp, "run": report.run}
    exports.write_text(out / "behaviours.csv", exports.text(pd.DataFrame(rows)))
    facts = {
        "run": report.run,
        "is_finished": is_finished,
        "stamp": stamp,
        "model": predictor.facts,
        "options": asdict(options),
    }
    facts["project"] = _write_project(report, predictor, out, stamp)
    facts |= {"done": report.done, "failed": report.failed, "left_out": report.left_out, "notes": report.notes}
    facts |= {"files": report.files, "provenance": report.origin}
    with atomic(out / "report.json") as temporary:
        temporary.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_project(report: Report, predictor: VideoPredictor, out: Path, stamp: str) -> dict[str, str]:
    """Write the BORIS project of all videos so far; its name and sha256."""
    names = (f"predictions{UNTRUSTED}.boris", "predictions.boris")
    name, other = names if stamp else names[::-1]
    (out / other).unlink(missing_ok=True)  # from an earlier run into the same folder
    exports.write_text(out / name, project.text("predictions", report.observations, predictor.names, stamp=stamp))
    return {name: digest(out / name)}
