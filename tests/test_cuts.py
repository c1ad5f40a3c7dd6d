"""Flow never goes over a cut: another scene is told from motion, and pictures of edited films pair within a shot."""

import numpy as np
import pytest
import torch
from PIL import Image

from amc import flow, video
from amc.base.errors import VideoError
from amc.companion import film
from amc.ethogram import keys, timeline
from amc.ethogram.bouts import Rules
from amc.ethogram.predictor import by_names
from amc.ethogram.record import Ethogram
from amc.ethogram.sliding_window import _pairs, sliding_window
from amc.ethogram.timeline import SlidingWindow
from amc.synth import generate
from amc.video import cuts


def scenes(*lengths: int, move: int = 3) -> np.ndarray:
    """Scenes of other blotches each, which glide `move` px per frame: uint8 (T, 96, 128, 3)."""
    frames = []
    for number, length in enumerate(lengths):
        blotches = np.random.default_rng(number).integers(0, 256, (8, 16, 3), dtype=np.uint8)
        wide = blotches.repeat(12, axis=0).repeat(16, axis=1)
        frames += [np.roll(wide, move * k, axis=1)[:, :128] for k in range(length)]
    return np.stack(frames)


def tensor(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2)


def test_another_scene_is_a_cut_and_motion_a_flash_and_a_fade_are_none():
    frames = tensor(scenes(4, 4))
    assert cuts.is_cut(frames[:-1], frames[1:]).tolist() == [False, False, False, True, False, False, False]
    bright = (frames[:1].float() * 0.6 + 100).to(torch.uint8)
    assert not cuts.is_cut(frames[:1], bright).any() and not flow.is_cut(frames[:1], frames[:1]).any()
    still = torch.full((1, 3, 40, 60), 7, dtype=torch.uint8)
    assert not cuts.is_cut(still, still + 2).any()


@pytest.mark.parametrize("clip", ["animals/davis_blackswan.mp4", "kabr/ZP0192-Run.gif", "kabr/ZG0015-Auto-Groom.gif"])
def test_real_motion_is_no_cut(real, clip):
    path = real / "clips" / clip
    frames = video.read_frames(path, range(20))
    assert not cuts.is_cut(frames[:-1], frames[1:]).any()


def test_pairs_stay_within_a_shot_and_a_shot_of_one_frame_has_no_flow():
    frames = tensor(scenes(3, 1, 3))
    pairs = flow.pairs_in_shots([0, 2, 3, 4, 6], 7, lambda wanted: frames[wanted])
    assert pairs == [(0, 1), (1, 2), (3, 3), (4, 5), (5, 6)]


def test_key_frames_and_strips_show_no_flow_over_a_cut(tmp_path):
    path = tmp_path / "film.mp4"
    generate.write_video(path, iter(scenes(10, 10)))
    probs = np.zeros((20, 1), np.float32)
    probs[5:10, 0], probs[9, 0] = 0.6, 0.9  # surest in the last frame before the cut
    edges = timeline.edges(np.arange(20) / 24, 24)
    shown = Ethogram("film", "film.mp4", 24.0, edges, ("walk",), probs, np.full(1, 0.5), Rules(1, 0, 0))
    found = keys.frames(path, shown)
    first, second = (video.read_frames(path, [k]) for k in (8, 9))
    vectors = flow.estimate(first, second, method="dis")
    top = max(float(np.quantile(vectors.norm(dim=1), keys.FULL)), keys.SLOWEST * 96)
    assert found["key"].max_px == pytest.approx(top) and top < 6  # not the confusion of two scenes
    assert torch.equal(found["frames"], second)
    strip = film.strips(path, count=20)
    assert torch.equal(strip["film"], video.read_frames(path, range(20)))


def test_shots_lie_between_the_cuts_of_a_file_and_hold_what_is_damaged(tmp_path):
    path = tmp_path / "film.mp4"
    generate.write_video(path, iter(scenes(10, 1, 7)))
    assert video.shots(path) == ((0, 10), (10, 11), (11, 18))
    assert cuts.between_cuts(scenes(10, 7), 17) == ((0, 10), (10, 17))

    def broken():
        yield from scenes(4, 2)
        raise VideoError("damaged", frame=6)

    assert cuts.between_cuts(broken(), 20) == ((0, 4), (4, 20))


def test_pictures_overwritten_in_place_are_seen_anew(tmp_path):
    def write(size, *lengths):
        for number, picture in enumerate(scenes(*lengths)):
            Image.fromarray(picture).resize(size).save(tmp_path / f"{number}.png")

    write((128, 128), 12)
    assert video.shots(tmp_path) == ((0, 12),)
    write((128, 128), 5, 7)
    assert video.shots(tmp_path) == ((0, 5), (5, 12))
    write((64, 32), 12)
    assert video.read_frames(tmp_path, [3]).shape == (1, 3, 32, 64)


def test_windows_and_flow_stay_within_a_shot(tmp_path):
    path = tmp_path / "film.mp4"
    generate.write_video(path, iter(scenes(30, 40)))
    predictor = by_names(["walking", "resting"])
    whole = sliding_window(path, predictor, SlidingWindow(1.0, 0.5))
    assert all(stop <= 30 or start >= 30 for start, stop in whole.windows)
    assert {stop for _, stop in whole.windows} >= {30, 70} and {start for start, _ in whole.windows} >= {0, 30}
    pairs = _pairs({0, 28, 29, 30, 69}, video.shots(path))
    assert pairs == {0: (0, 1), 28: (28, 29), 29: (28, 29), 30: (30, 31), 69: (68, 69)}
