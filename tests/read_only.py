"""Every command with a read-only folder: `make test-faults`, or `python tests/read_only.py [COMMAND …]`.

In turn its output, the cache, the data and HOME. Either nothing has to be written there, and the results are the same;
or one line names the folder and says what to do, before anything is computed; of the file that papermill is told to
write, papermill itself says so, after a traceback of its own. root may write everywhere: it gives up
that right first. For Linux.
"""

import ctypes
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from command_cases import CASES, Case, content, enter, said, start, template, wait
from stops import undisturbed

OVERRIDE, PR_CAPBSET_DROP, VERSION_3 = 1, 24, 0x20080522  # of linux/capability.h and linux/prctl.h
WORK = re.compile(r"epoch \d|step \d|read \d+ of|of \d+ runs done|embedding|windows|\d+ clips cut")  # in what it prints
LINE = re.compile(r"amc: .*(choose another folder|set \w+ to)")


def close(folder: Path) -> None:
    """Take the right to write from a folder and all below it."""
    for place, _, _ in os.walk(folder):
        os.chmod(place, 0o555)


def drop(closed: Path) -> None:
    """Go on without root's right to write everywhere (CAP_DAC_OVERRIDE), also in programs that this one starts."""
    if os.getuid() == 0:
        _give_up()
    assert not os.access(closed, os.W_OK), closed


def _give_up() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    head, data = (ctypes.c_uint32 * 2)(VERSION_3, 0), (ctypes.c_uint32 * 6)()
    status = libc.prctl(PR_CAPBSET_DROP, OVERRIDE, 0, 0, 0) or libc.capget(head, data)
    for at in range(3):  # effective, permitted, inheritable
        data[at] &= ~(1 << OVERRIDE)
    if status or libc.capset(head, data):
        raise OSError(ctypes.get_errno(), "the right to write everywhere could not be given up")


def refused(case: Case, made: Path, folder: Path, target: str, right: Callable[[], dict[str, object]]) -> str:
    """What is wrong with a command where `target` cannot be written to; right: what it leaves elsewhere."""
    enter(folder, made)
    (folder / target).mkdir(parents=True, exist_ok=True)
    close(folder / target) if target != "." else os.chmod(folder, 0o555)
    for name in ("stdout", "stderr"):  # the folder may be closed
        (folder / name).touch()
    status, told = wait(start(case, folder, partial(drop, folder / target))), said(folder)
    found = content(case, folder)
    printed = WORK.search((folder / "stdout").read_text(errors="replace"))
    for place, _, _ in os.walk(folder):
        os.chmod(place, 0o755)
    shutil.rmtree(folder)
    if status == case.status:
        return "" if found == right() else "done, but not with the same results"
    if case.name == "papermill" and target == case.out:  # its own output file, of which it speaks itself
        is_told = told[-1].startswith("PermissionError") and f"{folder / target}" in told[-1] and not printed
        return "" if is_told else f"status {status}, {told[-1][:400]}"
    ours = [line for line in told if line.startswith("amc: ")]
    if len(ours) != 1 or len(told) > len(ours) or not LINE.match(ours[0]):
        return f"status {status}, {len(told)} lines: {' / '.join(told[-3:])[:400]}"
    if f"{folder / target}".rstrip("/.") not in ours[0]:
        return f"names another folder: {ours[0]}"
    return f"refused after work: {printed[0]}" if printed else ""


def read_only(place: Path, names: tuple[str, ...] = ()) -> tuple[int, list[str]]:
    """Cases and failures; names: of some commands only."""
    made, cases, failed = place / "made", 0, []
    template(made)
    for case in CASES:
        if names and case.name not in names:
            continue
        right = cache(partial(_right, case, made, place / "right"))
        for target in dict.fromkeys((case.out or "cache", "cache", "data", "home")):
            wrong = refused(case, made, place / "closed", target, right)
            cases += 1
            failed += [f"{case.name}: {target} is read-only: {wrong}"] * bool(wrong)
        print(f"{case.name}: {len(failed)} failed so far", flush=True)
    return cases, failed


def _right(case: Case, made: Path, folder: Path) -> dict[str, object]:
    return undisturbed(case, made, folder)[0]


def main() -> int:
    """Try every command, or those named; returns the exit status."""
    place = Path(os.environ.get("AMC_TEST_PLACE") or tempfile.mkdtemp())
    cases, failed = read_only(place, tuple(sys.argv[1:]))
    print(f"{cases} read-only folders, {len(failed)} failed", *failed, sep="\n")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
