"""What of a folder is done, when videos are given again: each finished video gets a verdict, which tells its reason.

The records of a folder and the videos of a call in, verdicts out. What is neither done nor of an earlier call is
predicted again, or refused: results of two runs never stand in one table.
"""

from collections.abc import Mapping
from pathlib import Path

from amc.base.errors import AmcError, printable
from amc.base.progress import Log
from amc.base.wording import first_few
from amc.ethogram import finished
from amc.ethogram.crops import Job
from amc.ethogram.events import Annotation
from amc.ethogram.finished import Finished, Record

DONE = "done before"
KEPT = "of an earlier call, and not given now"
GONE = "no boxes any more, so their rows and files are removed"
AGAIN = (CONTENT, BOXES, NAMES, FILES) = tuple(
    f"{what}, so predicted again"
    for what in ("another content than before", "other boxes", "other names in the annotation", "files that changed")
)
OPTIONS = "other options than before"
MIXED = "of another model, other options or annotation; give them again too, or choose another folder for --out"
WHOLE = "as a whole, of which boxes are given now; leave out --crop as before, or choose another folder for --out"
TRACKS = "in boxes that are not given now; give --crop as before, or choose another folder for --out"
REFUSED = (MIXED, WHOLE, TRACKS)


def verdicts(
    known: Mapping[str, Finished], given: Mapping[str, Job], human: Annotation | None, run: str, out: Path
) -> dict[str, str]:
    """One of the texts above for each finished video, or animal in it. given: what is to be predicted, by name."""
    tracked = {job.video: bool(job.crop and job.crop.is_track) for job in given.values()}

    def verdict(one: Finished) -> str:
        job = given.get(one.name)
        if job is None and tracked.get(one.video):
            return GONE if one.subject or (one.crop and one.run == run) else WHOLE
        if job is None and one.crop and one.video in tracked:
            return TRACKS
        if job is None:
            return KEPT if one.run == run else MIXED
        reasons = {
            OPTIONS: one.run != run,
            CONTENT: one.sha256 != finished.content(job.path),
            BOXES: one.crop != (job.crop.digest if job.crop else ""),
            NAMES: one.meant != names_in(human, one.video),
            FILES: not finished.is_intact(one, out),
        }
        return next((reason for reason, holds in reasons.items() if holds), DONE)

    return {name: verdict(one) for name, one in known.items()}


def names_in(human: Annotation | None, video: str) -> list[str]:
    """The names in the annotation that mean a video; they may be others after it, or another video, has moved."""
    return list(human.meant.written.get(video, ())) if human else []


def refuse_mixing(found: Mapping[str, str], out: Path) -> None:
    """Raise AmcError if the folder holds videos that could only stand beside the new ones as those of another run."""
    for reason in REFUSED:
        if names := _of(found, reason):
            raise AmcError(f"{printable(out)}: holds {len(names)} videos ({first_few(names)}) {reason}")


def tell(found: Mapping[str, str], record: Record, now: Mapping, log: Log) -> None:
    """Log what is predicted again, or removed, and why. now: `finished.run_facts` of the call."""
    if names := _of(found, OPTIONS):
        before = record.runs.get(record.videos[names[0]].run, now)  # records of before do not know them
        which = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        says = f" ({', '.join(which)})" if which else ""
        log(f"{OPTIONS}{says}: {'the other' if DONE in found.values() else 'all'} videos are predicted again")
    for reason in (GONE, *AGAIN):
        if names := _of(found, reason):
            log(f"{reason}: {first_few(names)}")


def _of(found: Mapping[str, str], reason: str) -> list[str]:
    return [name for name, why in found.items() if why == reason]
