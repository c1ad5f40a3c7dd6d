"""A stopped command says one line, how to go on, and is gone with everything that it started."""

import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from contextlib import suppress
from functools import wraps
from pathlib import Path

import psutil
import pytest
from IPython.core.interactiveshell import InteractiveShell

from amc import __main__ as cli
from amc.base import processes
from amc.base.errors import AmcError
from amc.cli import commands, videos

SECONDS = 10  # until everything is gone
GROUP, ALONE = os.killpg, os.kill  # a Ctrl-C in a terminal reaches all processes of a command, `kill -INT` one


@pytest.fixture(scope="module")
def places(tmp_path_factory, smoke_world) -> dict[str, str]:
    data, cache = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("cache")
    (data / "synth").symlink_to(smoke_world)
    (data / "animal_kingdom").symlink_to(smoke_world / "smoke")
    return os.environ | {"AMC_DATA": str(data), "AMC_CACHE": str(cache), "AMC_REPORTS": str(cache / "reports")}


def stopped(arguments, environment, *, send, number=signal.SIGINT, is_busy) -> tuple[int, list[str]]:
    """Status and lines of errors of a command that is stopped as soon as `is_busy` (its output, what it started)."""
    command = [sys.executable, "-u", "-m", "amc", *arguments]
    output, errors = Path(environment["AMC_CACHE"]) / "stdout", Path(environment["AMC_CACHE"]) / "stderr"
    with output.open("w") as out, errors.open("w") as err:
        running = subprocess.Popen(command, env=environment, stdout=out, stderr=err, start_new_session=True)
    process = psutil.Process(running.pid)
    try:
        while not is_busy(output.read_text(), process.children(recursive=True)):
            assert running.poll() is None, errors.read_text()
            time.sleep(0.05)
        started = [child for child in process.children(recursive=True) if "resource_tracker" not in told(child)]
        send(running.pid, number)
        assert not psutil.wait_procs(started, timeout=SECONDS)[1]
        status = running.wait(60)  # of which Python's own end takes the most, where other tests run beside this one
    finally:
        for left in [*processes_of(process), process]:
            with suppress(psutil.NoSuchProcess):
                left.kill()
    return status, errors.read_text().splitlines()


def told(process: psutil.Process) -> str:
    """The command line of a process, empty where it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def processes_of(process: psutil.Process) -> list[psutil.Process]:
    return process.children(recursive=True) if process.is_running() else []


@pytest.mark.parametrize(
    ("send", "number", "status"),
    [(GROUP, signal.SIGINT, 130), (ALONE, signal.SIGTERM, 143)],
)
def test_a_stopped_training_of_several_runs_starts_none_of_the_others(places, send, number, status):
    arguments = ["train", "--size", "smoke", "--workers", "2", "--epochs", "50", "--pretrained", "random"]
    arguments += ["--modality", "rgb"]
    found = stopped(arguments, places, send=send, number=number, is_busy=lambda said, children: "epoch 1/50" in said)
    begun = r"epoch \d+ \(\S+ rgb seed 0\)"
    assert found[0] == status and len(found[1]) == 1
    assert re.fullmatch(
        rf"amc: stopped; run the same again; it goes on from ({begun}(, {begun})*|epoch 1)", found[1][0]
    )


def test_workers_that_are_still_starting_say_nothing_when_they_are_stopped(places):
    arguments = ["train", "--size", "smoke", "--workers", "2", "--seeds", "9", "--pretrained", "random"]
    found = stopped(arguments, places, send=GROUP, is_busy=lambda said, children: len(children) >= 4)
    assert found == (130, ["amc: stopped; run the same again; it goes on from epoch 1"])


def has_kernel(said: str, children: list) -> bool:
    return any("ipykernel" in told(child) for child in children)


def test_a_stopped_reproduction_ends_papermill_and_its_kernel(places):
    status, lines = stopped(["reproduce", "--size", "smoke"], places, send=GROUP, is_busy=has_kernel)
    assert status == 130 and lines[-1] == f"amc: stopped; {cli.RESUME['reproduce']}"
    assert "Traceback" not in "".join(lines)


def test_what_a_killed_reproduction_has_started_ends_too(places):
    arguments = ["reproduce", "--size", "smoke"]
    assert stopped(arguments, places, send=ALONE, number=signal.SIGKILL, is_busy=has_kernel)[0] == -signal.SIGKILL


def test_a_stop_in_a_notebook_is_one_line_without_a_traceback(capsys):
    shell = InteractiveShell()
    shell.user_ns["processes"] = processes
    source = (
        "with processes.resumable(lambda: 'run the same again; it goes on from epoch 3'):\n    raise KeyboardInterrupt"
    )
    assert isinstance(shell.run_cell(source).error_in_exec, KeyboardInterrupt)
    assert capsys.readouterr().out.strip() == "stopped; run the same again; it goes on from epoch 3"


def test_the_innermost_work_says_how_it_goes_on():
    outer, inner = (processes.resumable(lambda name=name: name) for name in ("outer", "inner"))
    with pytest.raises(processes.Stopped) as stop, outer, inner:
        raise processes.Ended(signal.SIGTERM)
    assert (stop.value.advice, stop.value.signal) == ("inner", signal.SIGTERM)


def test_a_stopped_index_blames_no_video(places):
    def is_busy(said: str, children: list) -> bool:
        return any("video_reader" in told(child) for child in children)

    arguments = ["index", "animal-kingdom", "--workers", "2"]
    assert stopped(arguments, places, send=GROUP, is_busy=is_busy) == (
        130,
        [f"amc: stopped; {cli.RESUME['index']}"],
    )
    known = Path(places["AMC_CACHE"]) / "videos" / "animal-kingdom.jsonl"  # absent where no video was read yet
    assert not known.exists() or "reader ended" not in known.read_text()


def test_a_stopped_unpacking_leaves_no_cut_file(places, tmp_path):
    with (tmp_path / "zeros").open("wb") as file:
        file.truncate(400 << 20)
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        file.add(tmp_path / "zeros", "film.mp4")
    into = tmp_path / "into"
    try:
        found = stopped(
            ["unpack", str(tmp_path / "a.tar"), str(into)], places, send=GROUP, is_busy=lambda *now: into.exists()
        )
        assert found == (130, [f"amc: stopped; {cli.RESUME['unpack']}"])
        assert list(into.iterdir()) == []
    finally:
        (tmp_path / "a.tar").unlink()


@pytest.mark.parametrize(
    ("arguments", "function"),
    [
        (["reproduce"], "reproduce"), (["train"], "train"), (["predict", "v", "--out", "o"], "predict"),
        (["suggest", "v", "--model", "m", "--out", "o"], "suggest"),
        (["flow", "synth"], "flow"), (["flow", "train"], "flow_train"), (["index", "kabr"], "index"),
        (["unpack", "a", "b"], "unpack"), (["pretrain"], "pretrain"), (["report"], "report"),
        (["class"], "classes"), (["readme"], "readme"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("stop", "status"), [(KeyboardInterrupt(), 130), (processes.Ended(signal.SIGTERM), 143)])
def test_every_command_that_is_stopped_says_how_to_go_on(arguments, function, stop, status, monkeypatch, capsys):
    module = commands if hasattr(commands, function) else videos

    @wraps(getattr(module, function))
    def run(given):
        raise stop

    monkeypatch.setattr(processes, "end_children", lambda: None)
    monkeypatch.setattr(module, function, run)
    handler = signal.getsignal(signal.SIGINT)
    assert cli.main(arguments) == status
    name = " ".join(arguments[:2]) if arguments[:2] == ["flow", "train"] else arguments[0]
    expected = cli.RESUME.get(name, "the same command starts again")
    assert capsys.readouterr().err == f"amc: stopped; {expected}\n"
    assert signal.getsignal(signal.SIGINT) == handler and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_stop_before_the_options_are_read_is_one_line_too(monkeypatch, capsys):
    def stop(wanted):
        raise KeyboardInterrupt

    monkeypatch.setattr("amc.cli.parser.parser", stop)  # it imports torch, which takes seconds
    assert cli.main(["train", "--size", "smoke"]) == 130
    assert capsys.readouterr().err == f"amc: stopped; {cli.RESUME['train']}\n"


def test_a_stop_after_the_work_is_done_changes_nothing():
    code = """import atexit, os, signal
from amc import __main__ as cli
from amc.cli import commands

def readme(given):
    "Nothing."
    return 0

commands.readme = readme
atexit.register(os.kill, os.getpid(), signal.SIGINT)
cli.command()"""
    done = subprocess.run([sys.executable, "-c", code, "readme"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_worker_that_is_killed_is_one_line_whose_advice_works(monkeypatch):
    message = r"a worker process was killed, probably out of memory; set AMC_WORKERS=1 and run this again"
    with pytest.raises(AmcError, match=message), processes.pool(2) as pool:
        pool.submit(os._exit, 9).result()
    monkeypatch.setenv("AMC_WORKERS", "1")
    assert processes.count() == processes.count(5) == 1
    with processes.pool(processes.count()) as pool:
        assert list(pool.map(abs, [-1, -2])) == [1, 2]


def end_like_a_killed_process(number: int, log) -> None:
    log(f"job {number} runs")
    os._exit(number)


def test_of_jobs_whose_worker_is_killed_none_is_said_to_go_on():
    lines = []
    with pytest.raises(AmcError, match="a worker process was killed"):
        processes.side_by_side(end_like_a_killed_process, [9, 9, 9], work=[1, 1, 1], workers=2, log=lines.append)
    assert not [line for line in lines if "go on" in line or "left" in line]


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5"])
def test_a_wrong_number_of_workers_is_refused(monkeypatch, value):
    monkeypatch.setenv("AMC_WORKERS", value)
    with pytest.raises(AmcError, match=f"AMC_WORKERS: '{value}' is not a number of processes"):
        processes.count()


def test_without_the_variable_there_is_a_worker_per_core_or_as_many_as_fit(monkeypatch):
    monkeypatch.setenv("AMC_WORKERS", "")
    assert processes.count() == os.cpu_count() and processes.count(1) == 1


def test_a_block_that_is_interrupted_ends_its_workers_at_once():
    before = set(psutil.Process().children())
    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt), processes.pool(1) as pool:
        for _ in range(3):
            pool.submit(time.sleep, 600)
        raise KeyboardInterrupt
    assert time.perf_counter() - started < SECONDS
    left = [child for child in set(psutil.Process().children()) - before if not processes._cleans_up(child)]
    assert left == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_that_falls_into_a_destructor_is_asked_for_again(number):
    class Loses:
        def __del__(self):
            signal.raise_signal(number)

    with pytest.raises(KeyboardInterrupt) as stop, processes.stoppable():
        Loses()
        time.sleep(10)
    assert getattr(stop.value, "signal", signal.SIGINT) == number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_that_a_library_turns_into_an_error_of_its_own_is_the_stop_again(number):
    def library():
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            raise ValueError("could not determine the shape") from None

    usual = signal.getsignal(number)
    with pytest.raises(processes.Ended) as stop, processes.stoppable():
        library()
    assert stop.value.signal == number and signal.getsignal(number) == usual
    with pytest.raises(ValueError, match="of another kind"), processes.stoppable():
        raise ValueError("of another kind")


def test_workers_of_a_data_loader_do_not_see_a_ctrl_c_and_raise_no_error_when_they_are_killed():
    """The second Ctrl-C comes while they still import torch."""
    code = (
        "import os, signal, time\n"
        "from torch.utils.data import DataLoader\n"
        "from amc.base import processes\n"
        "if __name__ == '__main__':\n"
        "    items = processes.loading(DataLoader(range(10_000), num_workers=2, multiprocessing_context='spawn'))\n"
        "    for seconds in (0, 1):\n"
        "        try:\n"
        "            time.sleep(seconds)\n"
        "            os.killpg(0, signal.SIGINT)\n"
        "            time.sleep(10)\n"
        "        except KeyboardInterrupt:\n"
        "            pass\n"
        "    next(items)\n"
        "    processes.end_children()\n"
        "    print('ended', flush=True)\n"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, start_new_session=True)
    assert (made.returncode, made.stdout, made.stderr) == (0, "ended\n", "")
