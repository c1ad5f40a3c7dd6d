import cv2
import numpy as np
import pytest

from amc.raft import weights
from amc.synth import pairs, scene
from amc.synth.kingdom import KINGDOM
from amc.synth.rig import affine


@pytest.fixture(scope="module")
def drawn():
    return [pairs.draw(5, chunk) for chunk in range(18)]


def carried_back(picture, flow):
    """Each pixel of the first picture as it looks where the flow says that it went."""
    y, x = np.mgrid[0 : flow.shape[1], 0 : flow.shape[2]].astype(np.float32)
    return cv2.remap(picture, x + flow[0], y + flow[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def test_flow_carries_the_second_picture_onto_the_first():
    rng = np.random.default_rng(1)
    papers = [pairs._texture(rng) for _ in range(3)]
    errors, still = [], []
    for _ in range(30):
        stage = pairs._scene(papers, rng)
        first, second = (scene.frame(stage, index).astype(np.float32) for index in (0, 1))
        flow = scene.flow(stage, 0, 1)
        inside = (np.hypot(*flow) < 20) & (np.hypot(*flow) > 0.5)
        errors += [np.median(np.abs(carried_back(second, flow) - first)[inside])] if inside.any() else []
        still += [np.median(np.abs(second - first)[inside])] if inside.any() else []
    assert np.mean(errors) < 0.3 * np.mean(still)  # hidden places and resampling remain


def test_the_flow_of_drawn_pairs_goes_from_the_first_to_the_second(drawn):
    """Also of Kingdom pairs, and after they were photographed: the other direction fits worse."""
    right, wrong = [], []
    for chunk in drawn:
        for first, second, flow in zip(chunk.first, chunk.second, chunk.flow, strict=True):
            speed = np.hypot(*flow)
            moves = (speed > 1) & (speed < 15)
            if moves.mean() < 0.2:
                continue
            one, other = (picture.astype(np.float32).mean(axis=0) for picture in (first, second))
            one, other = one - one.mean(), other - other.mean()  # exposures differ
            right.append(np.median(np.abs(carried_back(other, flow) - one)[moves]))
            wrong.append(np.median(np.abs(carried_back(other, -flow) - one)[moves]))
    assert len(right) > 20 and np.mean(right) < 0.7 * np.mean(wrong)


@pytest.mark.parametrize("times", [2, 3])
def test_a_larger_picture_is_one_scene_without_seams(times):
    rng = np.random.default_rng(4)
    papers = [pairs._texture(rng) for _ in range(3)]
    stage = pairs._scene(papers, rng, times)
    whole = pairs._tiled(stage, lambda tile: scene.frame(tile, 0), times).astype(np.float32)
    flow = pairs._tiled(stage, lambda tile: scene.flow(tile, 0, 1).transpose(1, 2, 0), times)
    assert whole.shape[:2] == (128 * times, 128 * times)
    shift = pairs._moved(stage, affine(x=-64, y=-64)[0])  # a tile in the middle, across all seams
    middle = whole[64:192, 64:192]
    assert (
        np.median(np.abs(middle - scene.frame(shift, 0))) <= 1 and np.mean(np.abs(middle - scene.frame(shift, 0))) < 2
    )
    known = scene.flow(shift, 0, 1).transpose(1, 2, 0)
    assert np.mean(np.abs(flow[64:192, 64:192] - known).max(axis=-1) < 1e-3) > 0.99  # edges may fall to the other side


def test_exposure_differs_between_the_two_of_a_pair():
    rng = np.random.default_rng(3)
    ground = np.full((pairs.TEXTURE, pairs.TEXTURE, 3), 128, np.uint8)
    still = scene.Scene(2, ground, np.stack([np.eye(3)] * 2), (), np.ones(3), 0.0, 0)
    taken = [pairs._photographed(still, 0, 1, rng) for _ in range(40)]
    change = [first.mean() - second.mean() for first, second, _ in taken]
    assert 0.5 < np.std(change) < 8 and not any(flow.any() for *_, flow in taken)


def test_a_chunk_is_the_same_whenever_it_is_drawn_and_other_seeds_and_numbers_draw_others(drawn):
    again = pairs.draw(5, 3)
    assert all(np.array_equal(a, b) for a, b in zip(again, drawn[3], strict=True))
    for other in (pairs.draw(6, 3), drawn[4]):
        assert not np.array_equal(other.first, again.first) and not np.array_equal(other.flow, again.flow)


def test_pairs_are_broad(drawn):
    speed = np.concatenate([np.hypot(*chunk.flow.swapaxes(0, 1)).ravel() for chunk in drawn])
    assert np.mean(speed < 1e-6) > 0.03 and np.mean((speed > 1e-3) & (speed < 1)) > 0.1  # a still camera; subpixel
    assert np.mean(speed > 8) > 0.03 and speed.max() > 20
    assert len({chunk.first.tobytes() for chunk in drawn}) == len(drawn)


def test_shapes_and_kinds(drawn):
    chunk = drawn[0]
    assert chunk.first.shape == chunk.second.shape == (pairs.CHUNK, 3, 128, 128) and chunk.first.dtype == np.uint8
    assert chunk.flow.shape == (pairs.CHUNK, 2, 128, 128) and chunk.flow.dtype == np.float32
    assert np.isfinite(chunk.flow).all()
    larger = {number: chunk.first.shape for number, chunk in enumerate(drawn) if chunk.first.shape[-1] > 128}
    wide, large = (2, 3, 256, 256), (1, 3, 384, 384)
    assert larger == {2: wide, 5: large, 8: wide, 11: large, 14: wide, 17: large}
    assert pairs.LARGEST == weights.LARGEST == 384
    assert all(len(chunk.flow) == pairs.count(number) for number, chunk in enumerate(drawn))
    assert len(pairs.draw(5, 0, kingdoms=0, broad=1).first) == 1


def test_species_of_the_test_split_are_never_drawn(monkeypatch):
    asked, write = [], KINGDOM.write_script
    monkeypatch.setattr(
        pairs, "KINGDOM", type("World", (), {"seen": KINGDOM.seen, "write_script": staticmethod(
            lambda rng, species: asked.append(species) or write(rng, species))}),
    )  # fmt: skip
    for chunk in range(3 * len(KINGDOM.seen)):  # every third one shows no animal
        pairs.draw(5, chunk, broad=0)
    assert set(asked) == set(KINGDOM.seen) and not any(KINGDOM.species[name].unseen for name in asked)
