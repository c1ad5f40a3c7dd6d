"""A drawn data set whose file has changed is noticed, whichever file it is, and made again bit for bit."""

import random
from dataclasses import replace

import pytest

from amc.base.errors import AmcError
from amc.synth import generate, manifest
from amc.synth.drawn import Drawn
from amc.synth.kingdom import KINGDOM
from amc.synth.world import Split

FEW = replace(KINGDOM, sizes={"smoke": {"train": Split(1), "val": Split(0), "test": Split(1)}})
FLIPS = 20  # of each file


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    generate.generate(root, "smoke", world=FEW, workers=1)
    return root


def content(root) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("number", range(7))
def test_every_flipped_bit_of_every_file_is_noticed(number, world):
    right = content(world)
    assert len(right) == 8  # two videos, five tables and the manifest
    name = sorted(right)[number]
    known = manifest.read(world)
    for bit in random.Random(number).sample(range(8 * len(right[name])), FLIPS):
        flipped = bytearray(right[name])
        flipped[bit // 8] ^= 1 << bit % 8
        (world / name).write_bytes(flipped)
        with pytest.raises(AmcError, match=r"damaged.*; remove the folder, and draw it again"):
            manifest.check(world, name)
    with pytest.warns(UserWarning, match=f"{name}: damaged, or changed since it was drawn; drawn again"):
        assert not manifest.is_whole(world, known)
    generate.generate(world, "smoke", world=FEW, workers=1)
    assert content(world) == right


def test_a_flipped_bit_of_the_manifest_is_noticed(world):
    right = content(world)
    bits = random.Random(0).sample(range(8 * len(right[manifest.NAME])), 100)
    for bit in bits:
        flipped = bytearray(right[manifest.NAME])
        flipped[bit // 8] ^= 1 << bit % 8
        (world / manifest.NAME).write_bytes(flipped)
        assert manifest.read(world) == {}
    generate.generate(world, "smoke", world=FEW, workers=1)
    assert content(world) == right


def test_the_truth_of_a_changed_script_is_not_told(world):
    name, script, _, _ = generate.plan_clip("train", 0)
    assert Drawn(world).script(name) == script
    path = world / "annotation" / "scripts.json"
    text = path.read_text()
    path.write_text(text.replace(script.species, "zebra" if script.species != "zebra" else "tiger"))
    with pytest.raises(AmcError, match=r"scripts\.json: absent, damaged"):
        Drawn(world).script(name)
    path.write_text(text)
    assert Drawn(world).script(name) == script


def test_a_drawing_that_was_killed_before_its_manifest_starts_again(tmp_path, world):
    left = tmp_path / ".world.json.0a1b2c3d-123.89abcdef.json"
    left.write_text("{")
    generate.generate(tmp_path, "smoke", world=FEW, workers=1)
    assert {name: data for name, data in content(tmp_path).items() if name != left.name} == content(world)


@pytest.mark.parametrize("damage", ["video", "note"])
def test_a_single_video_that_has_changed_is_no_longer_used(damage, tmp_path, world):
    video = tmp_path / "film.mp4"
    video.write_bytes(next((world / "video").iterdir()).read_bytes())
    assert not manifest.is_kept(video)
    manifest.keep(video)
    assert manifest.is_kept(video)
    changed = video if damage == "video" else video.with_suffix(".json")
    data = bytearray(changed.read_bytes())
    data[len(data) // 2] ^= 1
    changed.write_bytes(data)
    with pytest.warns(UserWarning, match="drawn again"):
        assert not manifest.is_kept(video)
