"""Synth Kingdom's stories, scenes and pictures: everything can happen, nothing is random twice, its flow is exact."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from amc.synth import scene, scripts
from amc.synth.behaviours import NAMES
from amc.synth.environments import ENVIRONMENTS
from amc.synth.generate import SPLITS, plan_clip
from amc.synth.kingdom import KINGDOM
from amc.synth.rig import Part, affine
from amc.synth.scripts import COMPOSITES, STORIES, annotate, truth, write_script
from amc.synth.species import SPECIES
from amc.synth.world import FPS, Event, Script

SIZE = scene.SIZE
ONE_OF_EACH = range(len(SPECIES))  # clip k of the test split shows species k
Y, X = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)


def stage(index: int) -> tuple[Script, scene.Scene]:
    _, script, _, seed = plan_clip("test", index)
    return script, scene.compose(script, seed)


def waves(h: int, w: int) -> np.ndarray:
    """A smooth picture, at most 8 grey levels a pixel: interpolating it twice changes little, a wrong place much."""
    y, x = np.mgrid[0:h, 0:w]
    return 128 + 100 * np.stack([np.sin(0.08 * x), np.sin(0.08 * y), np.sin(0.05 * (x + y))], axis=-1)


def smooth(stage: scene.Scene) -> scene.Scene:
    """The same movements, noise-free, with smooth pictures in place of coats and backgrounds."""
    parts = []
    for part in stage.parts:
        alpha = part.rgba[..., 3:]
        rgba = np.concatenate([waves(*alpha.shape[:2]) * (alpha / 255), alpha], axis=-1)
        parts.append(part._replace(rgba=rgba.round().astype(np.uint8)))
    background = waves(*stage.background.shape[:2]).astype(np.uint8)
    return stage._replace(parts=tuple(parts), background=background, gain=np.ones(3), noise=0)


def core(who: np.ndarray) -> np.ndarray:
    """Pixels whose 5 x 5 neighbours all show the same part."""
    low, high = (f(who.astype(np.float32), np.ones((5, 5))) for f in (cv2.erode, cv2.dilate))
    return low == high


def visible_in_both(stage: scene.Scene, first: int, second: int, flow: np.ndarray) -> np.ndarray:
    """Pixels of frame `first` whose part shows, away from its borders, where the flow leads in frame `second`."""
    before, after = scene.owner(stage, first), scene.owner(stage, second)
    x, y = X + flow[0], Y + flow[1]
    inside = (x >= 2) & (y >= 2) & (x < SIZE - 3) & (y < SIZE - 3)
    column, row = (np.where(inside, np.rint(v), 0).astype(int) for v in (x, y))
    return core(before) & inside & (after[row, column] == before) & core(after)[row, column]


def carried(values: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """`values` (SIZE, SIZE, ...) of the second frame, seen from the first."""
    return cv2.remap(values.astype(np.float32), X + flow[0], Y + flow[1], cv2.INTER_LINEAR)


@pytest.fixture(scope="module")
def clips() -> list[tuple]:
    return [plan_clip("train", index) for index in range(6000)]


@pytest.fixture(scope="module")
def stories() -> list[tuple[str, scripts.Story, Script]]:
    """Every species in every story that fits it, once in each kind of place."""
    told, patch = [], pytest.MonkeyPatch()
    for name, species in SPECIES.items():
        kinds = {kind for habitat in species.habitats for kind in ENVIRONMENTS[habitat].kinds}
        for number, story in enumerate(STORIES):
            if species.plan in story.plans and kinds & set(story.where):
                patch.setattr(scripts, "STORIES", (story,))
                told.append((name, story, write_script(np.random.default_rng(number), name)))
    patch.undo()
    return told


def test_the_world_is_as_rich_as_it_claims():
    assert len(SPECIES) >= 8 and len({species.plan for species in SPECIES.values()}) >= 5
    assert len(ENVIRONMENTS) >= 6 and len(NAMES) >= 16
    assert {habitat for species in SPECIES.values() for habitat in species.habitats} == set(ENVIRONMENTS)
    assert list(NAMES) == sorted(NAMES)


def test_behaviours_are_named_as_in_animal_kingdom(published):
    assert set(NAMES) <= set(published.names)


def test_every_species_performs_every_story_that_fits_it(stories):
    for name, _, script in stories:
        set_up = scene.compose(script, 1)
        for index in (0, set_up.num_frames // 2, set_up.num_frames - 1):
            picture = scene.frame(set_up, index)
            assert picture.shape == (SIZE, SIZE, 3) and picture.dtype == np.uint8 and picture.std() > 1, name


def test_every_behaviour_happens_in_a_story_of_a_species_seen_in_training(stories):
    assert {event.behaviour for name, _, script in stories if name in KINGDOM.seen for event in script.events} == set(
        NAMES
    )


def test_an_animal_is_in_the_picture_of_every_story(stories):
    for name, _, script in stories:
        set_up = scene.compose(script, 2)
        shown = [(scene.owner(set_up, index) >= 0).mean() for index in range(0, set_up.num_frames, 24)]
        assert np.median(shown) > 0.01, (name, script)


def test_the_same_script_and_seed_give_the_same_pixels_and_another_seed_others():
    _, script, _, seed = plan_clip("train", 5)
    first, again, other = (scene.compose(script, s) for s in (seed, seed, seed + 1))
    assert np.array_equal(scene.frame(first, 7), scene.frame(again, 7))
    assert np.array_equal(scene.frame(first, 7), scene.frame(first, 7))  # drawing a frame changes no state
    assert not np.array_equal(scene.frame(first, 7), scene.frame(other, 7))


def test_flow_of_a_square_that_moves_over_a_moving_ground_is_what_was_made():
    time = np.arange(3)
    square = Part(np.full((20, 30, 4), 255, np.uint8), affine(x=40 + 3 * time, y=50 - 2 * time))
    ground = affine(x=np.float64(time) - 100)
    background = np.zeros((224, 512, 3), np.uint8)
    made = scene.Scene(3, background, ground, (square,), np.ones(3), 0, 0)
    flow = scene.flow(made, 0, 2)
    inside = np.zeros((SIZE, SIZE), bool)
    inside[50:70, 40:70] = True
    np.testing.assert_allclose(flow[:, inside].T, np.tile([6, -4], (600, 1)), atol=1e-5)  # float32 at 128 px
    np.testing.assert_allclose(flow[:, ~inside].T, np.tile([2, 0], (SIZE**2 - 600, 1)), atol=1e-5)


def test_flow_of_a_part_that_turns_and_grows_follows_its_corners():
    rgba = np.full((40, 40, 4), 255, np.uint8)
    turned = affine(angle=np.array([0, np.pi / 2]), x=64, y=64, sx=np.array([1, 1.5]), sy=np.array([1, 0.5]))
    made = scene.Scene(2, np.zeros((224, 512, 3), np.uint8), affine(x=np.zeros(2)), (Part(rgba, turned),), 0, 0, 0)
    flow = scene.flow(made, 0, 1)
    for x, y in ((0, 0), (39, 0), (0, 39), (39, 39)):  # scaled, then turned clockwise: (x, y) to (-y/2, 3x/2)
        np.testing.assert_allclose(flow[:, 64 + y, 64 + x], (-0.5 * y - x, 1.5 * x - y), atol=1e-4)


@pytest.mark.parametrize("index", ONE_OF_EACH)
def test_flow_carries_each_frame_onto_the_next_and_onto_a_later_one(index):
    _, set_up = stage(index)
    set_up = smooth(set_up)
    first = set_up.num_frames // 3
    for second in (first + 1, first + 5):
        flow = scene.flow(set_up, first, second)
        seen = visible_in_both(set_up, first, second, flow)
        before, after = (scene.frame(set_up, k).astype(np.float32) for k in (first, second))
        error = np.abs(carried(after, flow) - before)[seen]
        # Rounding to whole levels, and OpenCV's to 1/32 px. A place wrong by half a pixel costs 2 levels on average;
        # between thin blades of grass two parts show at once, in far less than a hundredth of the picture.
        assert error.mean() < 0.6 and np.quantile(error, 0.99) < 3
        assert seen.mean() > 0.3 and (seen & (scene.owner(set_up, first) >= 0)).sum() > 20


@pytest.mark.parametrize("index", ONE_OF_EACH)
def test_flow_there_and_back_ends_where_it_began(index):
    _, set_up = stage(index)
    first, second = 3, 9
    there, back = scene.flow(set_up, first, second), scene.flow(set_up, second, first)
    seen = visible_in_both(set_up, first, second, there)
    rest = there + carried(back.transpose(1, 2, 0), there).transpose(2, 0, 1)
    assert np.abs(rest[:, seen]).max() < 0.05  # OpenCV reads at 1/32 px; vectors change by at most a pixel a pixel
    assert np.isfinite(there).all()


def test_a_frame_has_no_motion_to_itself():
    _, set_up = stage(4)
    assert np.abs(scene.flow(set_up, 6, 6)).max() < 1e-4


def test_truth_says_what_happens_in_every_frame(clips):
    for _, script, _, _ in clips[:400]:
        table = truth(script)
        assert table.shape == (round(script.seconds * FPS), len(NAMES)) and table.any(axis=1).all()
        assert {NAMES[k] for k in np.flatnonzero(table.any(axis=0))} == {event.behaviour for event in script.events}


def test_clips_last_from_two_to_ten_seconds(clips):
    seconds = np.array([script.seconds for _, script, _, _ in clips])
    assert seconds.min() >= 2 and seconds.max() <= 10 and np.ptp(seconds) > 5
    assert all(0 <= e.start < e.stop <= script.seconds for _, script, _, _ in clips for e in script.events)


def test_what_is_written_has_happened_and_is_never_nothing(clips):
    for _, script, labels, _ in clips:
        assert labels and list(labels) == sorted(set(labels))
        assert {NAMES[label] for label in labels} <= {event.behaviour for event in script.events}


def test_where_all_would_be_left_out_the_longest_behaviour_is_written():
    class Forgetful:
        def random(self) -> float:
            return 0.0

    still, turn = Event(0, "Keeping still", 0.0, 1.2), Event(0, "Turning around", 1.2, 2.0)
    assert annotate(Script("zebra", "grass", 2.0, 1, (still, turn)), Forgetful()) == (NAMES.index("Keeping still"),)


def written(clips, name: str, among) -> tuple[float, int]:
    """How often `name` is written where it happened and something else is written too, in scripts of a kind."""
    known = [
        NAMES.index(name) in labels
        for _, script, labels, _ in clips
        if name in (happened := {e.behaviour for e in script.events})
        and among(happened)
        and set(labels) - {NAMES.index(name)}
    ]
    return np.mean(known), len(known)


@pytest.mark.parametrize(
    ("name", "among", "probability"),
    [
        ("Keeping still", lambda happened: "Sensing" not in happened, scripts.OMIT_STILL),
        ("Turning around", lambda happened: True, scripts.OMIT_TRANSITION),
        ("Licking", lambda happened: "Grooming" in happened, scripts.OMIT_PART),
        ("Running", lambda happened: "Chasing" in happened, scripts.OMIT_PART),
        ("Attending", lambda happened: "Sensing" in happened, scripts.OMIT_PART),
    ],
)
def test_an_annotator_leaves_out_as_often_as_stated(clips, name, among, probability):
    # With something else written the fallback plays no part, so this is a coin of known weight.
    share, count = written(clips, name, among)
    assert count > 60
    assert abs(share - (1 - probability)) < 4 * np.sqrt(probability * (1 - probability) / count)  # four deviations


def test_composites_are_written_wherever_they_happen(clips):
    for _, script, labels, _ in clips:
        for whole in set(COMPOSITES) & {event.behaviour for event in script.events}:
            assert NAMES.index(whole) in labels


def test_behaviours_have_a_long_tail_and_none_is_missing(clips):
    counts = np.bincount([label for _, _, labels, _ in clips for label in labels], minlength=len(NAMES))
    assert counts.min() > 0 and counts.max() > 20 * counts.min()
    assert counts[np.argsort(counts)[-3:]].sum() > 0.3 * counts.sum()


def test_species_kept_for_the_test_split_are_never_in_training(clips):
    unseen = {name for name, species in SPECIES.items() if species.unseen}
    assert len(unseen) >= 2 and not unseen & {script.species for _, script, _, _ in clips}
    assert {plan_clip("test", index)[1].species for index in ONE_OF_EACH} == set(SPECIES)


def test_a_clip_depends_on_split_number_and_world_only():
    assert plan_clip("train", 3) == plan_clip("train", 3)
    others = [plan_clip("train", 4), plan_clip("test", 3), plan_clip("train", 3, world=replace(KINGDOM, seed=7))]
    assert all(other[1] != plan_clip("train", 3)[1] for other in others)
    names = [plan_clip(split, index)[0][-4:] for split in SPLITS for index in range(2000)]
    assert len(set(names)) == len(names)  # the last four letters stand for the source video
