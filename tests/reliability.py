"""What is promised about faults, tested: `make test-faults`, or `python tests/reliability.py [PART …]`.

Writes `reports/reliability.md`. A PART is the name of a function in PROMISES; the lines of the others stay.
"""

import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path

import damaged_videos
import promises
import read_only
import stops
from command_cases import CASES
from fault_kinds import KINDS
from fault_writers import WRITERS
from faults import DISKS, FLIPS, Result, clock_jumps, flips, full_disks, kills, random_kills, two_at_once

from amc.base import paths, provenance, seal

REPORT = Path(__file__).resolve().parents[1] / "reports" / "reliability.md"


def interrupts(place: Path) -> Result:
    """Ctrl-C at moments of every command."""
    return Result(*stops.stops(place))


def closed_folders(place: Path) -> Result:
    """Every command without the right to write to one of its folders."""
    return Result(*read_only.read_only(place))


def damages(place: Path) -> Result:
    """Damaged videos: those of which nothing is said, though a picture is wrong; and false alarms on intact ones."""
    found = damaged_videos.run(place, damaged_videos.SHARED if damaged_videos.SHARED.is_dir() else None)
    seal.write_json(REPORT.with_name("damaged_videos.json"), found | {"provenance": provenance.collect()}, indent=1)
    alarms = [f"{name}: {why}" for name, why in found["false_alarms"].items()]
    return Result(found["damaged"] + found["intact"], [*found["silent"], *alarms], known=damaged_videos.KNOWN)


PROMISES = (  # what is promised, how it is tested, the test
    ("A kill at any step loses nothing: run again, the same bits", "SIGKILL before each open, rename, fsync", kills),
    ("So does a kill at any moment", "SIGKILL after a random part of the time it takes", random_kills),
    ("A full disk is one line, and loses nothing", f"files of at most {', '.join(map(str, DISKS))} bytes", full_disks),
    ("Two processes at once do not mix their results", "two children on one folder", two_at_once),
    ("A wrong clock changes no result", "a year back, a year forward", clock_jumps),
    ("No flipped bit changes a result in silence", f"{FLIPS} bits of each of {len(KINDS)} files", flips),
    (
        "Ctrl-C ends a command within 10 s, by one line, and it goes on to the same result",
        f"SIGINT at {stops.MOMENTS} moments of each of {len(CASES)} commands",
        interrupts,
    ),
    (
        "A read-only folder changes no result, or is one line before any work (papermill's own file: its traceback)",
        f"output, cache, data and HOME of each of {len(CASES)} commands",
        closed_folders,
    ),
    (
        "A damaged video is told, or all its pictures are right; an intact one raises no alarm",
        f"{damaged_videos.FILES} damaged and {damaged_videos.INTACT} intact files",
        damages,
    ),
)


def main(parts: list[str]) -> int:
    """Test every promise, or the parts named, and write the report; returns the exit status."""
    warnings.simplefilter("ignore")
    before = REPORT.read_text(encoding="utf-8").splitlines() if REPORT.exists() else []
    lines, is_bad = [], False
    for promise, how, test in PROMISES:
        if parts and test.__name__ not in parts:
            kept = [line for line in before if line.startswith(f"| {promise} |")]
            lines += kept or [f"| {promise} | {how} | not run | | | |"]
            continue
        started, place = time.perf_counter(), Path(tempfile.mkdtemp())  # no child may remove it
        found = test(place)
        shutil.rmtree(place)
        is_bad |= len(found.failed) > found.known
        minutes = (time.perf_counter() - started) / 60
        counts = f"{found.cases} | {len(found.failed)}"
        lines.append(f"| {promise} | {how} | {counts} | {minutes:.1f} | {provenance.commit()} |")
        print(f"{promise}: {found.cases} cases, {len(found.failed)} failed, {minutes:.1f} minutes")
        print(*found.failed[:20], sep="\n")
    head = [
        "# Reliability",
        "",
        "Written by `make test-faults`: what was found, how many minutes it took, and the commit that it is of.",
        "",
        "| promise | how it is tested | cases | failed | minutes | commit |",
    ]
    same = ["", "| what changes | how far a result may differ | held by, in `tests` |", "|---|---|---|"]
    same += [f"| {what} | {how} | {test and f'`{test}`'} |" for what, how, test in promises.SAME]
    silent = f"Up to {damaged_videos.KNOWN} damaged videos show a wrong picture that nothing tells of"
    silent += ": `damaged_videos.json`. Nearly all are of codecs without a check."
    writers = ["", silent, "", "Writers that were disturbed: " + ", ".join(writer.name for writer in WRITERS) + "."]
    with paths.atomic(REPORT) as temporary:
        temporary.write_text(
            "\n".join([*head, "|---|---|---|---|---|---|", *lines, *writers, *same, ""]), encoding="utf-8"
        )
    return int(is_bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
