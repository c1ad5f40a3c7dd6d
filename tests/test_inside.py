"""Attention that is recomputed is the attention that the model used, for any CLIP and any number of slots."""

import amc.base.torchvision_cpu  # noqa: F401, I001  before transformers
import numpy as np
import pytest
import torch
from transformers import XCLIPConfig, XCLIPModel

from amc import model
from amc.companion import inside
from amc.model import weights
from amc.model.layers import self_attention


@pytest.fixture(scope="module")
def xclip():
    """New modules that say something: untrained, they hardly do."""
    built = model.build("synth-clip", "random", num_slots=4).network
    for parameter in built.parameters():
        parameter.data.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    return built


@pytest.fixture(scope="module")
def pixels():
    return torch.randn(2, 4, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_the_weights_times_the_values_are_what_fused_attention_gives():
    layer = torch.nn.MultiheadAttention(32, 4, batch_first=True)
    x = torch.randn(3, 7, 32)
    found = inside.attention_weights(layer, x, num_queries=2)
    assert found.shape == (3, 4, 2, 7) and torch.allclose(found.sum(dim=-1), torch.ones(()))
    value = torch.nn.functional.linear(x, layer.in_proj_weight, layer.in_proj_bias).chunk(3, dim=-1)[2]
    mixed = (found @ value.unflatten(-1, (4, -1)).transpose(1, 2)).transpose(1, 2).flatten(2)
    assert torch.allclose(layer.out_proj(mixed), self_attention(layer, x, num_queries=2), atol=1e-6)


def test_every_layer_slot_and_head_is_seen_and_sums_to_one(xclip, pixels):
    seen = inside.look(xclip, pixels)
    layers, patches = len(xclip.frames.blocks), seen.grid[0] * seen.grid[1]
    assert seen.class_token.shape[:3] == (layers, 2, 4) and seen.class_token.shape[-1] == patches + 2
    assert seen.messages.shape[0] == layers and seen.messages.shape[-2:] == seen.temporal.shape[-2:] == (4, 4)
    for found in (seen.class_token, seen.messages, seen.temporal):
        assert torch.allclose(found.sum(dim=-1), torch.ones(()), atol=1e-5)
    assert seen.patches(-1).shape == (2, 4, *seen.grid)


def test_looking_leaves_the_model_as_it_was(xclip, pixels):
    text = torch.randn(3, xclip.prompts.alpha.shape[0])
    with torch.inference_mode():
        before = xclip(pixels, text)
        inside.look(xclip, pixels)
        assert torch.equal(xclip(pixels, text), before)
    assert not any(block._forward_pre_hooks for block in xclip.frames.blocks)


def test_attention_equals_that_of_transformers():
    tower = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 1}
    sight = tower | {"image_size": 16, "patch_size": 8, "num_frames": 3, "mit_hidden_size": 64}
    sight |= {"mit_intermediate_size": 256, "mit_num_attention_heads": 1}
    config = XCLIPConfig(
        text_config=tower | {"vocab_size": 50}, vision_config=sight, projection_dim=64, prompt_num_attention_heads=1,
        attn_implementation="eager",
    )  # fmt: skip
    torch.manual_seed(0)
    port = XCLIPModel(config).eval()
    with torch.no_grad():
        for parameter in port.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    pixels = torch.randn(2, 3, 3, 16, 16)
    with torch.inference_mode():
        theirs = port.vision_model(pixels.flatten(0, 1), output_attentions=True).attentions
    seen = inside.look(weights.from_transformers(port.state_dict())[0], pixels)
    for layer, attention in enumerate(theirs):  # (B T, heads, 1 + N + 1, 1 + N + 1)
        ours = seen.class_token[layer].flatten(0, 1)
        assert torch.allclose(ours, attention[:, :, 0], atol=1e-4), layer


def test_uniform_attention_is_one_everywhere():
    class_token = torch.full((1, 1, 4, 2, 6), 1 / 6)
    uniform = torch.full((1, 1, 2, 4, 4), 1 / 4)
    seen = inside.Inside(class_token, uniform, uniform[0], (2, 2))
    assert torch.allclose(seen.patches(0), torch.ones(()))
    assert seen.shares(0, np.array([False, True, False, True])) == pytest.approx(
        {"frame → frame": 1, "frame → flow": 1, "flow → frame": 1, "flow → flow": 1}
    )


def test_shares_are_means_over_kinds_of_slots():
    messages = torch.tensor([[0.1, 0.9], [0.4, 0.6]]).view(1, 1, 1, 2, 2)
    seen = inside.Inside(torch.zeros(1, 1, 2, 1, 6), messages, messages[0], (2, 2))
    found = seen.shares(0, np.array([False, True]))
    assert found == pytest.approx({"frame → frame": 0.2, "frame → flow": 1.8, "flow → frame": 0.8, "flow → flow": 1.2})
    assert set(seen.shares(0, np.array([False, False]))) == {"frame → frame"}


def test_the_part_that_goes_to_patches_leaves_out_the_class_token_and_the_message():
    class_token = torch.tensor([0.3, 0.1, 0.2, 0.1, 0.1, 0.2]).view(1, 1, 1, 1, 6)
    some = torch.ones(1, 1, 1, 1, 1)
    assert inside.Inside(class_token, some, some[0], (2, 2)).to_patches(0).item() == pytest.approx(0.5)


def test_exchanged_attention_is_that_of_the_last_layer_and_of_the_integration(xclip, pixels):
    seen = inside.look(xclip, pixels)
    assert torch.allclose(seen.messages[0], torch.tensor(1 / 4), atol=1e-6)  # equal messages, whatever was learnt
    found = seen.exchanged()
    assert ["reads" in name for name in found] == [True, False]
    assert torch.allclose(next(iter(found.values())), seen.messages[-1].mean(dim=(0, 1)))
    assert all(torch.allclose(looked.sum(dim=1), torch.ones(4)) for looked in found.values())


def test_a_text_that_no_video_moves_stays_where_it_is(xclip, pixels):
    text = torch.randn(3, xclip.prompts.alpha.shape[0], generator=torch.Generator().manual_seed(2))
    found = inside.moved(xclip, pixels, text)
    assert (found["angle"] > 0.1).all() and not np.allclose(found["before"], found["after"])
    still = model.build("synth-clip", "random", num_slots=4).network
    torch.nn.init.zeros_(still.prompts.alpha)
    found = inside.moved(still, pixels, text)
    assert found["before"] == pytest.approx(found["after"], abs=1e-6) and (found["angle"] < 0.1).all()


def test_both_implementations_see_the_same_video():
    theirs, ours = inside.parity(num_slots=5)
    assert theirs.shape == ours.shape and (theirs - ours).abs().max() < 1e-4 * theirs.abs().max()


def test_a_clip_of_another_size_can_be_looked_into():
    built = model.build("ViT-B-32-quickgelu", "random", num_slots=2).network
    seen = inside.look(built, torch.randn(1, 2, 3, 224, 224))
    assert seen.grid == (7, 7) and seen.class_token.shape == (12, 1, 2, 12, 51)
