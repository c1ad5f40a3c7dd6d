"""Of two processes in one folder the second one waits or is refused, and a killed owner keeps nobody out."""

import signal
import subprocess
import sys
import threading
import time

import pytest

from amc.base import locks
from amc.base.errors import AmcError

HOLD = "import sys, time; from pathlib import Path; from amc.base import locks\n"
HOLD += "with locks.held(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"


@pytest.fixture
def owner(tmp_path):
    """Another process that has the lock of tmp_path."""
    running = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert running.stdout.readline() == "held\n"
    yield running
    running.kill()
    running.wait()


def test_the_second_is_refused_with_the_name_of_the_first(tmp_path, owner):
    says = rf"process {owner.pid} of \S+ on \S+, since .* is writing here; wait"
    with pytest.raises(AmcError, match=says) as error, locks.held(tmp_path):
        pytest.fail("two at once")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_the_second_waits_until_the_first_has_ended_however_that_is(tmp_path, owner, end):
    lines = []
    threading.Timer(1, owner.send_signal, [end]).start()
    started = time.perf_counter()
    with locks.held(tmp_path, log=lines.append):
        assert 0.9 < time.perf_counter() - started < 20
    assert len(lines) == 1 and lines[0].startswith(f"waits for process {owner.pid} ")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_free_after_its_block_also_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), locks.held(tmp_path):
        assert (tmp_path / locks.NAME).exists()
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with locks.held(tmp_path), pytest.raises(AmcError, match="is writing here"), locks.held(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path):
    with pytest.raises(AmcError, match="absent: cannot be written to"), locks.held(tmp_path / "absent"):
        pass
