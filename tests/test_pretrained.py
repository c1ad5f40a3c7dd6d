"""Weights that others trained are named by one flag: the backbone that fits, pictures and frames as it expects them."""

import numpy as np
import pytest
import torch
from test_cuts import scenes
from transformers import XCLIPConfig, XCLIPModel

from amc.base.errors import AmcError
from amc.ethogram import predictor
from amc.ethogram.sliding_window import sliding_window
from amc.ethogram.timeline import SlidingWindow
from amc.model import weights
from amc.runs import experiment
from amc.runs.ablation import ablation
from amc.synth import generate

FRAMES, SIZE = 3, 96  # as the small X-CLIP was trained


@pytest.fixture(scope="module")
def xclip(tmp_path_factory) -> str:
    """A folder as of an X-CLIP on the hub: small, and of random weights."""
    towers = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 1}
    vision = {"image_size": SIZE, "patch_size": 32, "num_frames": FRAMES, "mit_hidden_size": 64}
    vision |= {"mit_intermediate_size": 256, "mit_num_attention_heads": 1}
    config = XCLIPConfig(
        text_config=towers, vision_config={**towers, **vision}, projection_dim=64, prompt_num_attention_heads=1
    )
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("hub") / "xclip-tiny"
    XCLIPModel(config).save_pretrained(folder)
    return str(folder)


def run_of(**given):
    [cell] = ablation(**{"scheme": "sparse", "modality": "rgb", "size": "smoke"} | given)
    return cell


@pytest.mark.parametrize(
    "pretrained, backbone, short_side",
    [("openai", "ViT-B-16-quickgelu", 252), ("laion2b_s34b_b79k", "ViT-B-32", 252), ("", "synth-clip", 72)],
)
def test_a_tag_alone_takes_a_backbone_that_fits_and_pictures_as_large_as_its_input(pretrained, backbone, short_side):
    cell = run_of(pretrained=pretrained, size="quick")
    assert (cell.backbone, cell.pixels.short_side) == (backbone, short_side)
    assert cell.pixels.short_side >= weights.image_size(cell.backbone, cell.pretrained)


def test_a_backbone_that_is_named_stays_and_other_sources_keep_the_usual_one():
    assert run_of(pretrained="openai", backbone="ViT-L-14-quickgelu").backbone == "ViT-L-14-quickgelu"
    assert run_of(pretrained="random").backbone == "synth-clip"
    assert weights.fitting("random", "usual") == weights.fitting("some/file.pt", "usual") == "usual"


def test_an_xclip_sees_as_many_frames_as_in_its_training_unless_told_otherwise(xclip):
    cell = run_of(backbone="xclip", pretrained=xclip)
    assert (cell.sampling.frames, cell.pixels.short_side) == (FRAMES, 108)
    assert run_of(backbone="xclip", pretrained=xclip, frames=5).sampling.frames == 5
    with pytest.raises(AmcError, match="neither a file nor known for xclip"):
        run_of(backbone="xclip")


def test_an_xclip_by_its_name_on_the_hub_is_that_folder(xclip, monkeypatch):
    import huggingface_hub

    asked = []
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **given: asked.append(name) or xclip)
    assert run_of(backbone="xclip", pretrained="microsoft/xclip-tiny").sampling.frames == FRAMES
    assert set(asked) == {"microsoft/xclip-tiny"}


def test_an_xclip_by_names_alone_is_stamped_for_what_it_is(xclip, tmp_path):
    found = predictor.by_names(["walking", "eating"], backbone="xclip", pretrained=xclip)
    assert found.stamp == "ZERO-SHOT, trained on other videos and behaviours, weights xclip-tiny"
    assert (found.sampling.frames, found.pixels.short_side, found.pixels.modality) == (FRAMES, 256, "rgb")
    generate.write_video(tmp_path / "a.mp4", iter(scenes(48)))
    seen = sliding_window(tmp_path / "a.mp4", found, SlidingWindow())
    assert seen.probs.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("modality", ["rgb", "rgb+flow"])
def test_an_xclip_is_trained_on_one_s_own_clips_and_predicts(xclip, tmp_path, modality):
    clips = [f"{k}.mp4,{'walk' if k % 2 else 'eat'}" for k in range(8)]
    for k in range(8):
        generate.write_video(tmp_path / f"{k}.mp4", iter(scenes(16, move=1 + k % 2 * 4)))
    (tmp_path / "labels.csv").write_text("\n".join(["file,labels", *clips]))
    cell = run_of(dataset="folder", data_root=str(tmp_path), backbone="xclip", pretrained=xclip, modality=modality)
    lines = []
    [done] = experiment.run_all([cell], workers=1, log=lines.append)
    test = done.scores("test")
    assert test.frames.shape[-1] == FRAMES and np.isfinite(test.logits).all()
    found = predictor.by_model(done.folder)
    assert found.classifier.card["num_slots"] == FRAMES * (2 if modality == "rgb+flow" else 1)
    assert found.pixels.short_side == 108 and "GENERATED" not in found.stamp and found.detector is None
    assert found.facts["unlike_training"].startswith("not known: ")
    [told] = [line for line in lines if "done: " in line]
    assert "by chance" in told and "95 % intervals over" in told
    assert any("validation: " in line and "by chance" in line for line in lines)
