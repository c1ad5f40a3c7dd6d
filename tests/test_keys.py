"""A run is known by what it computes, not by how its source is worded."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from amc.base.stages import STAGES
from amc.config import SIZES, Experiment
from amc.runs import experiment, keys
from amc.synth import generate


@pytest.fixture(scope="module")
def cell(smoke_world) -> Experiment:
    smoke = SIZES["smoke"]
    return replace(smoke, root=str(smoke_world), pretrained="random", pixels=replace(smoke.pixels, modality="rgb"))


@pytest.fixture
def key(cell):
    table = experiment.load(cell)
    return lambda cfg=cell, table=table: keys.key(cfg, table)


def test_the_key_is_the_same_for_the_same_cell(key, cell, tmp_path, monkeypatch):
    known = key()
    monkeypatch.chdir(tmp_path)
    assert known == key(replace(cell)) == key(cell, experiment.load(cell)) and len(known) == 20


def test_the_key_follows_every_part_of_the_configuration(key, cell):
    changes = [
        {"seed": 1},
        {"pretrained": "bundled"},
        {"validation": 0.2},
        {"sampling": replace(cell.sampling, scheme="dense")},
        {"sampling": replace(cell.sampling, frames=3)},
        {"pixels": replace(cell.pixels, modality="flow")},
        {"pixels": replace(cell.pixels, max_px=9.0)},
        {"training": replace(cell.training, lr=1e-3)},
    ]
    assert len({key(), *(key(replace(cell, **change)) for change in changes)}) == 1 + len(changes)


def test_the_key_follows_labels_and_names(key, cell):
    table = experiment.load(cell)
    clips = (replace(table.clips[0], labels=(0, 1, 2)), *table.clips[1:])
    others = [replace(table, clips=clips), replace(table, names=("Other", *table.names[1:])), table.split("train")]
    others += [replace(table, clips=(replace(table.clips[0], species="yeti"), *table.clips[1:]))]
    others += [replace(table, taxonomy={"zebra": ("fish",)})]  # what the species prior reads
    assert len({key(), *(key(table=other) for other in others)}) == 6


def test_the_key_follows_the_videos_and_not_where_they_lie(key, cell, tmp_path):
    table = experiment.load(cell)
    first = table.clips[0]
    copy = tmp_path / first.path.name
    copy.write_bytes(first.path.read_bytes())
    moved = replace(table, clips=(replace(first, path=copy), *table.clips[1:]))
    assert key(table=moved) == key() == key(replace(cell, root="elsewhere"))
    copy.write_bytes(table.clips[1].path.read_bytes())
    assert key(table=moved) != key()
    data = bytearray(first.path.read_bytes())
    data[-1] ^= 1  # the same size, and below the same time
    copy.write_bytes(data)
    os.utime(copy, ns=(first.path.stat().st_atime_ns, first.path.stat().st_mtime_ns))
    assert key(table=moved) != key()


def test_the_key_follows_what_the_annotation_says_of_lengths_and_the_index_of_damage(key, cell):
    table = experiment.load(cell)
    changes = {"num_frames": table.clips[0].num_frames + 1}, {"unreadable": "cannot be decoded"}
    others = [replace(table, clips=(replace(table.clips[0], **change), *table.clips[1:])) for change in changes]
    assert len({key(), *(key(table=other) for other in others)}) == 3


def test_the_key_follows_the_precision_of_products(key, monkeypatch):
    found = {key()}
    for named in ("float32", "bfloat16"):
        monkeypatch.setenv("AMC_PRODUCTS", named)
        found.add(key())
    assert len(found) == 2  # one of them is the machine's own


def test_the_key_follows_the_data_of_pre_training(key, cell, monkeypatch):
    pretrained = replace(cell, init_from="synth-menagerie")
    known, usual = key(pretrained), key()
    before = generate.digest
    monkeypatch.setattr(generate, "digest", lambda world: before(world) + "new" * (world is keys.MENAGERIE))
    assert key(pretrained) != known and key() == usual


@pytest.mark.parametrize("kind", ["bundled", "demo", "file", "flow", "network", "folder"])
def test_the_key_follows_the_content_of_weights(key, cell, tmp_path, monkeypatch, kind):
    monkeypatch.setenv("AMC_ROOT", str(tmp_path))
    name = "animalmotionclip-synth" if kind == "demo" else "synth-clip"
    file = tmp_path / "data" / "weights" / f"{name}.json"
    file.parent.mkdir(parents=True)
    flow = replace(cell.pixels, modality="flow", flow_method="raft-small", flow_weights=str(file))
    cfg = replace(cell, **{
        "bundled": {"pretrained": "bundled"}, "demo": {"init_from": "bundled"},
        "file": {"pretrained": str(file)}, "flow": {"pixels": flow},
        "network": {"init_from": str(file)}, "folder": {"init_from": str(file.parent)},
    }[kind])  # fmt: skip
    found = []
    for content in ("one", "two", "one"):
        file.write_text(content)
        os.utime(file, (0, len(found)))  # a new time for each: contents are remembered by size and time
        found.append(key(cfg))
    assert found[0] == found[2] != found[1]


def test_the_key_follows_the_number_of_every_stage_and_not_the_text_of_the_source(key, monkeypatch):
    before = key()
    found = {before}
    for stage, number in STAGES.items():
        monkeypatch.setitem(STAGES, stage, number + 1)
        found.add(key())
        monkeypatch.undo()
    assert len(found) == 1 + len(STAGES)
    generate._structure.cache_clear()  # a source that was read before would not be read again
    reads, read_text = [], Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, *given, **more: reads.append(path) or read_text(path, **more))
    assert key() == before
    assert {path.parent.name for path in reads if path.suffix == ".py"} == {"synth"}  # what draws the data counts


def test_a_folder_is_named_by_what_a_run_is_and_how_it_is_computed_does_not_count(cell):
    table = experiment.load(cell)
    place = keys.folder(cell, table)
    assert re.fullmatch(r"synth-smoke-sparse-rgb-seed-0-random-[0-9a-f]{10}", place.name)
    training = replace(cell.training, workers=3, memory_limit_gb=9, checkpointing=True)
    assert keys.folder(replace(cell, training=training), table) == place
