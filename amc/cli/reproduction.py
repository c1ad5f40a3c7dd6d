"""Execute notebooks with papermill, two at once: while one trains on all cores, the other fills its pauses."""

import os
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass, field
from pathlib import Path

from amc.base import paths, processes
from amc.base.errors import AmcError
from amc.runs import notebooks
from amc.runs.report import seconds, tidy

AT_ONCE = 2


@dataclass
class Reproduction:
    """One call of `python -m amc reproduce`."""

    names: Sequence[str]  # in the order in which they start
    named: Sequence[str]  # the ones that run even if nothing has changed
    reports: Path
    size: str
    seeds: str
    started: float = field(default_factory=time.perf_counter)
    is_stopped: threading.Event = field(default_factory=threading.Event)

    def execute(self) -> int:
        """Returns 0, or the exit status of the first notebook that failed; the others are then stopped."""
        jobs: dict[str, Future] = {}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for name in self.names:
                jobs[name] = pool.submit(self._run, name, jobs.get(notebooks.NEEDS.get(name)))
            try:
                return next((job.result() for job in as_completed(jobs.values()) if job.result()), 0)
            finally:  # after a failure or a Ctrl-C, some are not done; one may be about to start
                while wait(jobs.values(), timeout=0).not_done:
                    self.is_stopped.set()
                    processes.end_children()
                    wait(jobs.values(), timeout=0.1)

    def _run(self, name: str, needed: Future | None) -> int:
        """Execute one notebook, unless it is up to date, after the one that it needs."""
        if self.is_stopped.is_set() or (needed and needed.result()):
            return 1
        done = Path(os.path.relpath(self.reports, paths.root())) / f"{name}.ipynb"
        (paths.root() / done).parent.mkdir(parents=True, exist_ok=True)
        record = self.reports / "results" / f"{name}.json"
        source = notebooks.made_from(name, self.size, self.seeds)
        place = f"{self.names.index(name) + 1} of {len(self.names)}: {name}"
        if name not in self.named and notebooks.is_made(paths.root() / done, record, source):
            print(f"\n=== {place} is up to date", flush=True)
            return 0
        print(f"\n=== {place} ({self._progress(name)})", flush=True)
        unfinished = done.with_suffix(".unfinished.ipynb")
        command = [sys.executable, "-m", "papermill", f"notebooks/{name}.ipynb", str(unfinished)]
        command += ["--log-output", "--no-progress-bar"]
        for pair in notebooks.parameters(name, self.size, self.seeds).items():
            command += ["-p", *pair]
        earlier = _inode(record)
        status = processes.run(command, cwd=paths.root(), environment=self._environment())
        if self.is_stopped.is_set():
            return status or 1
        if status or _inode(record) in (None, earlier):  # its last cell writes the record
            self.is_stopped.set()
            print(f"amc: {name} failed; what it did until then is in {unfinished}", file=sys.stderr)
            return status or 1
        tidy(paths.root() / unfinished, paths.root() / done)
        notebooks.note_made(paths.root() / done, source)
        return 0

    def _progress(self, name: str) -> str:
        """The minutes so far, and those left by the times of the last run: of the longest chain of notebooks."""
        spent = f"{(time.perf_counter() - self.started) / 60:.1f} min so far"
        later = self.names[self.names.index(name) :]
        lasting = {each: seconds(self.reports, each) for each in later}
        if None in lasting.values():
            return spent
        left = max(lasting[each] + lasting.get(notebooks.NEEDS.get(each), 0) for each in later)
        return f"{spent}, about {left / 60:.0f} min left by the times of the last run"

    def _environment(self) -> dict[str, str]:
        own = {"AMC_ROOT": str(paths.root()), "AMC_REPORTS": str(self.reports)}
        return os.environ | own | _runtime()


def _inode(path: Path) -> int | None:
    """What differs between a file and the one that `paths.atomic` puts in its place; None if there is none."""
    return path.stat().st_ino if path.exists() else None


def _runtime() -> dict[str, str]:
    """Where kernels note how to reach them: in the cache if HOME cannot be written to."""
    from jupyter_core.paths import jupyter_runtime_dir

    try:
        paths.check_writable(jupyter_runtime_dir())
    except AmcError:
        return {"JUPYTER_RUNTIME_DIR": str(paths.cache() / "jupyter")}
    return {}
