"""Flow computed ahead is the flow that training and scoring ask for; a stopped run goes on; mistakes lose nothing."""

import shutil
from collections import namedtuple
from dataclasses import replace

import pytest

from amc import flow
from amc.__main__ import main
from amc.base.errors import AmcError
from amc.datasets import catalogue
from amc.runs import experiment, precompute
from amc.runs.ablation import ablation


@pytest.fixture
def cells(smoke_world):
    found = ablation(scheme="sparse", size="smoke", data_root=str(smoke_world))
    return [replace(cell, training=replace(cell.training, epochs=2)) for cell in found]


def run(cells, **options):
    said: list[str] = []
    return precompute.motion(cells, log=said.append, **options), said


def test_training_and_scoring_find_all_the_flow_that_was_computed_ahead(cells, monkeypatch):
    done, said = run(cells)
    assert (done.done, done.computed) == (72, 72)  # rgb needs none, flow and rgb+flow need the same
    assert said[-1].startswith("72 of 72 clips, 0 of them from the cache; 0 s left; 0 MB more needed")

    def refuse(*frames, **options):
        raise AssertionError("flow was computed again")

    monkeypatch.setattr(flow, "estimate", refuse)
    # The cost of a video is measured with nothing kept, and does compute.
    monkeypatch.setattr("amc.runs.cost.measure", lambda *given: {})
    (cell,) = (cell for cell in cells if cell.pixels.modality == "flow")
    assert experiment.run(cell, device="cpu").scores("test").ids.size == 24


def test_what_is_there_is_not_computed_again(cells):
    stopped = 0

    class Stop(Exception):
        pass

    def stop(line):
        nonlocal stopped
        stopped += 1
        if stopped == 10:
            raise Stop

    with pytest.raises(Stop):
        precompute.motion(cells, log=stop, every=0)
    done, _ = run(cells)
    assert (done.done, done.computed) == (72, 62)
    assert run(cells)[0].computed == 0


def test_a_video_that_cannot_be_read_is_named_after_the_others_are_done(smoke_world, tmp_path):
    shutil.copytree(smoke_world / "smoke", tmp_path / "animal_kingdom")
    root = tmp_path / "animal_kingdom"
    (cell,) = ablation(scheme="dense", modality="flow", size="smoke", data_root=str(smoke_world))
    cell = replace(cell, dataset="animal-kingdom", root=str(root))
    broken = sorted((root / "video").iterdir())[5]
    broken.write_bytes(broken.read_bytes()[:2000])
    with pytest.raises(AmcError, match=f"1 videos cannot be read, first .*{broken.name}.*python -m amc index"):
        run([cell])
    assert len(catalogue.load("animal-kingdom", root)) == 72
    assert main(["index", "animal-kingdom", str(root), "--workers", "1"]) == 1
    done, _ = run([cell])  # now it is known
    assert done.computed == 0 and done.clips == 71


def test_a_disk_that_will_not_do_is_told_before_it_is_full(cells, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 1))
    with pytest.raises(AmcError, match="GB more are needed, but .* 0 GB free"):
        run(cells)
    monkeypatch.undo()


def test_a_cache_that_cannot_be_written_is_told_at_the_first_clip(cells, monkeypatch, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "flow").touch()
    with pytest.warns(UserWarning, match="without this cache"), pytest.raises(AmcError, match="AMC_CACHE"):
        run(cells)


def test_cells_without_flow_are_refused(cells):
    with pytest.raises(AmcError, match="choose modality flow or"):
        run([cell for cell in cells if cell.pixels.modality == "rgb"])
