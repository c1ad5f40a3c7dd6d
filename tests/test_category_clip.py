"""Category-CLIP: X-CLIP when the animal says nothing, open_clip's reading of the animal, and what training needs."""

import amc.base.torchvision_cpu  # noqa: F401, I001  before open_clip
import copy

import open_clip
import pytest
import torch
import torch.nn.functional as F

from amc import model, transforms, video
from amc.baselines import category_clip
from amc.baselines.category_clip import CategoryPrompts
from amc.datasets import drawn_world
from amc.base.errors import AmcError
from amc.base import checkpoint
from amc.model import weights
from amc.synth.species import SPECIES

NAMES = ["Walking", "Keeping still"]
ANIMALS = ["zebra", "tree frog", "eagle"]
SEEN = [name for name, species in SPECIES.items() if not species.unseen]


@pytest.fixture(scope="module")
def classifier():
    return category_clip.build("synth-clip", "random", names=NAMES, species=ANIMALS, num_slots=3)


@pytest.fixture(scope="module")
def lively(classifier):
    """The same with modules that say something: untrained, they hardly do."""
    module = copy.deepcopy(classifier.network)
    for name, parameter in module.named_parameters():
        if category_clip.is_new(name):
            parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    return module


@pytest.fixture(scope="module")
def bundled():
    return category_clip.build("synth-clip", "bundled", names=NAMES, species=SEEN, num_slots=1)


def pixels(num_clips: int = 2, *, seed: int = 0) -> torch.Tensor:
    return torch.randn(num_clips, 3, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


def with_other_slot(clips: torch.Tensor, slot: int) -> torch.Tensor:
    changed = clips.clone()
    changed[:, slot] = pixels(len(clips), seed=9)[:, 0]
    return changed


@torch.no_grad()
def test_an_animal_that_adds_nothing_leaves_exactly_x_clips_logits(classifier, lively):
    silent = copy.deepcopy(lively)
    silent.xclip.logit_bias.fill_(-2)
    for prompts in (silent.text_prompts, silent.video_prompts):
        prompts.alpha.zero_()
    text, _ = classifier.context
    assert torch.equal(silent(pixels(), *classifier.context), silent.xclip(pixels(), text))
    assert not torch.allclose(lively(pixels(), *classifier.context), lively.xclip(pixels(), text), atol=1e-2)


def test_x_clip_below_starts_as_the_one_that_model_builds(classifier):
    alone = model.build("synth-clip", "random", num_slots=3).network.state_dict()
    inside = classifier.network.xclip.state_dict()
    assert alone.keys() == inside.keys() and all(torch.equal(alone[name], inside[name]) for name in alone)


def test_the_category_is_open_clips_own_zero_shot_reading_of_the_middle_frame(bundled):
    clip = weights.open_clip_model("synth-clip", "bundled")
    tokens = open_clip.get_tokenizer("synth-clip")(SEEN)
    with torch.no_grad():
        image, text, scale = clip(pixels()[:, 1], tokens)
    # Another order of summation moves cosines by 1e-7 and logits, 100 times larger, by 1e-5.
    expected = (scale * image @ text.T).softmax(dim=-1)
    assert (bundled.network.category(pixels(), bundled.context[1]) - expected).abs().max() < 1e-4
    assert expected.max() > 0.2  # so that a uniform answer would fail


def test_only_the_middle_frame_moves_the_category(lively, classifier):
    _, animals = classifier.context
    read = lambda clips: lively.category(clips, animals)  # noqa: E731
    assert all(torch.equal(read(with_other_slot(pixels(), slot)), read(pixels())) for slot in (0, 2))
    assert not torch.allclose(read(with_other_slot(pixels(), 1)), read(pixels()), atol=1e-3)


def test_training_x_clip_does_not_move_the_category(lively, classifier):
    moved = copy.deepcopy(lively)
    for parameter in moved.xclip.frames.parameters():
        parameter.data.mul_(1.5)
    animals = classifier.context[1]
    assert torch.equal(moved.category(pixels(), animals), lively.category(pixels(), animals))


@torch.no_grad()
def test_a_single_token_prompt_equals_attention_and_mlp_written_out():
    prompts = CategoryPrompts(128, num_layers=2).double()
    prompts.norm.weight.uniform_(0.5, 2)
    prompts.alpha.uniform_(-1, 1)
    embeddings, animal = torch.randn(2, 5, 128).double(), torch.randn(2, 128).double()
    token = F.layer_norm(animal, (128,), prompts.norm.weight, prompts.norm.bias)[:, None]
    x = embeddings
    for layer in prompts.layers:
        x = x + layer.out(token @ layer.key_value.weight[128:].T)  # all attention falls on the only token
        x = x + layer.mlp(layer.norm_2(x))
    assert (prompts(embeddings, animal) - (embeddings + prompts.alpha * x)).abs().max() < 1e-12


@torch.no_grad()
def test_the_query_decides_nothing_and_is_frozen():
    prompts = CategoryPrompts(128).double()
    embeddings, animal = torch.randn(2, 5, 128).double(), torch.randn(2, 128).double()
    before = prompts(embeddings, animal)
    frozen = [parameter for parameter in prompts.parameters() if not parameter.requires_grad]
    for parameter in frozen:
        parameter.normal_()
    assert len(frozen) == 3 * 3  # query, and gain and shift of its norm, in each layer
    assert (prompts(embeddings, animal) - before).abs().max() < 1e-12


def test_gradients_reach_all_that_trains_and_nothing_of_the_tower(classifier):
    module = copy.deepcopy(classifier.network).train()
    module(pixels(), *classifier.context)[:, 0].sum().backward()
    parameters = dict(module.named_parameters())
    untouched = [n for n, p in parameters.items() if p.requires_grad and (p.grad is None or not p.grad.abs().sum() > 0)]
    assert untouched == []
    assert all(p.grad is None for p in module.tower.parameters())


def test_groups_hold_x_clips_own_and_the_generators_as_new_and_no_frozen_parameter(classifier):
    module = classifier.network
    rate = {id(p): group["lr"] for group in module.parameter_groups(1.0, lr_mult=7) for p in group["params"]}
    wanted = {id(p): group["lr"] for group in module.xclip.parameter_groups(1.0, lr_mult=7) for p in group["params"]}
    generators = [*module.text_prompts.parameters(), *module.video_prompts.parameters()]
    assert rate == wanted | {id(p): 7.0 for p in generators if p.requires_grad}


@pytest.mark.parametrize("is_training", [True, False])
def test_forward_changes_nothing_and_the_tower_never_trains(classifier, is_training):
    module = copy.deepcopy(classifier.network).train(is_training)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    module(pixels(1), *classifier.context)
    assert module.training is module.xclip.training is is_training
    assert not any(part.training for part in module.tower.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


@torch.no_grad()
def test_the_order_of_species_changes_nothing_and_the_order_of_names_permutes_logits(lively, classifier):
    text, animals = classifier.context
    logits = lively(pixels(), text, animals)
    assert torch.allclose(lively(pixels(), text, animals[[2, 0, 1]]), logits, atol=1e-4)  # order of summation, times 14
    assert torch.allclose(lively(pixels(), text[[1, 0]], animals), logits[:, [1, 0]], atol=1e-4)
    assert not torch.allclose(lively(pixels(), text, animals[[2, 0, 0]]), logits, atol=1e-3)


@torch.no_grad()
def test_an_animal_scores_as_the_mixture_of_species_that_it_is_read_as(bundled):
    text, animals = bundled.context
    clip = pixels(1)[:, 1:2]
    probs = bundled.network.category(clip, animals)
    mixture = (probs.unsqueeze(-1) * animals).sum(dim=1)  # (1, E): as if it were the name of the only species
    logits = bundled.network(clip, text, mixture)
    assert torch.allclose(bundled.network(clip, text, animals), logits, atol=1e-3)  # 1e-5 of a cosine, times 100
    assert not torch.allclose(bundled.network(clip, text, animals[:1]), logits, atol=1e-2)


@torch.no_grad()
def test_a_clip_scores_alike_alone_and_in_a_batch(lively, classifier):
    together = lively(pixels(3), *classifier.context)
    alone = torch.cat([lively(clip[None], *classifier.context) for clip in pixels(3)])
    assert (together - alone).abs().max() < 1e-4  # order of summation, times 14
    assert (together - together[[0, 2, 1]]).abs().max() > 1e-2


def middle_frames(table, preprocess) -> torch.Tensor:
    """Normalised clips of one slot (V, 1, 3, 64, 64): the middle frame of each."""
    frames = torch.cat([video.read_frames(clip.path, [clip.num_frames // 2]) for clip in table.clips])
    frames = transforms.resize(frames, None, (preprocess.size, preprocess.size))[0]
    return transforms.normalise(frames.unsqueeze(1), preprocess.mean, preprocess.std)


def test_seen_animals_are_told_far_above_chance_and_unseen_ones_become_mixtures(smoke_world, bundled):
    table = drawn_world.kingdom(smoke_world, size="smoke")
    probs = bundled.network.category(middle_frames(table, bundled.preprocess), bundled.context[1])
    is_known = torch.tensor([clip.species in SEEN for clip in table.clips])
    truth = torch.tensor([SEEN.index(clip.species) for clip in table.clips if clip.species in SEEN])
    accuracy = (probs[is_known].argmax(dim=-1) == truth).float().mean()
    assert accuracy > 0.9  # chance is 0.1; 0.99 of 600 clips
    assert torch.allclose(probs.sum(dim=-1), torch.ones(len(probs)))
    known, unknown = (probs[mask].max(dim=-1).values.mean() for mask in (is_known, ~is_known))
    assert unknown < known and not is_known.all()


def test_saved_weights_restore_the_same_logits_and_bias(tmp_path, lively, classifier):
    checkpoint.save(lively, tmp_path / "category.safetensors", {})
    fresh = category_clip.build("synth-clip", "random", names=NAMES, species=ANIMALS, num_slots=3, seed=5)
    fresh.add_bias(torch.tensor(-3.0))
    assert fresh.network.logit_bias == -3
    checkpoint.load_strictly(fresh.network, checkpoint.read(tmp_path / "category.safetensors")[0], "category")
    with torch.no_grad():
        assert torch.equal(fresh.network(pixels(), *fresh.context), lively(pixels(), *fresh.context))


def test_one_seed_gives_one_system_and_another_seed_another(classifier):
    build = lambda seed: category_clip.build(  # noqa: E731
        "synth-clip", "random", names=NAMES, species=ANIMALS, num_slots=3, seed=seed
    )
    slots = torch.randint(256, (1, 3, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.equal(build(0)(slots), classifier(slots))
    mine, other = (prompts.state_dict() for prompts in (classifier.network.text_prompts, build(1).network.text_prompts))
    assert not torch.equal(mine["layers.0.out.weight"], other["layers.0.out.weight"])


def test_the_card_says_what_the_system_was_built_from(classifier):
    expected = {"network": "category-clip", "backbone": "synth-clip", "pretrained": "random", "num_slots": 3, "seed": 0}
    assert classifier.card == expected | {"quick_gelu": True, "species": ANIMALS}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"species": []}, "species: none"),
        ({"species": ["zebra", "zebra"]}, "'zebra' occurs more than once"),
        ({"backbone": "xclip"}, "no plain CLIP"),
    ],
)
def test_what_cannot_be_built_is_refused(changes, message):
    arguments = {"backbone": "synth-clip", "pretrained": "random", "names": NAMES, "species": ANIMALS, "num_slots": 3}
    arguments |= changes
    with pytest.raises(AmcError, match=message):
        category_clip.build(arguments.pop("backbone"), arguments.pop("pretrained"), **arguments)


def test_species_of_another_width_are_refused(classifier):
    with pytest.raises(AmcError, match=r"has to be \(S, 128\)"):
        classifier.network(pixels(), classifier.context[0], torch.zeros(3, 64))
