"""A clip drawn again without its animals: everything else stays, pixel for pixel, through encoding and flow."""

from dataclasses import replace

import numpy as np
import pytest

from amc import video
from amc.config import Pixels
from amc.datasets import drawn_world
from amc.datasets.clips import PixelReader
from amc.synth import generate, scene


def stage(index: int) -> scene.Scene:
    _, script, _, seed = generate.plan_clip("test", index)
    return scene.compose(script, seed)


def boxes(made: scene.Scene, frame: int) -> np.ndarray:
    """Where a part of an animal can show in a frame: bool (SIZE, SIZE)."""
    inside = np.zeros((scene.SIZE, scene.SIZE), bool)
    for _, rows, columns, _ in scene._drawn(made._replace(parts=made.parts[: made.num_animal_parts]), frame):
        inside[rows, columns] = True
    return inside


@pytest.fixture(scope="module")
def table(smoke_world):
    return drawn_world.kingdom(smoke_world, size="smoke").split("test")


@pytest.mark.parametrize("index", range(8))
def test_without_its_animals_a_scene_is_the_same_pixel_for_pixel_where_they_never_are(index):
    made = stage(index)
    empty = scene.without_animals(made)
    assert 0 < made.num_animal_parts <= len(made.parts) and empty.num_animal_parts == 0
    assert empty.parts == made.parts[made.num_animal_parts :]  # the foreground, at the same places
    changed = 0
    for frame in np.linspace(0, made.num_frames - 1, 5).astype(int):
        inside, whole, bare = boxes(made, frame), scene.frame(made, frame), scene.frame(empty, frame)
        assert np.array_equal(whole[~inside], bare[~inside])  # noise included
        changed += (whole != bare).any(axis=2).sum()
    assert changed > 200  # the animal was in the picture


def test_a_scene_without_objects_in_the_foreground_becomes_its_background():
    made = next(made for made in map(stage, range(50)) if len(made.parts) == made.num_animal_parts)
    empty = scene.without_animals(made)
    assert empty.parts == () and (scene.owner(empty, 3) == -1).all()
    x, y = 40, 70  # all motion is the ground's
    step = made.ground[9] @ np.linalg.inv(made.ground[3])
    expected = (step @ (x, y, 1))[:2] - (x, y)
    np.testing.assert_allclose(scene.flow(empty, 3, 9)[:, y, x], expected, atol=1e-4)


def test_an_object_in_the_foreground_stays_where_it_is():
    made = next(made for made in map(stage, range(50)) if len(made.parts) > made.num_animal_parts + 1)
    empty = scene.without_animals(made)
    before, after = scene.owner(made, 5), scene.owner(empty, 5)
    in_front = before >= made.num_animal_parts
    assert np.array_equal(after[in_front], before[in_front] - made.num_animal_parts)


def test_the_video_of_a_background_is_encoded_like_the_clip_and_drawn_once(table):
    clip = table.clips[1]
    path = table.drawn.background(clip.id)
    assert path.stem == clip.id and not path.is_relative_to(table.drawn.root)
    assert replace(video.probe(path), path="") == replace(video.probe(clip.path), path="")
    made, written = scene.without_animals(stage(1)), path.stat().st_mtime_ns
    (stored,) = video.read_frames(path, [9])
    assert np.abs(stored.permute(1, 2, 0).numpy().astype(int) - scene.frame(made, 9)).mean() < 8  # H.264
    assert table.drawn.background(clip.id) == path and path.stat().st_mtime_ns == written


def test_true_flow_of_a_background_is_that_of_its_scene(table):
    clip, empty = table.clips[3], table.drawn.without_animals()
    reader = PixelReader(Pixels(modality="flow", flow_method="true", short_side=128), drawn=empty)
    vectors = reader.vectors(table.drawn.background(clip.id), [4], clip.num_frames)
    np.testing.assert_allclose(vectors[0].numpy(), scene.flow(scene.without_animals(stage(3)), 4, 5), atol=0.01)
    assert np.abs(table.drawn.true_flow(clip.id, [(4, 5)]) - vectors.numpy()).max() > 1  # the animal moved


def test_animals_are_marked_where_a_frame_differs_from_its_background(table):
    clip = table.clips[3]
    [mask] = table.drawn.animals(clip.id, [4])
    stage = table.drawn._scene(clip.id)
    changed = (scene.frame(stage, 4) != scene.frame(scene.without_animals(stage), 4)).any(axis=2)
    assert mask.any() and changed[mask].mean() > 0.98  # but for pixels of the same colour by chance
    assert mask[changed].mean() > 0.8  # the rest is half transparent: edges
