"""Ctrl-C at six moments of every command: `make test-faults`, or `python tests/stops.py [COMMAND …]`.

Moments are spread over the time that the command takes undisturbed. All that it has started has to end within ten
seconds, with one line on stderr and exit status 130, and the same command, run again, has to leave the same results.
papermill is another program, whose own status and line count: its kernel has to end, and the notebook to run again.
"""

import os
import re
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil
from command_cases import CASES, Case, content, enter, said, session, start, template, wait

MOMENTS, SECONDS = 6, 10  # seconds until all has ended
CELL = re.compile(r"(Executing|Ending) Cell \d")  # papermill's own log, of which some comes late


class Stop(NamedTuple):
    """How a command was stopped: after how long, how long its end took, and what was wrong."""

    moment: float
    seconds: float
    wrong: str


def undisturbed(case: Case, made: Path, folder: Path) -> tuple[dict[str, object], float]:
    """What a command leaves, and the seconds that it takes."""
    enter(folder, made)
    began = time.perf_counter()
    status = wait(start(case, folder))
    assert status == case.status, (case.name, status, (folder / "stderr").read_text()[-2000:])
    seconds = time.perf_counter() - began
    found = content(case, folder)
    assert found, f"{case.name}: left nothing"
    shutil.rmtree(folder)
    return found, seconds


def interrupted(case: Case, made: Path, folder: Path, moment: float) -> tuple[psutil.Process, int] | None:
    """A command that gets Ctrl-C after `moment` seconds, and the bytes that it had on stderr; None: it had ended."""
    enter(folder, made)
    process = start(case, folder)
    until = time.perf_counter() + moment
    while time.perf_counter() < until:
        if process.status() == psutil.STATUS_ZOMBIE:
            wait(process)
            return None
        time.sleep(0.01)
    begun = (folder / "stderr").stat().st_size if (folder / "stderr").exists() else 0
    os.killpg(process.pid, signal.SIGINT)
    return process, begun


def stop(case: Case, made: Path, folder: Path, moment: float, right: dict[str, object]) -> Stop:
    """Stop a command once, and run it again; a command that had ended is stopped earlier."""
    while (found := interrupted(case, made, folder, moment)) is None:
        shutil.rmtree(folder)
        moment *= 0.7
    process, begun = found
    began, started = time.perf_counter(), session(process)
    while process.status() != psutil.STATUS_ZOMBIE and time.perf_counter() - began < 3 * SECONDS:
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    left = psutil.wait_procs(started, timeout=max(0, SECONDS - seconds))[1]
    for late in [*left, *session(process), process]:
        if late.is_running() and late.status() != psutil.STATUS_ZOMBIE:
            late.kill()
    status, told = wait(process), [line for line in said(folder, begun) if not CELL.match(line)]
    wrong = [f"ended after {seconds:.1f} s"] * (seconds > SECONDS) + [f"{len(left)} processes left"] * bool(left)
    if case.name == "papermill":
        wrong += ["it says it has ended well"] * (status == 0 and content(case, folder) != right)
    elif status != case.status or told:  # it may have done its last step when the signal came
        wrong += [f"status {status}"] * (status != 130)
        is_told = len(told) == 1 and told[0].startswith("amc: stopped; ")
        wrong += [f"{len(told)} lines: {' / '.join(told[-3:])[:300]}"] * (not is_told)
    wrong += _again(case, folder, right)
    shutil.rmtree(folder)
    return Stop(moment, seconds, "; ".join(wrong))


def _again(case: Case, folder: Path, right: dict[str, object]) -> list[str]:
    is_done = content(case, folder) == right  # then a second call may also refuse, and has to change nothing
    status, found = wait(start(case, folder)), content(case, folder)
    if found == right and (is_done or status == case.status):
        return []
    other = sorted(name for name in {*right, *found} if right.get(name) != found.get(name))
    return [f"run again: status {status} {' / '.join(said(folder)[-2:])[:300]} {other[:5]}"]


def stops(place: Path, names: tuple[str, ...] = (), *, moments: int = MOMENTS) -> tuple[int, list[str]]:
    """Cases and failures; names: of some commands only."""
    made, cases, failed = place / "made", 0, []
    template(made)

    def fail(what: str) -> None:
        failed.append(what)
        print(what, flush=True)  # at once: the whole takes long

    for case in CASES:
        if names and case.name not in names:
            continue
        try:
            right, whole = undisturbed(case, made, place / "right")
        except AssertionError as error:
            fail(f"{case.name}: undisturbed: {error}")
            shutil.rmtree(place / "right")
            continue
        slowest = 0.0
        for k in range(moments):
            found = stop(case, made, place / "stopped", (k + 0.5) / moments * whole, right)
            cases, slowest = cases + 1, max(slowest, found.seconds)
            if found.wrong:
                fail(f"{case.name}: stopped after {found.moment:.2f} s: {found.wrong}")
        print(f"{case.name}: {whole:.1f} s whole, ends within {slowest:.1f} s, {len(failed)} failed so far", flush=True)
    return cases, failed


def main() -> int:
    """Stop every command, or those named; returns the exit status."""
    place = Path(os.environ.get("AMC_TEST_PLACE") or tempfile.mkdtemp())
    cases, failed = stops(place, tuple(sys.argv[1:]))
    print(f"{cases} stops, {len(failed)} failed", *failed, sep="\n")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
