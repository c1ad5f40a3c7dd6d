"""A part of `make test-faults`: each writer is killed at some steps, meets a full disk, and runs twice at once."""

import warnings

import faults
import pytest
from fault_writers import WRITERS


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_a_writer_that_was_killed_leaves_the_same_bits_when_it_runs_again(writer, tmp_path):
    found = faults.kills(tmp_path, (writer,), every=17)
    assert found.failed == [] and found.cases >= 3


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_a_full_disk_is_one_line_and_two_at_once_do_not_mix(writer, tmp_path):
    (tmp_path / "two").mkdir()
    assert faults.full_disks(tmp_path, (writer,), disks=(64,)).failed == []
    assert faults.two_at_once(tmp_path / "two", (writer,), each=1).failed == []


def test_a_writer_that_loses_a_file_would_be_noticed(tmp_path):
    def forgetful(folder):
        if not (folder / "out").exists():
            (folder / "out").mkdir()
            (folder / "out" / "a").write_text("a")

    writer = WRITERS[0]._replace(act=forgetful, results="out/*")
    assert len(faults.kills(tmp_path, (writer,)).failed) == 1


@pytest.fixture(autouse=True)
def silent():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
