"""MSQNet: its parts against plain loops and other people's code, and what training and scoring rely on."""

import amc.base.torchvision_cpu  # noqa: F401, I001  before open_clip and transformers
import copy
import math
import sys
from functools import partial

import pytest
import torch
from safetensors.torch import save_file
from transformers import TimesformerConfig, TimesformerForVideoClassification

from amc.baselines import msqnet, timesformer
from amc.base.errors import AmcError
from amc.model import build, text, weights
from amc.base import checkpoint

NAMES = ["walking", "keeping still", "performing sexual display"]
SMALL = "timesformer-small"


@pytest.fixture(scope="module")
def classifier():
    return msqnet.build(SMALL, "", names=NAMES, num_slots=3)


def pixels(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def saved_timesformer(folder, *, num_heads: int = 4, num_layers: int = 4) -> TimesformerForVideoClassification:
    """A small TimeSformer that classifies, as the hub's do, in a folder; its positions in time say something."""
    config = TimesformerConfig(
        image_size=64, num_frames=2, hidden_size=128, num_hidden_layers=num_layers,
        num_attention_heads=num_heads, intermediate_size=512,
    )  # fmt: skip
    theirs = TimesformerForVideoClassification(config).eval()
    torch.nn.init.normal_(theirs.timesformer.embeddings.time_embeddings)  # zeros at first
    theirs.save_pretrained(folder)
    return theirs


def test_the_group_wise_linear_reads_each_behaviour_with_its_own_weights():
    readout, found = msqnet.GroupwiseLinear(3, 5), pixels(2, 3, 5)
    logits = readout(found)
    for b in range(2):
        for c in range(3):
            expected = sum(readout.weight[c, e] * found[b, c, e] for e in range(5)) + readout.bias[c]
            assert abs(logits[b, c] - expected) < 1e-6  # order of summation


def test_positions_are_sines_and_cosines_in_turn():
    positions = msqnet.sinusoids(7, 6)
    for token in range(7):
        for pair in range(3):
            angle = token / 10_000 ** (2 * pair / 6)
            assert positions[token, 2 * pair] == pytest.approx(math.sin(angle), abs=1e-6)
            assert positions[token, 2 * pair + 1] == pytest.approx(math.cos(angle), abs=1e-6)


def test_the_picture_is_the_mean_of_clips_features_before_their_projection(classifier):
    clip, tower = pixels(2, 3, 3, 64, 64), weights.open_clip_model("synth-clip", "bundled")
    with torch.no_grad():
        picture = classifier.network.picture(clip)
        expected = torch.stack([tower.encode_image(frame) for frame in clip.unbind(1)]).mean(dim=0)
        assert picture.shape == (2, 160)
        assert torch.allclose(picture @ tower.visual.proj, expected, atol=1e-5)  # order of summation


def test_queries_start_as_clips_features_of_the_names(classifier):
    tower = weights.open_clip_model("synth-clip", "bundled")
    assert torch.equal(classifier.network.queries, text.encode(tower, NAMES))


def test_forward_is_the_published_figure_step_by_step(classifier):
    module, clip = classifier.network, pixels(2, 3, 3, 64, 64)
    with torch.no_grad():
        tokens = torch.nn.functional.linear(module.video(clip)[0], module.project_tokens.weight)
        memory = module.transformer.encoder(tokens + msqnet.sinusoids(1 + 16 * 3, 128))
        for b, picture in enumerate(module.picture(clip)):
            asked = torch.stack([module.project_queries.weight @ torch.cat([q, picture]) for q in module.queries])
            found = module.transformer.decoder(asked[None], memory[b : b + 1])
            assert torch.allclose(module(clip)[b], module.head(found)[0], atol=1e-5)  # order of summation


def test_the_order_of_behaviours_only_permutes_logits(classifier):
    clip, order, permuted = pixels(2, 3, 3, 64, 64), [2, 0, 1], copy.deepcopy(classifier.network)
    for parameter in (permuted.queries, permuted.head.weight, permuted.head.bias):
        parameter.data = parameter.data[order]
    with torch.no_grad():
        logits = classifier.network(clip)
        assert torch.allclose(permuted(clip), logits[:, order], atol=1e-5)
    assert logits.std(dim=1).min() > 1e-3  # behaviours differ by more than the tolerance


def test_a_clip_scores_alike_alone_and_in_a_batch(classifier):
    clips = pixels(3, 3, 3, 64, 64)
    with torch.no_grad():
        together = classifier.network(clips)
        alone = torch.cat([classifier.network(clip[None]) for clip in clips])
    assert (together - alone).abs().max() < 1e-5
    assert (together[0] - together[1]).abs().max() > 1e-4  # clips differ by more


def test_the_order_of_frames_matters(classifier):
    clip = pixels(1, 3, 3, 64, 64)
    with torch.no_grad():
        assert (classifier.network(clip) - classifier.network(clip.flip(1))).abs().max() > 1e-4


def test_gradients_reach_all_but_clips_tower(classifier):
    module = copy.deepcopy(classifier.network)
    module(pixels(2, 3, 3, 64, 64)).sum().backward()
    untouched = {name for name, p in module.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    assert untouched == {name for name, _ in module.named_parameters() if name.startswith("image.")}
    assert not any(p.requires_grad for p in module.image.parameters())


def test_training_leaves_clips_tower_in_evaluation(classifier):
    module = copy.deepcopy(classifier.network).train()
    assert module.training and module.transformer.training and module.video.training
    assert not any(part.training for part in module.image.modules())
    assert not any(part.training for part in module.eval().modules())


@pytest.mark.parametrize("is_training", [True, False])
def test_forward_changes_no_state(classifier, is_training):
    module = copy.deepcopy(classifier.network).train(is_training)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    module(pixels(1, 3, 3, 64, 64))
    assert module.training is is_training
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_one_seed_gives_one_model_and_leaves_the_global_generator_alone(classifier):
    before = torch.get_rng_state()
    again, other = (msqnet.build(SMALL, "", names=NAMES, num_slots=3, seed=seed).network for seed in (0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    ours, same, different = (m.state_dict() for m in (classifier.network, again, other))
    assert all(torch.equal(tensor, same[name]) for name, tensor in ours.items())
    assert not torch.equal(ours["head.weight"], different["head.weight"])
    assert torch.equal(ours["queries"], different["queries"])  # CLIP's


def test_groups_hold_every_trainable_parameter_once_and_the_video_encoder_learns_slower(classifier):
    names = {parameter: name for name, parameter in classifier.network.named_parameters()}
    groups = classifier.network.parameter_groups(1e-5, lr_mult=7, weight_decay=0.5)
    held = [names[parameter] for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(name for name in names.values() if not name.startswith("image."))
    for group in groups:
        for parameter in group["params"]:
            assert group["lr"] == pytest.approx(1e-5 if names[parameter].startswith("video.") else 7e-5)


def test_a_shift_moves_every_logit_alike(classifier):
    moved, slots = copy.deepcopy(classifier), torch.zeros(2, 3, 3, 64, 64, dtype=torch.uint8)
    moved.add_bias(torch.tensor(-2.5))
    with torch.no_grad():
        assert torch.allclose(moved(slots), classifier(slots) - 2.5, atol=1e-5)
    assert moved.network.logit_bias.requires_grad  # and training goes on from there


def test_pixels_are_prepared_as_clip_wants_them(classifier):
    assert classifier.preprocess == build("synth-clip", "bundled", num_slots=1).preprocess


def test_a_saved_model_is_restored_whole(classifier, tmp_path):
    path, restored = tmp_path / "model.safetensors", msqnet.build(SMALL, "", names=NAMES, num_slots=3, seed=5)
    checkpoint.save(classifier.network, path, {})
    checkpoint.load_strictly(restored.network, checkpoint.read(path)[0], path)
    clip = pixels(1, 3, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(restored.network(clip), classifier.network(clip))


def test_from_another_msqnet_only_the_video_encoder_is_taken(classifier, tmp_path):
    path = tmp_path / "model.safetensors"
    checkpoint.save(classifier.network, path, {})
    started = msqnet.build(SMALL, path, names=["rearing", "nodding"], num_slots=3, seed=5)
    scratch = msqnet.build(SMALL, "", names=["rearing", "nodding"], num_slots=3, seed=5)
    theirs, fresh = classifier.network.state_dict(), scratch.network.state_dict()
    for name, tensor in started.network.state_dict().items():
        assert torch.equal(tensor, (theirs if name.startswith("video.") else fresh)[name]), name
    assert (started.card["is_random"], scratch.card["is_random"]) == (False, True)
    assert started.card["weights"] == "model.safetensors"  # not where it lies on this machine


@pytest.mark.parametrize("num_slots", [2, 5])
def test_a_transformers_timesformer_gives_what_it_gives_there_at_any_number_of_slots(tmp_path, num_slots):
    """There, positions in time of another T are interpolated in every forward; here once, when weights are taken."""
    theirs, clip = saved_timesformer(tmp_path), pixels(2, num_slots, 3, 64, 64)
    ours = msqnet.build(SMALL, tmp_path, names=NAMES, num_slots=num_slots).network.video
    theirs.config.num_frames = num_slots
    with torch.no_grad():
        assert torch.equal(ours(clip)[0], theirs.timesformer(clip)[0])
        theirs.timesformer.embeddings.time_embeddings.zero_()
        assert not torch.allclose(ours(clip)[0], theirs.timesformer(clip)[0], atol=1e-2)


def test_the_published_video_encoder_has_transformers_names_and_the_published_size():
    """Defaults of TimesformerConfig are those of facebook/timesformer-base-finetuned-k400."""
    with torch.device("meta"):
        theirs = TimesformerForVideoClassification(TimesformerConfig(num_labels=400))
        ours = timesformer.video_encoder(timesformer.VIDEO_ENCODERS["timesformer-base"], "", size=224, num_slots=8)
    shapes = [{name: tensor.shape for name, tensor in m.state_dict().items()} for m in (ours, theirs.timesformer)]
    assert shapes[0] == shapes[1]
    fields = ("num_attention_heads", "hidden_act", "layer_norm_eps", "qkv_bias", "attention_type")
    assert [getattr(ours.config, field) for field in fields] == [getattr(theirs.config, field) for field in fields]
    millions = sum(parameter.numel() for parameter in theirs.parameters()) / 1e6
    assert millions == pytest.approx(121.4, abs=0.2)  # TimeSformer's table 2; positions may or may not be counted


@pytest.mark.parametrize(
    ("network", "source", "message"),
    [
        ("timesformer-huge", "", "'timesformer-huge' is not known; choose one of: timesformer-base"),
        (SMALL, "a/b/c", "'a/b/c' is no .safetensors file"),
        (SMALL, "absent.safetensors", "is no .safetensors file"),
        (SMALL, "weights/absent.safetensors", "is no .safetensors file"),
        (SMALL, __file__, "is no .safetensors file"),
    ],
)
def test_what_is_unknown_is_refused_before_anything_is_built(network, source, message):
    with pytest.raises(AmcError, match=message):
        msqnet.check(network, source)


def test_what_may_be_had_passes_the_check(tmp_path):
    (tmp_path / "model.safetensors").touch()
    for source in ("", "facebook/timesformer-base-finetuned-k400", tmp_path, tmp_path / "model.safetensors"):
        msqnet.check("timesformer-base", source)


def test_without_transformers_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(AmcError, match=r"pip install 'amc\[baselines\]'"):
        msqnet.check(SMALL, "")


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (torch.zeros(1, 4, 3, 64, 64), r"\(1, 4, 3, 64, 64\), but it has to be \(B, 3, 3, 64, 64\)"),
        (torch.zeros(1, 3, 3, 64, 48), r"has to be \(B, 3, 3, 64, 64\)"),
        (torch.zeros(3, 3, 64, 64), r"has to be \(B, 3, 3, 64, 64\)"),
        (torch.zeros(1, 3, 3, 64, 64, dtype=torch.uint8), "floats"),
    ],
)
def test_pixels_of_another_form_are_refused(classifier, clip, message):
    with pytest.raises(AmcError, match=message):
        classifier.network(clip)


def test_weights_of_other_sizes_heads_or_networks_are_refused(tmp_path):
    build_small = partial(msqnet.build, SMALL, names=NAMES, num_slots=3)
    saved_timesformer(tmp_path / "heads", num_heads=8)
    with pytest.raises(AmcError, match="num_attention_heads is 8, but the network has 4"):
        build_small(tmp_path / "heads")
    saved_timesformer(tmp_path / "layers", num_layers=2)
    with pytest.raises(AmcError, match="missing .encoder.layer.2"):
        build_small(tmp_path / "layers")
    checkpoint.save(torch.nn.Linear(2, 2), tmp_path / "other.safetensors", {})
    with pytest.raises(AmcError, match="holds no video encoder of an MSQNet"):
        build_small(tmp_path / "other.safetensors")


def test_a_folder_with_damaged_or_missing_weights_is_refused(tmp_path):
    theirs, path = saved_timesformer(tmp_path), tmp_path / "model.safetensors"
    tensors = {name: tensor for name, tensor in theirs.state_dict().items() if not name.endswith("cls_token")}
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(AmcError, match=r"1 weights of a TimeSformer are missing \(embeddings.cls_token"):
        msqnet.build(SMALL, tmp_path, names=NAMES, num_slots=3)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(AmcError, match="could not be loaded"):
        msqnet.build(SMALL, tmp_path, names=NAMES, num_slots=3)


@pytest.mark.parametrize(
    ("clip", "num_slots", "message"),
    [(("RN50", "random"), 3, "RN50 is no ViT"), (("synth-clip", "bundled"), 0, "at least one")],
)
def test_another_kind_of_clip_and_no_slots_are_refused(clip, num_slots, message):
    with pytest.raises(AmcError, match=message):
        msqnet.build(SMALL, "", clip=clip, names=NAMES, num_slots=num_slots)
