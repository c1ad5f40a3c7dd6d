"""The parts of X-CLIP: how they start, what they are built on, and what of them is computed again or does not decay."""

import amc.base.torchvision_cpu  # noqa: F401, I001  before open_clip
import copy

import pytest
import torch

from amc.base.errors import AmcError
from amc.model import build, load, weights
from amc.model.layers import num_heads, parameter_groups
from amc.model.vision import FrameEncoder
from amc.model.xclip import XCLIP, is_new


@pytest.fixture(scope="module")
def classifier():
    return build("synth-clip", "random", num_slots=6)


def test_new_modules_have_the_size_and_the_start_of_x_clips(classifier):
    assert [num_heads(width) for width in (512, 128, 127, 32)] == [8, 2, 1, 1]  # 64 channels each
    prompts, integration = classifier.network.prompts, classifier.network.integration
    assert len(prompts.layers) == 2 and (prompts.alpha == 0.1).all()
    assert prompts.projection.std().item() == pytest.approx(160**-0.5, rel=0.1)
    assert integration.positions.std().item() == pytest.approx(0.02, rel=0.1)
    new = [*prompts.layers.modules(), *integration.modules(), classifier.network.frames.blocks[0].message]
    linears = [part for part in new if isinstance(part, torch.nn.Linear)]
    assert all(part.weight.std().item() == pytest.approx(0.02, rel=0.1) for part in linears)
    assert not any(part.bias.any() for part in linears if part.bias is not None)
    bare = XCLIP(classifier.network.frames, integration, prompts)
    assert bare.logit_scale.exp().item() == pytest.approx(100, rel=1e-4) and bare.logit_bias == 0


@pytest.mark.parametrize("is_checkpointed", [False, True])
def test_checkpointing_computes_each_block_again_for_the_same_gradients(classifier, monkeypatch, is_checkpointed):
    frames, clip = (
        copy.deepcopy(classifier.network.frames),
        torch.randn(1, 6, 3, 64, 64, generator=torch.Generator().manual_seed(0)),
    )
    for name, parameter in frames.named_parameters():
        parameter.requires_grad_(is_new(name))  # the image tower is frozen, so the first block's input needs none
    expected = torch.autograd.grad(frames(clip)[0].square().sum(), frames.blocks[0].message.weight)[0]
    calls = []
    frames.blocks[0].message.register_forward_hook(lambda *_: calls.append(1))
    frames.is_checkpointed = frames.is_checkpointed or is_checkpointed
    frames(clip)[0].square().sum().backward()
    assert len(calls) == 1 + is_checkpointed
    assert torch.allclose(frames.blocks[0].message.weight.grad, expected)
    with torch.no_grad():
        monkeypatch.setattr("amc.model.vision.checkpoint", None)  # nothing is kept, so nothing is computed again
        frames(clip)


@pytest.mark.parametrize(
    "change",
    [
        lambda tower: setattr(tower, "pool_type", "avg"),
        lambda tower: setattr(tower, "attn_pool", torch.nn.Identity()),
        lambda tower: tower.transformer.resblocks.append(torch.nn.Identity()),
    ],
    ids=["pool", "attention pool", "blocks"],
)
def test_towers_without_a_class_token_and_plain_blocks_are_refused(change):
    tower = weights.open_clip_model("synth-clip", "random").visual
    change(tower)
    for other in (tower, torch.nn.Linear(1, 1)):
        with pytest.raises(AmcError, match="needs a ViT with a class token"):
            FrameEncoder(other)


def test_positions_and_learned_queries_of_all_systems_do_not_decay_and_what_is_frozen_does_not_learn():
    names = ["positions", "position_embeddings", "time_embeddings", "cls_token", "queries", "weight", "frozen"]
    module = torch.nn.ParameterDict({name: torch.zeros(2, 2) for name in names})
    module["frozen"].requires_grad_(False)
    decayed, undecayed = parameter_groups(module, 1.0, lr_mult=1, weight_decay=0.5, is_new=lambda _: False)
    assert [id(p) for p in decayed["params"]] == [id(module["weight"])] and decayed["weight_decay"] == 0.5
    assert {id(p) for p in undecayed["params"]} == {id(module[name]) for name in names[:5]}
    assert undecayed["weight_decay"] == 0


def test_a_model_that_was_saved_when_the_bundled_weights_had_another_name_is_still_read(tmp_path):
    saved = build("synth-clip", "bundled", num_slots=2)
    saved.card["pretrained"] = "shipped"
    saved.save(tmp_path / "model.safetensors", {"names": ["walking"]})
    found, _ = load(tmp_path / "model.safetensors")
    assert found.names == ("walking",) and found.card["pretrained"] == "bundled"
