import pytest
import torch

import amc.base.torchvision_cpu  # noqa: F401  before torchvision
from amc.base.errors import AmcError
from amc.flow_color import ENCODINGS, clipped_fraction, legend, render

from torchvision.utils import flow_to_image  # isort: skip

FLOW = torch.randn(3, 2, 5, 7, generator=torch.Generator().manual_seed(0))


def one(u, v, **options):
    return render(torch.tensor([u, v], dtype=torch.float32).reshape(1, 2, 1, 1), **options).flatten().tolist()


def test_the_wheel_equals_torchvisions_when_the_scale_is_the_maximum():
    largest = FLOW.norm(dim=1).max().item()
    difference = render(FLOW, max_px=largest).int() - flow_to_image(FLOW).int()
    assert difference.abs().max() <= 1  # one level: floating-point rounding before truncation


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_equal_speeds_have_equal_colours_whatever_else_is_in_the_batch(encoding):
    together = render(torch.cat([FLOW, 10 * FLOW]), encoding=encoding, max_px=4)
    assert together.shape == (6, 3, 5, 7)
    assert torch.equal(together[:3], render(FLOW, encoding=encoding, max_px=4))


def test_zero_flow_is_neutral():
    assert one(0, 0, max_px=5) == [255, 255, 255]
    assert one(0, 0, encoding="uvm", max_px=5) == [128, 128, 0]


def test_motion_beyond_the_scale_keeps_its_direction_at_full_colour():
    assert one(50, 20, max_px=5) == one(500, 200, max_px=5) != one(20, 50, max_px=5)
    assert one(5, 0, max_px=5) == [255, 0, 0] == one(900, 0, max_px=5)  # to the right is red


def test_uvm_is_linear_in_both_components_and_the_magnitude():
    assert one(5, -5, encoding="uvm", max_px=5) == [255, 0, 255]
    assert one(-5, 0, encoding="uvm", max_px=5) == [0, 128, 255]
    assert one(3, 4, encoding="uvm", max_px=10) == [166, 178, 128]
    assert one(99, 0, encoding="uvm", max_px=10) == [255, 128, 255]
    assert one(0, -99, encoding="uvm", max_px=10) == [128, 0, 255]


def test_both_encodings_tell_the_eight_directions_apart():
    angles = torch.arange(8) * torch.pi / 4
    for encoding in ENCODINGS:
        colors = {tuple(one(a.cos(), a.sin(), encoding=encoding, max_px=1)) for a in angles}
        assert len(colors) == 8


def test_the_legend_shows_each_direction_where_it_points():
    picture = legend(41)
    assert picture.shape == (3, 41, 41) and picture.dtype == torch.uint8
    assert picture[:, 20, 20].tolist() == [255, 255, 255] == picture[:, 0, 0].tolist()
    assert picture[:, 20, 0].tolist() == one(-1, 0, max_px=1)
    assert picture[:, 40, 20].tolist() == one(0, 1, max_px=1)  # down is positive v


def test_the_clipped_fraction_counts_vectors_longer_than_the_scale():
    flow = torch.tensor([[3.0, 0, 0, 0], [4.0, 0, 6, 1]]).reshape(1, 2, 1, 4)
    assert clipped_fraction(flow, 4.9) == 0.5 and clipped_fraction(flow, 5) == 0.25


@pytest.mark.parametrize("options", [{"max_px": 0}, {"max_px": float("nan")}, {"max_px": 1, "encoding": "hsv"}])
def test_wrong_scales_and_encodings_are_refused(options):
    with pytest.raises(AmcError, match=f"{list(options)[-1]}: "):
        render(FLOW, **options)


def test_half_precision_from_the_cache_is_accepted():
    assert (render(FLOW.half(), max_px=3).int() - render(FLOW, max_px=3).int()).abs().max() <= 1
