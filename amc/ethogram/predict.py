"""Videos in, a folder of tables and pictures out: what `python -m amc predict` does.

The files of a video are written as soon as it is done, and the tables of the whole folder every few seconds: little is
lost by an interruption or a broken file. Broken files are reported at the end. A later call leaves out what is done
(`finished`) and extends the tables. They have the id of the run, which is that of model and options, in every row, and
report.json lists the sha256 of every video and file: results of two runs never stand in one table.

    <out>/bouts.csv          one tidy table of all bouts of all videos        <out>/<video>_….csv, .tsv  exports
    <out>/time_budget.csv    BORIS's time budget of each video                <out>/<video>_….png        figures
    <out>/time_bins.csv      the same of each time bin, if bins are asked for
    <out>/behaviours.csv     each threshold and its evidence                  <out>/report.json
    <out>/agreement.csv      with a human annotation, if one is given         <out>/points.csv  its point events
    <out>/predictions.boris  a project of all videos, to be corrected in BORIS
    <out>/finished.jsonl     what a later call continues from
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from amc.base import locks, processes, provenance
from amc.base.digests import digest
from amc.base.errors import AmcError, printable
from amc.base.paths import folder
from amc.base.progress import Log, headed
from amc.ethogram import again, annotations, crops, exports, finished, inputs, summary
from amc.ethogram.bouts import Rules
from amc.ethogram.comparison import check_subject
from amc.ethogram.crops import Job
from amc.ethogram.events import Annotation
from amc.ethogram.finished import Finished, Record
from amc.ethogram.formats import boris_project
from amc.ethogram.inputs import videos
from amc.ethogram.matching import key
from amc.ethogram.options import Options, check_rules
from amc.ethogram.predictor import DRAWN, REMEDY, VideoPredictor, stamp_on
from amc.ethogram.record import Ethogram

if TYPE_CHECKING:  # slow to import; not needed where all videos were done before
    from amc.ethogram.sliding_window import WindowScores

WRITE_INTERVAL = 15  # seconds after which the tables of all videos are written again
ZERO_SHOT_THRESHOLD = 0.5  # above it a name is more probable than all others together


@dataclass
class Report:
    """The result: what the tables are made of, not the ethograms themselves."""

    finished: dict[str, Finished] = field(default_factory=dict)  # all videos of the folder, of earlier calls too
    before: list[str] = field(default_factory=list)  # names of given videos that were done before
    failed: list[dict] = field(default_factory=list)
    general: list[str] = field(default_factory=list)  # notes about no video in particular
    left_out: list[str] = field(default_factory=list)  # files of the given folders that are not videos
    stamps: list[str] = field(default_factory=list)  # of the given videos, each once
    run: str = ""  # see `run_id`

    @property
    def done(self) -> list[dict]:
        """A row per video."""
        return [one.row for one in self.finished.values()]

    @property
    def notes(self) -> list[str]:
        """About the call, and about each video."""
        return self.general + [f"{one.name}: {note}" for one in self.finished.values() for note in one.notes]


def predict(
    sources: Sequence[str | Path], predictor: VideoPredictor, out: Path, options: Options, *, log: Log
) -> Report:
    """Predict on all videos and write everything into `out`. Each video is then either in `done` or in `failed`.

    A video that was done there before, with the same content, model and options, is left out. Raises AmcError for
    general mistakes before the first video, such as another process that writes into `out`, or videos there that were
    done with another model or options and are not given now; errors of single videos are in the report.
    """
    given, notes, left_out = videos(sources)
    out = folder(out)
    with locks.held(out):
        record = finished.read(out)
        known = record.videos.values()
        kept = finished.names(record.videos, given.values())
        taken = {name for one in known for name in (one.video, one.name)}
        named = inputs.named([*given.values()], kept=kept, taken=taken)
        summary.refuse_losing_corrections(out, record.projects)
        jobs = crops.jobs(named, crops.read(options.crop), taken={one.name: one.video for one in known})
        videos_in = {job.video for job in jobs.values()}
        lacking = [path for name, path in named.items() if name not in videos_in]
        notes += [f"{printable(path)}: left out, --crop has no boxes of it" for path in lacking]
        report = Report(general=notes, left_out=left_out)
        _predict(jobs, record, predictor, out, options, report, log)
    return report


def _predict(
    jobs: Mapping[str, Job], record: Record, predictor: VideoPredictor, out: Path, options: Options, report: Report,
    log: Log,
) -> None:  # fmt: skip
    """`predict` on videos, or animals in them, by name; record: of the folder."""
    paths = list(dict.fromkeys(job.path for job in jobs.values()))
    labels = [file for source in options.human for file in annotations.files(source)]
    _refuse_overwriting([*paths, *labels], list(jobs), out)
    check_rules(options.rules, options.own_threshold, predictor.names)
    threshold = thresholds(predictor, options.threshold, options.own_threshold)
    human = _human(options, jobs, record.videos)
    report.general += human.notes if human else ()
    facts = finished.run_facts(predictor, labels, _settings(options, jobs), threshold)
    report.run = finished.run_id(facts)
    verdicts = again.verdicts(record.videos, jobs, human, report.run, out)
    again.refuse_mixing(verdicts, out)
    report.stamps = warn(predictor, paths, log)
    again.tell(verdicts, record, facts, log)
    finished.remove(out, [record.videos[name] for name, why in verdicts.items() if why == again.GONE])
    report.before = [name for name in jobs if verdicts.get(name) == again.DONE]
    moved = {name: replace(record.videos[name], file=str(jobs[name].path)) for name in report.before}
    kept = {name: one for name, one in record.videos.items() if verdicts[name] in (again.DONE, again.KEPT)}
    report.finished = kept | moved
    if len(report.before) < len(jobs):
        predictor = predictor.to(options.device)
    if report.run not in record.runs:
        finished.begin(out, report.run, facts)
    for table in exports.TABLES:  # of an earlier run: whoever stops this one must not find them beside its files
        (out / table).unlink(missing_ok=True)
    if report.before:
        log(f"{len(report.before)} of {len(jobs)} videos were done before")
    behaviours = summary.behaviours(predictor, threshold, options.rules, options.threshold, options.own_threshold)
    origin, written = provenance.collect(), time.perf_counter()
    for place, (name, job) in enumerate(jobs.items(), start=1):
        if name not in report.before:
            told = headed(log, f"{place}/{len(jobs)} {name}")
            _predict_one(job, predictor, threshold, out, options, human, report, log=told)
        if time.perf_counter() - written > WRITE_INTERVAL or place == len(jobs):
            facts = _facts(report, options, origin, is_finished=place == len(jobs))
            summary.write(out, [*report.finished.values()], predictor, behaviours, facts)
            written = time.perf_counter()
    missing = jobs.keys() - report.finished.keys() - {row["video"] for row in report.failed}
    assert not missing, "a video is missing"


def _settings(options: Options, jobs: Mapping[str, Job]) -> dict:
    """The options that are a part of the run's id: not those that belong to single videos, such as tables of boxes."""
    is_table = any(job.crop and job.crop.is_track for job in jobs.values())
    return replace(options, crop="boxes" if is_table else options.crop).named


def _predict_one(
    job: Job, predictor: VideoPredictor, threshold: np.ndarray, out: Path, options: Options,
    human: Annotation | None, report: Report, *, log: Log,
) -> None:  # fmt: skip
    """One video, its files and its place in the report; an error in it must not stop the others."""
    from amc.ethogram import files
    from amc.ethogram.sliding_window import sliding_window

    path, crop = job.path, job.crop
    try:
        content = finished.content(path)  # before it is read: it may change
        seen = sliding_window(path, predictor, options.sliding, crop=crop, device=options.device, log=log)
        shown = ethogram(job.video, path, seen, predictor, threshold, options.rules)
        if crop and crop.is_track:
            first, stop = crop.span(shown.num_frames)
            shown = replace(shown, subject=crop.subject, span=(float(shown.edges[first]), float(shown.edges[stop])))
        tables, written, notes = files.write(shown, job, out, options, human)
        unlike = None if shown.is_out_of_distribution is None else float(shown.is_out_of_distribution.mean())
        one = Finished(
            job.video, shown.subject, str(path), content, crop.digest if crop else "", report.run,
            shown.num_frames, float(shown.edges[-1]), float(shown.fps), unlike, shown.stamp,
            [*notes, *seen.info.notes, *(crop.notes if crop else ())], {file.name: digest(file) for file in written},
            boris_project.events(shown.bouts, shown.edges, stamp=shown.stamp, subject=shown.subject),
            {table: finished.packed(rows) for table, rows in tables.items()}, again.names_in(human, job.video),
        )  # fmt: skip
        finished.add(out, one)
        alarm = f"; {100 * unlike:.0f} % of it is out-of-distribution" if unlike else ""
        report.finished[job.name] = one
        log(f"{one.seconds:.1f} s, {one.frames} frames, {len(shown.bouts)} bouts{alarm}")
    except Exception as error:
        processes.heed()
        said = printable(str(error) if isinstance(error, AmcError) else f"{type(error).__name__}, {error}")
        said = said if printable(path) in said else f"{printable(path)}: {said}"
        report.failed.append({"video": job.name, "file": printable(path), "error": said})
        log("failed, see the end")


def _facts(report: Report, options: Options, origin: dict, *, is_finished: bool) -> dict:
    """What the report says besides the videos that are done."""
    stamps = {one.stamp for one in report.finished.values()} - {""}
    return {
        "run": report.run, "is_finished": is_finished, "stamp": "; ".join(sorted({*report.stamps, *stamps})),
        "options": asdict(options), "failed": report.failed, "left_out": report.left_out, "notes": report.notes,
        "provenance": origin,
    }  # fmt: skip


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


def _human(options: Options, jobs: Mapping[str, Job], known: Mapping[str, Finished]) -> Annotation | None:
    """The human annotation; the videos have the durations that it may lack.

    A name that could also be that of another video of the folder, known from an earlier call, means neither.
    """
    if options.subject and not options.human:
        raise AmcError("subject: is one of the annotation's, and none is given; add --human, or leave it out")
    if not options.human:
        return None
    if options.subject and any(job.crop and job.crop.subject for job in jobs.values()):
        raise AmcError("subject: each track is compared with the subject of its own name; leave out --subject")
    given = {job.video: job.path for job in jobs.values()}
    found = annotations.read(*options.human, videos=list(given.values()))
    found = found.among(given, {one.video: Path(one.file) for one in known.values()})
    check_subject(found, options.subject)
    return found


def _refuse_overwriting(files: Sequence[Path], names: Sequence[str], out: Path) -> None:
    """Raise AmcError if an output of videos of these names would replace a given file, of video or annotation."""
    given = {key(str(file.resolve())): file for file in files}
    for file in inputs.outputs(names, out.resolve()):
        if key(str(file)) in given:
            raise AmcError(f"{printable(file)}: was given, and would be written over; choose another folder for --out")


def thresholds(
    predictor: VideoPredictor, by_hand: float, own: Mapping[str, float] = MappingProxyType({})
) -> np.ndarray:
    """One threshold per behaviour (C,): its `own`, else the given one (above 0), the validated one, or zero-shot's.

    Raises AmcError if there is none.
    """
    if isinstance(by_hand, bool) or not isinstance(by_hand, int | float) or not 0 <= by_hand <= 1:
        raise AmcError(f"threshold: {by_hand!r} is not allowed; give a probability up to 1, or 0 for validation's")
    if by_hand or predictor.is_softmax:
        common = np.full(len(predictor.names), float(by_hand or ZERO_SHOT_THRESHOLD))
    elif predictor.threshold is None and not own.keys() >= {*predictor.names}:
        raise AmcError("threshold: the model has no val.npz beside it to choose one; give one by hand, such as 0.5")
    else:
        common = np.ones(len(predictor.names)) if predictor.threshold is None else predictor.threshold
    return np.array([own.get(name, value) for name, value in zip(predictor.names, common, strict=True)], dtype=float)


def ethogram(
    name: str, path: Path, seen: "WindowScores", predictor: VideoPredictor, threshold: np.ndarray, rules: Rules
) -> Ethogram:
    """The scores of a video, frame by frame."""
    distance = None
    if predictor.detector is not None:
        distance = seen.spread(predictor.detector.distance(seen.embeddings)[:, None])[:, 0]
    fps = seen.info.fps if np.isfinite(seen.info.fps) else (len(seen.edges) - 1) / seen.edges[-1]
    support = tuple(row["training_clips"] for row in predictor.support) or None
    return Ethogram(
        name, printable(path.name), fps, seen.edges, predictor.names, seen.frame_probs, threshold, rules,
        stamp_on(predictor, path), distance, support, cuts=seen.cuts,
    )  # fmt: skip
