import pytest
import torch
import torch.nn.functional as F

from amc import transforms as t
from amc.base.errors import AmcError

H, W = 24, 40
ROWS, COLUMNS = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
SMOOTH = (120 + 60 * torch.sin(COLUMNS / 6) + 60 * torch.sin(ROWS / 5)).to(torch.uint8).expand(2, 3, H, W)


def constant(u, v, size=(H, W)):
    return torch.tensor([u, v], dtype=torch.float32)[None, :, None, None].expand(1, 2, *size).contiguous()


def warp(picture, vectors):
    """`picture` moved back by `vectors`: what the second frame of a pair looks like at the places of the first."""
    height, width = picture.shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    x, y = columns + vectors[:, 0], rows + vectors[:, 1]
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], -1)
    return F.grid_sample(picture.float(), grid, align_corners=True, padding_mode="border")


def pair(u, v):
    """Two frames, the second shifted by whole pixels (u, v), and their flow."""
    first = SMOOTH[:1]
    return first, first.roll((v, u), (-2, -1)), constant(u, v)


def test_flipping_a_clip_negates_horizontal_flow_only():
    vectors = torch.randn(2, 2, H, W)
    frames, flipped = t.hflip(SMOOTH, vectors)
    assert torch.equal(frames, SMOOTH.flip(-1))
    assert torch.equal(flipped[:, 0], -vectors[:, 0].flip(-1)) and torch.equal(flipped[:, 1], vectors[:, 1].flip(-1))


def test_resizing_scales_a_translation_axis_by_axis():
    _, vectors = t.resize(None, constant(3, -2), (H * 2, W // 2))
    assert torch.allclose(vectors, constant(1.5, -4, (H * 2, W // 2)))


def test_the_short_side_is_exact_and_the_shape_kept():
    frames, vectors = t.resize_short_side(SMOOTH, constant(1, 1), 12)
    assert (
        frames.shape == (2, 3, 12, 20)
        and frames.dtype == torch.uint8
        and torch.allclose(vectors, constant(0.5, 0.5, (12, 20)))
    )
    assert t.resize_short_side(SMOOTH.mT, None, 12)[0].shape == (2, 3, 20, 12)


@pytest.mark.parametrize(
    "move",
    [t.hflip, lambda f, v: t.resize(f, v, (36, 30)), lambda f, v: t.center_crop(f, v, 20)],
    ids=["flip", "size", "crop"],
)
def test_vectors_still_carry_the_first_frame_onto_the_second(move):
    first, second, vectors = pair(2, 1)
    (moved_first, moved_vectors), (moved_second, _) = move(first, vectors), move(second, None)
    error = (warp(moved_second, moved_vectors) - moved_first.float()).abs()[..., 4:-4, 4:-4].mean()
    still = (moved_second.float() - moved_first.float()).abs()[..., 4:-4, 4:-4].mean()
    wrong = (warp(moved_second, -moved_vectors) - moved_first.float()).abs()[..., 4:-4, 4:-4].mean()
    assert error < 1.5 and error < still / 8 and error < wrong / 8  # grey levels; interpolation alone costs under 1


def test_shrinking_averages_instead_of_skipping_pixels():
    stripes = ((COLUMNS % 4 == 0) * 240).to(torch.uint8).expand(1, 3, H, W)
    frames, _ = t.resize(stripes, None, (H // 4, W // 4))
    assert (frames.int() - 60).abs().max() <= 30  # without anti-aliasing 0: the stripes lie between the places read


def test_a_centre_crop_takes_the_middle_of_both():
    frames, vectors = t.center_crop(SMOOTH, constant(1, 2), 10)
    assert torch.equal(frames, SMOOTH[..., 7:17, 15:25]) and vectors.shape == (1, 2, 10, 10)


@pytest.mark.parametrize("corner", [(-1, 0), (0, -1), (5, 0), (0, 21)])
def test_a_crop_may_touch_the_edge_and_not_pass_it(corner):
    assert torch.equal(t.crop(SMOOTH, None, H - 20, W - 20, 20)[0], SMOOTH[..., 4:, 20:])
    with pytest.raises(AmcError, match="leaves the 24 x 40 picture"):
        t.crop(SMOOTH, None, *corner, 20)


def test_random_crops_lie_anywhere_inside_and_depend_on_the_generator_only():
    places = torch.stack([ROWS, COLUMNS, COLUMNS])[None].to(torch.uint8)
    sides, corners = set(), []
    for seed in range(50):
        frames, vectors = t.random_crop(places, constant(1, 2), torch.Generator().manual_seed(seed))
        again, _ = t.random_crop(places, None, torch.Generator().manual_seed(seed))
        assert torch.equal(frames, again) and frames.shape[-2:] == vectors.shape[-2:]
        sides.add(frames.shape[-1])
        corners.append(frames[0, :2, 0, 0])
    assert 16 <= min(sides) < max(sides) <= H  # 0.66 to 1 times the short side
    assert torch.stack(corners).amin(0).tolist() == [0, 0]
    assert (torch.stack(corners).amax(0) >= torch.tensor([5, 17])).all()  # of at most 8 rows and 24 columns


def test_the_smallest_random_crop_is_one_pixel():
    assert t.random_crop(SMOOTH[..., :1, :1], None, torch.Generator())[0].shape == (2, 3, 1, 1)


def test_a_training_view_moves_frames_and_vectors_by_the_same_draw():
    flips = 0
    for seed in range(20):
        place = COLUMNS.expand(1, 3, H, W).to(torch.uint8)
        fields = COLUMNS.expand(1, 2, H, W).float()
        frames, vectors = t.train_view(place, fields, 24, torch.Generator().manual_seed(seed))
        assert frames.shape == (1, 3, 24, 24) and vectors.shape == (1, 2, 24, 24)
        is_flipped = frames[0, 0, 0, 0] > frames[0, 0, 0, -1]
        flips += is_flipped
        scale = vectors[0, 1] / frames[0, 0].clamp(min=1)  # v is scaled by the size, as u is, but never negated
        assert (vectors[0, 0] * (-1 if is_flipped else 1) >= 0).all() and (vectors[0, 1] >= 0).all()
        assert scale[frames[0, 0] > 5].std() < 0.1
    assert 4 <= flips <= 16


def test_an_evaluation_view_is_the_middle_square():
    frames, vectors = t.eval_view(SMOOTH, constant(2, 2), 12)
    assert frames.shape == (2, 3, 12, 12) and torch.allclose(vectors, constant(1, 1, (12, 12)))
    assert torch.equal(t.eval_view(SMOOTH[..., :24], None, 24)[0], SMOOTH[..., :24])


def test_normalising_subtracts_the_mean_and_divides_by_the_deviation():
    stack = torch.tensor([0, 255, 51], dtype=torch.uint8).reshape(1, 3, 1, 1)
    values = t.normalise(stack, [0.5, 0.5, 0.1], [0.25, 0.5, 0.2])
    assert values.dtype == torch.float32 and torch.allclose(values.flatten(), torch.tensor([-2, 1, 0.5]))
    assert stack.flatten().tolist() == [0, 255, 51]  # the input is left as it was


def test_inputs_are_left_as_they_were():
    frames, vectors = SMOOTH.clone(), torch.ones(2, 2, H, W)
    for seed in range(4):
        t.train_view(frames, vectors, 12, torch.Generator().manual_seed(seed))
    assert torch.equal(frames, SMOOTH) and (vectors == 1).all()


@pytest.mark.parametrize(
    "action",
    [lambda: t.resize(None, None, (4, 4)), lambda: t.hflip(SMOOTH, None) and t.center_crop(SMOOTH, None, 25)]
    + [lambda: t.center_crop(SMOOTH, constant(1, 1, (5, 5)), 4)],
)
def test_pictures_that_do_not_fit_are_refused(action):
    with pytest.raises(AmcError):
        action()
