import pytest
import torch

from amc.base.errors import AmcError
from amc.config import Pixels
from amc.interleave import MODALITIES, deinterleave, interleave

FRAMES = torch.arange(3 * 3 * 2 * 4, dtype=torch.uint8).reshape(3, 3, 2, 4)
FLOWS = FRAMES + 100


def parts(modality):
    return (FRAMES if "rgb" in modality else None), (FLOWS if "flow" in modality else None)


def test_frames_and_flows_alternate_frame_first():
    clip = interleave(FRAMES, FLOWS)
    expected = [FRAMES[0], FLOWS[0], FRAMES[1], FLOWS[1], FRAMES[2], FLOWS[2]]
    assert torch.equal(clip, torch.stack(expected)) and clip.dtype == torch.uint8


def test_one_modality_alone_is_itself():
    assert torch.equal(interleave(FRAMES, None), FRAMES)
    assert torch.equal(interleave(None, FLOWS), FLOWS)


@pytest.mark.parametrize("modality", MODALITIES)
def test_deinterleave_is_the_inverse(modality):
    clip = interleave(*parts(modality))
    assert len(clip) == 3 * Pixels(modality=modality).slots_per_frame
    for found, expected in zip(deinterleave(clip, modality), parts(modality), strict=True):
        assert (found is None and expected is None) or torch.equal(found, expected)


@pytest.mark.parametrize("pair", [(None, None), (FRAMES, FLOWS[:2]), (FRAMES, FLOWS.float()), (FRAMES, FLOWS[..., :3])])
def test_pictures_that_do_not_fit_are_refused(pair):
    with pytest.raises(AmcError, match="frames and flows"):
        interleave(*pair)


def test_a_refusal_of_pictures_shows_both():
    with pytest.raises(AmcError, match="frames and flows: None and None; expected"):
        interleave(None, None)


def test_an_unknown_modality_and_an_odd_clip_are_refused():
    with pytest.raises(AmcError, match="modality: 'rgbflow' .*rgb, flow, rgb\\+flow"):
        deinterleave(FRAMES, "rgbflow")
    with pytest.raises(AmcError, match="even"):
        deinterleave(FRAMES, "rgb+flow")
