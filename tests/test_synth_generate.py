"""Synth Kingdom on disk: Animal Kingdom's own files, the same bits every time, nothing drawn twice, nothing stale."""

import csv
import hashlib
import json
import shutil
from dataclasses import replace
from itertools import product

import av
import numpy as np
import pytest
from serial import Serial

from amc import video
from amc.base.errors import AmcError
from amc.datasets import animal_kingdom, catalogue, drawn_world
from amc.synth import generate, scene
from amc.synth.behaviours import NAMES
from amc.synth.drawn import Drawn
from amc.synth.kingdom import KINGDOM
from amc.synth.menagerie import MENAGERIE
from amc.synth.species import SPECIES
from amc.synth.world import Split, World


@pytest.fixture
def few(monkeypatch) -> World:
    """A Kingdom of two training clips and one test clip, drawn in this process."""
    monkeypatch.setattr(generate.processes, "pool", Serial)
    return replace(KINGDOM, sizes={"smoke": {"train": Split(2), "val": Split(0), "test": Split(1)}})


@pytest.fixture
def drawn(monkeypatch):
    """Seeds of the scenes that are drawn from now on."""
    seeds, compose = [], scene.compose
    monkeypatch.setattr(
        scene, "compose", lambda script, seed, **rest: seeds.append(seed) or compose(script, seed, **rest)
    )
    return seeds


def content(root) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_the_files_are_animal_kingdoms(smoke_world):
    root = smoke_world / "smoke"
    first = next((root / "annotation" / "train.csv").open()), *(root / "annotation" / "train.csv").open()
    name, _, labels, _ = generate.plan_clip("train", 0)
    assert first[0] == "original_vido_id video_id frame_id path labels type\n"
    assert first[2] == f"{name} 1 1 {name}/{name}_t000001.jpg {','.join(map(str, labels))} train\n"
    actions = list(csv.DictReader((root / "annotation" / "actions.csv").open()))
    assert [(int(row["Label"]), row["Action"]) for row in actions] == list(enumerate(NAMES))
    metadata = {row["video_id"]: row for row in csv.DictReader((root / "annotation" / "metadata.csv").open())}
    assert {path.stem for path in (root / "video").iterdir()} == set(metadata)
    assert all(len(name) == 8 and name.isalpha() and name.isupper() for name in metadata)


def test_animal_kingdoms_reader_reads_every_clip(smoke_world):
    table = animal_kingdom.index(smoke_world / "smoke", name="synth-smoke")
    assert table.counts() == {"train": 48, "test": 24} and table.names == NAMES and not table.notes
    table = catalogue.load("synth", smoke_world, size="smoke")
    assert table.counts() == {"train": 40, "val": 8, "test": 24} and not table.notes
    for split in generate.SPLITS:
        for index, clip in enumerate(table.split(split).clips):
            name, script, labels, _ = generate.plan_clip(split, index)
            assert (clip.id, clip.labels, clip.species) == (name, labels, script.species)
            assert clip.num_frames == round(24 * script.seconds) == video.probe(clip.path).num_frames
    assert len({clip.group for clip in table.clips}) == len(table)


def test_a_split_has_enough_positives_of_every_behaviour_and_grows_only_by_its_rare_ones():
    sizes, numbers = generate.KINGDOM.sizes, {}
    for size, split in product(("quick", "standard"), ("val", "test")):
        count, least = sizes[size][split]
        numbers[size, split] = found = generate.chosen(split, size)
        matrix = np.zeros((len(found), len(NAMES)), bool)
        for row, number in zip(matrix, found, strict=True):
            row[list(generate.plan_clip(split, number)[2])] = True
        assert found[:count] == list(range(count)) and (matrix.sum(axis=0) >= least).all()
        for last in range(count, len(found)):  # every clip beyond the first ones has a behaviour that was short
            assert (matrix[:last].sum(axis=0)[matrix[last]] < least).any()
        assert set(numbers["quick", split]) <= set(found)
    for size, least_test, least_val in (("quick", 20, 10), ("standard", 50, 25)):
        assert (sizes[size]["test"].least, sizes[size]["val"].least) == (least_test, least_val)
        assert not sizes[size]["train"].least


def test_unseen_species_are_in_the_test_split_only(smoke_world):
    table = catalogue.load("synth", smoke_world, size="smoke")
    unseen = [clip.split for clip in table.clips if SPECIES[clip.species].unseen]
    assert unseen and set(unseen) == {"test"}


def test_videos_are_h264_at_128_px_and_24_frames_a_second(smoke_world):
    path = next((smoke_world / "smoke" / "video").iterdir())
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 128, 128)
        assert stream.average_rate == 24


def test_videos_show_the_frames_that_the_renderer_draws(smoke_world):
    name, script, _, seed = generate.plan_clip("test", 1)
    stage = scene.compose(script, seed)
    stored = video.read_frames(smoke_world / "smoke" / "video" / f"{name}.mp4", [0, 9])
    for frame, index in zip(stored, (0, 9), strict=True):
        error = np.abs(frame.permute(1, 2, 0).numpy().astype(int) - scene.frame(stage, index)).mean()
        assert error < 8  # H.264 at half the colour resolution; a frame of another clip is off by 40


def test_clip_k_has_the_same_bits_at_every_size_and_in_every_process(smoke_world, few, tmp_path):
    generate.generate(tmp_path / "tiny", "smoke", world=few)
    small, large = content(tmp_path / "tiny"), content(smoke_world / "smoke")
    videos = [name for name in small if name.startswith("video")]
    assert len(videos) == 3 and all(small[name] == large[name] for name in videos)
    assert large["annotation/train.csv"].startswith(small["annotation/train.csv"])


def test_drawing_again_elsewhere_gives_the_same_files(few, tmp_path):
    for name in ("one", "two"):
        generate.generate(tmp_path / name, "smoke", world=few)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_an_interrupted_drawing_goes_on_where_it_stopped(few, tmp_path, monkeypatch, drawn):
    write = generate.write_video

    def cut(frames):
        yield next(frames)
        raise KeyboardInterrupt

    monkeypatch.setattr(generate, "write_video", lambda path, frames: write(path, cut(frames) if drawn[2:] else frames))
    with pytest.raises(KeyboardInterrupt):
        generate.generate(tmp_path / "world", "smoke", world=few)
    assert len(list((tmp_path / "world" / "video").iterdir())) == 2  # no half video is left
    monkeypatch.setattr(generate, "write_video", write)
    drawn.clear()
    generate.generate(tmp_path / "world", "smoke", world=few)
    assert drawn == [generate.plan_clip("test", 0)[3]]
    generate.generate(tmp_path / "other", "smoke", world=few)
    assert content(tmp_path / "world") == content(tmp_path / "other")


def test_only_what_is_missing_is_drawn_again(few, tmp_path, drawn):
    root = tmp_path / "world"  # beside the cache, which is written to only when a drawing takes long
    generate.generate(root, "smoke", world=few)
    before = content(root)
    drawn.clear()
    generate.generate(root, "smoke", world=few)
    assert not drawn
    (root / "annotation" / "scripts.json").unlink()
    lost = generate.plan_clip("test", 0)
    (root / "video" / f"{lost[0]}.mp4").unlink()
    generate.generate(root, "smoke", world=few)
    assert drawn == [lost[3]] and content(root) == before


@pytest.mark.parametrize("change", ["seed", "generator", "damaged"])
def test_data_of_another_world_are_replaced(few, tmp_path, monkeypatch, change):
    root = tmp_path / "world"  # beside the cache, which is written to only when a drawing takes long
    generate.generate(root, "smoke", world=replace(few, seed=1))
    before = content(root)
    if change == "generator":
        monkeypatch.setattr(generate, "digest", lambda world: "another")
    if change == "damaged":
        (root / "world.json").write_text("{")
    (root / "video" / "LEFTOVER.mp4").touch()
    generate.generate(root, "smoke", world=replace(few, seed=2 if change == "seed" else 1))
    after = content(root)
    assert "video/LEFTOVER.mp4" not in after
    assert (after["annotation/train.csv"] == before["annotation/train.csv"]) == (change != "seed")
    assert len(after) == len(before)


def test_a_folder_that_holds_something_else_is_left_alone(few, tmp_path):
    (tmp_path / "smoke" / "video").mkdir(parents=True)
    (tmp_path / "smoke" / "video" / "holiday.mp4").write_bytes(b"mine")
    with pytest.raises(AmcError, match=r"smoke: .*not Synth Kingdom's; name another folder"):
        drawn_world.kingdom(tmp_path, size="smoke")
    assert content(tmp_path) == {"smoke/video/holiday.mp4": b"mine"}


def test_beside_the_replaced_data_nothing_of_a_user_is_removed(few, tmp_path):
    generate.generate(tmp_path, "smoke", world=replace(few, seed=1))
    (tmp_path / "notes.txt").write_text("mine")
    generate.generate(tmp_path, "smoke", world=replace(few, seed=2))
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_unknown_size_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(AmcError, match="smoke, quick, standard"):
        generate.generate(tmp_path, "huge")
    assert not list(tmp_path.iterdir())


def test_the_stored_script_and_seed_draw_the_clip_again(smoke_world):
    name, script, _, seed = generate.plan_clip("train", 7)
    known = json.loads((smoke_world / "smoke" / "annotation" / "scripts.json").read_text())
    assert Drawn(smoke_world / "smoke").script(name) == script and known[name]["seed"] == seed and len(known) == 72


def test_the_kingdoms_stories_are_those_that_its_results_were_measured_on(smoke_world):
    stories = (smoke_world / "smoke" / "annotation" / "scripts.json").read_bytes()
    assert hashlib.sha256(stories).hexdigest() == "3fa85cd4504eadcb7788d894bfcd8d0e0775ad45eb4a93f3aeb7651e66d43ffb"


def test_true_flow_is_the_renderers(smoke_world):
    name, script, _, seed = generate.plan_clip("test", 2)
    flow = Drawn(smoke_world / "smoke").true_flow(name, [(3, 4), (10, 7)])
    stage = scene.compose(script, seed)
    assert flow.dtype == np.float32 and flow.shape == (2, 2, 128, 128)
    assert np.array_equal(flow, np.stack([scene.flow(stage, 3, 4), scene.flow(stage, 10, 7)]))


def test_true_flow_follows_when_another_world_takes_the_place(few, tmp_path):
    for world in (replace(few, seed=1), replace(few, seed=2), replace(MENAGERIE, sizes=few.sizes)):
        generate.generate(tmp_path, "smoke", world=world)
        name, script, _, scene_seed = generate.plan_clip("train", 0, world=world)
        flow = Drawn(tmp_path).true_flow(name, [(0, 1)])
        assert np.array_equal(flow[0], scene.flow(scene.compose(script, scene_seed, world=world), 0, 1))


@pytest.mark.parametrize("kind", ["stranger among clips", "elsewhere", "damaged"])
def test_a_foreign_video_has_no_true_flow(smoke_world, tmp_path, kind):
    (tmp_path / "annotation").mkdir()
    if kind != "elsewhere":
        target = tmp_path / "annotation" / "scripts.json"
        shutil.copy(smoke_world / "smoke" / "annotation" / "scripts.json", target)
        if kind == "damaged":
            target.write_bytes(target.read_bytes()[:1000])
    with pytest.raises(AmcError, match="truth") as error:
        Drawn(tmp_path).true_flow("holiday", [(0, 1)])
    assert "\n" not in str(error.value)


def test_every_species_is_in_the_smoke_world(smoke_world):
    stories = json.loads((smoke_world / "smoke" / "annotation" / "scripts.json").read_text())
    assert {story["species"] for story in stories.values()} == set(SPECIES)
