"""X-CLIP: equal to transformers' port, and what training and scoring rely on."""

import amc.base.torchvision_cpu  # noqa: F401, I001  before open_clip and transformers
import copy

import open_clip
import pytest
import torch
from transformers import XCLIPConfig, XCLIPModel

from amc.base.errors import AmcError
from amc.model import build, nearest, text, weights
from amc.model.prompts import VideoPrompts
from amc.model.xclip import is_new

NAMES = ["walking", "keeping still", "performing sexual display"]  # of 1, 2 and 3 words: padding differs


@pytest.fixture(scope="module")
def classifier():
    return build("synth-clip", "random", num_slots=6)  # three frames interleaved with their flows


@pytest.fixture(scope="module")
def lively(classifier):
    """The same with new modules that say something: untrained, they hardly do."""
    xclip = copy.deepcopy(classifier.network)
    for name, parameter in xclip.named_parameters():
        if is_new(name):
            parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    return xclip


def pixels(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def reference(config, kind: type = XCLIPModel) -> XCLIPModel:
    """transformers' X-CLIP or CLIP, every parameter random: no bias, norm or position where an error could hide."""
    generator = torch.Generator().manual_seed(0)
    model = kind(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_gain = parameter.ndim == 1 and name.endswith("weight")
            std = 0.05 if parameter.ndim < 2 else parameter.shape[-1] ** -0.5
            parameter.normal_(is_gain, std, generator=generator)
        model.logit_scale.fill_(4.6052)
    return model


def tiny() -> XCLIPConfig:
    towers = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 2}
    vision = {"image_size": 24, "patch_size": 8, "num_frames": 3, "mit_hidden_size": 48, "mit_intermediate_size": 192}
    return XCLIPConfig(
        text_config=towers,
        vision_config={**towers, **vision, "mit_num_attention_heads": 3},
        projection_dim=48,
        prompt_num_attention_heads=3,
    )


def difference(theirs: XCLIPModel, xclip: torch.nn.Module, tower: torch.nn.Module, clip: torch.Tensor) -> float:
    """Largest difference in video embeddings, refined texts (both L2-normalised there) and cosines."""
    with torch.no_grad():
        there = theirs(input_ids=open_clip.tokenize(NAMES), pixel_values=clip)
        here = xclip.embed(clip, text.encode(tower, NAMES))
    normal = torch.nn.functional.normalize
    pairs = (
        (normal(here.video, dim=-1), there.video_embeds),
        (normal(here.text, dim=-1), there.text_embeds),
        (here.cosine, there.logits_per_video / theirs.logit_scale.exp()),
    )
    return max((ours - others).abs().max().item() for ours, others in pairs)


@pytest.mark.parametrize(
    ("config", "sizes", "shape"),
    [
        (tiny(), {"head_width": 32, "new_heads": 3}, (2, 3, 3, 24, 24)),
        (XCLIPConfig(), {}, (1, 8, 3, 224, 224)),  # microsoft/xclip-base-patch32's own sizes
    ],
    ids=["tiny", "B/32"],
)
def test_equals_transformers_in_float64_and_float32(config, sizes, shape):
    theirs = reference(config)
    xclip, tower = weights.from_transformers(theirs.state_dict(), **sizes)
    # Order of summation alone gives about 1e-6 in float32 and 1e-15 in float64; a wrong step gives 1e-2 and more.
    assert difference(theirs, xclip, tower, pixels(*shape)) < 1e-4
    assert difference(theirs.double(), xclip.double(), tower.double(), pixels(*shape).double()) < 1e-8


def test_logits_are_the_cosine_at_the_scale_that_clip_learned_plus_the_bias(classifier):
    clip, names = pixels(2, 6, 3, 64, 64), classifier.encode(NAMES)
    cosine = classifier.network.embed(clip, names).cosine
    assert torch.allclose(classifier.network(clip, names), cosine / 0.07, rtol=1e-4)  # an untrained CLIP starts there
    assert cosine.abs().max() <= 1
    model = copy.deepcopy(classifier.network)
    model.logit_bias.fill_(-3)
    assert torch.allclose(model(clip, names), cosine / 0.07 - 3, rtol=1e-4)


@pytest.mark.parametrize("is_training", [True, False])
def test_forward_changes_no_mode_parameter_or_buffer(classifier, is_training):
    xclip = copy.deepcopy(classifier.network).train(is_training)
    before = {name: tensor.clone() for name, tensor in xclip.state_dict().items()}
    xclip(pixels(1, 6, 3, 64, 64), classifier.encode(NAMES))
    assert all(module.training is is_training for module in xclip.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in xclip.state_dict().items())


def test_gradients_reach_every_parameter_from_an_interleaved_clip(classifier):
    xclip = copy.deepcopy(classifier.network)
    xclip(pixels(2, 6, 3, 64, 64), classifier.encode(NAMES))[:, 0].sum().backward()
    untouched = [name for name, p in xclip.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # The key's bias moves all attention logits alike, so its gradient is zero, but the fused bias has query and value.
    assert untouched == []


def test_a_clip_scores_alike_alone_and_in_a_batch(classifier, lively):
    clips, names = pixels(3, 6, 3, 64, 64), classifier.encode(NAMES)
    with torch.no_grad():
        together, other = lively.embed(clips, names), lively.embed(clips[[0, 2, 1]], names)
        alone = torch.cat([lively.embed(clip[None], names).cosine for clip in clips])
    assert (together.cosine - alone).abs().max() < 1e-5  # order of summation; clips themselves differ by far more:
    assert (together.cosine - other.cosine).abs().max() > 1e-3


def test_the_order_of_labels_only_permutes_logits(classifier):
    clip, order = pixels(1, 6, 3, 64, 64), [2, 0, 1]
    with torch.no_grad():
        logits = classifier.network(clip, classifier.encode(NAMES))
        permuted = classifier.network(clip, classifier.encode([NAMES[index] for index in order]))
    assert torch.allclose(permuted, logits[:, order], atol=1e-3)  # 1e-5 of a cosine, times 100


def test_frames_hear_of_each_other_but_not_of_their_order(lively):
    encode, clip, order = copy.deepcopy(lively.frames).double(), pixels(1, 6, 3, 64, 64).double(), [3, 0, 5, 1, 4, 2]
    with torch.no_grad():
        frames, patches = encode(clip)
        shuffled, _ = encode(clip[:, order])
        alone, _ = encode(clip[:, :1])
    assert frames.shape == (1, 6, 128) and patches.shape == (1, 6, 64, 160)
    assert (shuffled - frames[:, order]).abs().max() < 1e-12
    assert (alone - frames[:, :1]).abs().max() > 1e-4


def test_integration_knows_the_order_of_frames(classifier):
    frames = pixels(1, 6, 128)
    with torch.no_grad():
        video, backwards = (classifier.network.integration(x) for x in (frames, frames.flip(1)))
    assert (video - backwards).abs().max() > 1e-5


def test_untrained_modules_leave_clips_embeddings_nearly_alone(classifier):
    frames, names = pixels(2, 6, 128), classifier.encode(NAMES)
    with torch.no_grad():
        video = classifier.network.integration(frames)
        refined = classifier.network.prompts(names, pixels(2, 6, 64, 160))
    assert torch.cosine_similarity(video, frames.mean(1), dim=-1).min() > 0.9
    assert torch.cosine_similarity(refined, names.expand(2, -1, -1), dim=-1).min() > 0.9


def test_averaging_patches_before_projecting_them_is_exact():
    prompts = VideoPrompts(20, 12).double()
    patches = pixels(2, 3, 5, 20).double()
    first = prompts.norm(patches).mean(dim=1) @ prompts.projection
    last = (prompts.norm(patches) @ prompts.projection).mean(dim=1)
    assert (first - last).abs().max() < 1e-14


def test_trimmed_text_equals_open_clips_own_encoding():
    clip = weights.open_clip_model("synth-clip", "random", seed=3)
    with torch.no_grad():
        whole = clip.encode_text(open_clip.get_tokenizer("synth-clip")(NAMES))
    assert (text.encode(clip, NAMES) - whole).abs().max() < 1e-5  # order of summation
    assert text.encode(clip, NAMES).norm(dim=-1).sub(1).abs().min() > 1e-2  # not normalised


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "empty"),
        (["walking", " "], "number 1 is empty"),
        (["walking", "eating", "walking"], "'walking' occurs more than once"),
        (["walking", "very " * 31 + "long"], "longer than the 32 tokens"),
        ("walking", "give a list"),
    ],
)
def test_names_that_cannot_be_encoded_are_refused(classifier, names, message):
    with pytest.raises(AmcError, match=message):
        classifier.encode(names)


def test_the_longest_name_that_fits_is_encoded(classifier):
    assert classifier.encode(["very " * 29 + "long"]).shape == (1, 128)  # 30 words, start and end: 32 tokens


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (torch.zeros(1, 4, 3, 64, 64), "4 slots, but the model has 6"),
        (torch.zeros(1, 6, 3, 64, 48), r"has to be \(B, T, 3, 64, 64\)"),
        (torch.zeros(6, 3, 64, 64), r"has to be \(B, T, 3, 64, 64\)"),
        (torch.zeros(1, 6, 3, 64, 64, dtype=torch.uint8), "floats"),
    ],
)
def test_pixels_of_another_form_are_refused(classifier, clip, message):
    with pytest.raises(AmcError, match=message):
        classifier.network(clip, classifier.encode(NAMES))


def test_text_of_another_width_is_refused(classifier):
    with pytest.raises(AmcError, match=r"has to be \(C, 128\)"):
        classifier.network(pixels(1, 6, 3, 64, 64), torch.zeros(3, 64))


def test_nearest_texts_come_by_name_and_in_order():
    cosine = torch.tensor([[0.1, 0.5, 0.25], [-0.5, -1.0, 0.0]])
    assert nearest(cosine, NAMES, k=2) == [
        [("keeping still", 0.5), ("performing sexual display", 0.25)],
        [("performing sexual display", 0.0), ("walking", -0.5)],
    ]
    with pytest.raises(AmcError, match="choose k from 1 to 3"):
        nearest(cosine, NAMES, k=4)
    assert nearest(cosine, NAMES, k=1) == [[("keeping still", 0.5)], [("performing sexual display", 0.0)]]
    assert [len(row) for row in nearest(torch.zeros(1, 7), [*"abcdefg"])] == [5]
    assert [len(row) for row in nearest(cosine, NAMES, k=3)] == [3, 3]
    with pytest.raises(AmcError, match="2, but cosine has 3 columns"):
        nearest(cosine, NAMES[:2])


def test_groups_hold_every_parameter_once_and_new_modules_learn_faster(classifier):
    xclip = classifier.network
    names = {parameter: name for name, parameter in xclip.named_parameters()}
    groups = xclip.parameter_groups(8e-6)
    assert sorted(names[p] for group in groups for p in group["params"]) == sorted(names.values())
    for group in groups:
        for parameter in group["params"]:
            name = names[parameter]
            assert group["lr"] == pytest.approx(8e-5 if is_new(name) else 8e-6)
            assert group["weight_decay"] == (0 if parameter.ndim == 1 or "positions" in name else 1e-3)
    assert {name.split(".")[0] for name in names.values() if not is_new(name)} == {"frames"}
    assert is_new("frames.blocks.0.message_attention.in_proj_weight")
