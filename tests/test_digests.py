"""Digests follow the content and nothing else; what is remembered of a file ends with any change of it."""

import os
import time

import pytest

from amc.base import digests, paths, sealed_lines
from amc.base.errors import AmcError


@pytest.fixture
def read(monkeypatch):
    """Files that are read to the end from now on."""
    seen, computed = [], digests._computed
    monkeypatch.setattr(digests, "_computed", lambda files: seen.extend(files) or computed(files))
    monkeypatch.setattr(digests, "SETTLED", 0)
    return seen


def test_a_file_is_read_once_and_by_no_later_process(tmp_path, read):
    file = tmp_path / "a.mp4"
    file.write_bytes(b"one")
    time.sleep(0.02)
    first = digests.digest(file)
    assert digests.digest(file) == first and read == [str(file)]
    digests._remembered.cache_clear()  # as in another process
    assert digests.digest(file) == first and read == [str(file)]


def test_another_content_of_the_same_size_and_time_is_noticed(tmp_path, read):
    file = tmp_path / "a.mp4"
    found = []
    for content in (b"one", b"two"):
        file.write_bytes(content)
        os.utime(file, (1, 1))
        time.sleep(0.02)
        found.append(digests.digest(file))
    (tmp_path / "b").write_bytes(b"one")
    os.utime(tmp_path / "b", (1, 1))
    os.replace(tmp_path / "b", file)
    assert digests.digest(file) == found[0] != found[1]


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path):
    file = tmp_path / "a.mp4"
    file.write_bytes(b"one")
    digests.digest(file)
    assert not (paths.cache() / "digests.jsonl").exists()


def test_a_damaged_memory_changes_no_digest(tmp_path, read):
    file = tmp_path / "a.mp4"
    file.write_bytes(b"one")
    time.sleep(0.02)
    right, memory = digests.digest(file), paths.cache() / "digests.jsonl"
    data = memory.read_bytes()
    for at in range(0, 8 * len(data), 7):
        flipped = bytearray(data)
        flipped[at // 8] ^= 1 << at % 8
        memory.write_bytes(flipped)
        digests._remembered.cache_clear()
        assert digests.digest(file) == right


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AmcError, match=r"pipe: cannot be read \(it is no regular file\)"):
        digests.digest(tmp_path / "pipe")


def test_lines_are_read_as_they_were_written_and_no_others(tmp_path):
    file, rows = tmp_path / "new" / "lines.jsonl", [["caf\udce8", 1, None], ["µ\n", 2.5, True], []]
    for row in rows:
        sealed_lines.append(file, row)
    assert sealed_lines.read(file) == (rows, 0) and sealed_lines.read(tmp_path / "none") == ([], 0)
    file.write_bytes(file.read_bytes()[:-4])
    sealed_lines.append(file, ["after a line that was cut"])
    assert sealed_lines.read(file) == ([*rows[:2], ["after a line that was cut"]], 1)
    with file.open("a") as added:
        added.write('\n["by hand", 3]\n7\n{"a": 1}\n')
    assert sealed_lines.read(file).damaged == 4
