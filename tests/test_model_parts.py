"""The parts of X-CLIP: how they start, what they are built on, and what of them is computed again or does not decay."""

import amc.base.torchvision_cpu  # noqa: F401, I001  before open_clip
import copy

import pytest
import torch
from open_clip.transformer import QuickGELU, ResidualAttentionBlock
from torch import nn

from amc.base.errors import AmcError
from amc.model import build, load, weights
from amc.model.layers import mlp, num_heads, parameter_groups
from amc.model.vision import FrameEncoder, keep_patches
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


@pytest.mark.parametrize("activation", [QuickGELU, nn.GELU])
def test_the_mlp_and_its_gradients_equal_open_clips(activation):
    torch.manual_seed(0)
    block = ResidualAttentionBlock(64, 2, act_layer=activation).double().mlp
    x = torch.randn(3, 7, 64, dtype=torch.float64, requires_grad=True)
    results = []
    for run in (block, lambda tokens: mlp(block, tokens)):
        out = run(x)
        wanted = [x, *block.parameters()]
        results.append([out.detach(), *torch.autograd.grad(out.square().sum(), wanted)])
    for theirs, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_kept_patches_are_the_same_places_in_all_slots_of_a_clip_and_the_class_token_stays():
    tokens = torch.arange(2 * 3)[:, None, None] * 100 + torch.arange(1 + 16)[None, :, None] + torch.zeros(6, 17, 4)
    kept = keep_patches(tokens, torch.tensor([[0, 5, 15], [2, 1, 7]]))
    places = [[0, 1, 6, 16], [0, 3, 2, 8]]
    expected = [[100 * frame + place for place in places[frame // 3]] for frame in range(6)]
    assert torch.equal(kept, torch.tensor(expected)[..., None].expand(-1, -1, 4).float())


def test_patches_are_left_out_in_training_only(classifier):
    network = copy.deepcopy(classifier.network)
    pixels = torch.randn(2, network.integration.positions.shape[1], 3, 64, 64)
    whole = network.eval().frames(pixels)
    network.frames.kept = torch.arange(32).expand(2, -1)
    assert all(torch.equal(a, b) for a, b in zip(network.frames(pixels), whole, strict=True))
    assert network.train().frames(pixels)[1].shape[2] == 32 == whole[1].shape[2] // 2
