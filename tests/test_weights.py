"""Weights: each source gives exactly what it names, and everything that does not fit is refused in one line."""

import amc.base.torchvision_cpu  # noqa: F401, I001  before open_clip and transformers
import json

import open_clip
import pytest
import torch
from safetensors.torch import load_file
from transformers import XCLIPConfig, XCLIPModel

from amc.base.errors import AmcError
from amc.model import build, load, weights
from amc.base import checkpoint


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A repository of the test's own, so that bundled weights can be written there."""
    monkeypatch.setenv("AMC_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def clip():
    return weights.open_clip_model("synth-clip", "random", seed=7)


@pytest.fixture(scope="module")
def port() -> dict[str, torch.Tensor]:
    towers = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1}
    vision = {"image_size": 16, "patch_size": 8, "num_frames": 3, "mit_hidden_size": 24, "mit_intermediate_size": 96}
    vision = {**towers, **vision, "mit_num_attention_heads": 1}
    text = {**towers, "vocab_size": 50}
    config = XCLIPConfig(text_config=text, vision_config=vision, projection_dim=24, prompt_num_attention_heads=1)
    return XCLIPModel(config).state_dict()


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def fails(match: str):
    return pytest.raises(AmcError, match=match)


def test_registering_again_changes_nothing():
    weights.register()
    models = open_clip.list_models()
    weights.register()
    assert open_clip.list_models() == models
    assert open_clip.create_model("synth-clip").visual.image_size == (64, 64)


def test_random_weights_follow_the_seed_and_leave_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (build("synth-clip", "random", num_slots=3, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert same(first.network, again.network) and same(first.encode.tower, again.encode.tower)
    assert not same(first.network, other.network)
    assert first.card["pretrained"] == "random"


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_file_gives_its_weights_and_the_seed_only_new_modules(tmp_path, clip, suffix):
    path = tmp_path / f"clip{suffix}"
    (tmp_path / "open_clip_config.json").write_text('{"model_cfg": {"quick_gelu": true}}')
    if suffix == ".pt":
        torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in clip.state_dict().items()}}, path)
    else:
        checkpoint.save(clip, path, {})
    first, other = (build("synth-clip", path, num_slots=3, seed=seed) for seed in (1, 2))
    assert torch.equal(first.network.frames.proj, clip.visual.proj)
    assert torch.equal(first.encode.tower.token_embedding.weight, clip.token_embedding.weight)
    assert same(first.network.frames.blocks[0].block, clip.visual.transformer.resblocks[0])
    assert not torch.equal(first.network.integration.positions, other.network.integration.positions)


def test_the_text_tower_is_frozen_and_the_image_tower_is_not(clip):
    classifier = build("synth-clip", "random", num_slots=3)
    assert not any(p.requires_grad for p in classifier.encode.tower.parameters())
    assert all(p.requires_grad for p in classifier.network.parameters())
    assert not hasattr(classifier.encode.tower, "visual")


def test_bundled_weights_return_as_float32_with_their_own_preprocessing(house, clip):
    path = weights.ship(clip, "synth-clip", {"mean": [0.1, 0.2, 0.3], "std": [1, 2, 3], "made by": "a test"})
    assert path == house / "data/weights/synth-clip.safetensors"
    assert load_file(path)["visual.proj"].dtype == torch.float16
    classifier = build("synth-clip", "bundled", num_slots=3)
    assert torch.equal(classifier.network.frames.proj, clip.visual.proj.half().float())
    assert classifier.preprocess.mean == (0.1, 0.2, 0.3) and classifier.preprocess.size == 64
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["made by"] == "a test" and card["quick_gelu"] is True and len(card["sha256"]) == 64


def test_bundled_weights_that_changed_or_lack_their_card_are_refused(house, clip):
    with fails("no readable card"):
        build("synth-clip", "bundled", num_slots=3)
    path = weights.ship(clip, "synth-clip", {})
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with fails("its sha256 is not"):
        build("synth-clip", "bundled", num_slots=3)


class Malicious:
    def __reduce__(self):
        return print, ("code of the file was run",)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize("damage", ["absent", "empty", "text", "truncated"])
def test_damaged_files_are_refused(tmp_path, clip, suffix, damage):
    path = tmp_path / f"clip{suffix}"
    checkpoint.save(clip, path, {}) if suffix == ".safetensors" else torch.save(clip.state_dict(), path)
    content = {"empty": b"", "text": b"not weights\n" * 9, "truncated": path.read_bytes()[:100_000], "absent": None}
    path.unlink() if damage == "absent" else path.write_bytes(content[damage])
    with fails("neither a file nor known" if damage == "absent" else "not a readable file of weights") as caught:
        build("synth-clip", path, num_slots=3)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_file_that_would_run_code_is_refused_unrun(tmp_path, capsys):
    torch.save({"weights": Malicious()}, tmp_path / "clip.pt")
    with fails("clip.pt: holds print, not only tensors and plain values"):
        build("synth-clip", tmp_path / "clip.pt", num_slots=3)
    assert "code of the file" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [1, 2]])
def test_a_file_without_named_weights_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "clip.pt")
    with fails("holds no named weights"):
        build("synth-clip", tmp_path / "clip.pt", num_slots=3)


def test_weights_that_do_not_fit_are_refused_by_name_and_change_nothing(clip):
    module, state = torch.nn.Linear(3, 2), {"weight": torch.zeros(2, 4), "scale": torch.zeros(1)}
    before = module.weight.clone()
    with fails(r"1 missing \(bias\); 1 unexpected \(scale\); 1 of another shape \(weight \(2, 4\) for \(2, 3\)\)"):
        checkpoint.load_strictly(module, state, "here")
    assert torch.equal(module.weight, before)


def test_unknown_names_are_refused_with_those_that_exist():
    with fails("'synth-clop' is not a model.*synth-clip"):
        build("synth-clop", "random", num_slots=3)
    with fails("'opnai' is neither a file nor known for ViT-B-32-quickgelu; choose one of: random, bundled, openai"):
        build("ViT-B-32-quickgelu", "opnai", num_slots=3)
    with fails("at least one"):
        build("synth-clip", "random", num_slots=0)


def test_weights_of_the_other_activation_are_refused(tmp_path, clip):
    with fails("trained with quick_gelu=True, but ViT-B-32 has False; choose backbone 'ViT-B-32-quickgelu'"):
        build("ViT-B-32", "openai", num_slots=3)
    checkpoint.save(clip, tmp_path / "clip.safetensors", {"quick_gelu": False})
    with fails("trained with quick_gelu=False, but synth-clip has True"):
        build("synth-clip", tmp_path / "clip.safetensors", num_slots=3)


def test_a_backbone_that_is_no_clip_vit_is_refused():
    with fails("needs a ViT with a class token"):
        build("RN50", "random", num_slots=3)


def test_no_network_and_no_cached_weights_is_one_line(monkeypatch):
    def unreachable(*_, **__):
        raise OSError("no route\nto the hub")

    monkeypatch.setattr("open_clip.factory.download_pretrained", unreachable)
    with fails("'openai' for ViT-B-32-quickgelu could not be loaded .*no route") as caught:
        build("ViT-B-32-quickgelu", "openai", num_slots=3)
    assert "\n" not in str(caught.value)


def test_a_trained_recogniser_returns_from_its_file(tmp_path):
    classifier = build("synth-clip", "random", num_slots=3, seed=4)
    torch.nn.init.normal_(classifier.network.prompts.alpha)
    classifier.save(tmp_path / "best.safetensors", {"names": ["walking", "running"], "epoch": 2})
    again, meta = load(tmp_path / "best.safetensors")
    assert same(again.network, classifier.network) and same(again.encode.tower, classifier.encode.tower)
    assert meta == {"names": ["walking", "running"], "epoch": 2} and again.card == classifier.card
    assert again.preprocess == classifier.preprocess and not again.network.training


def test_weights_without_a_card_are_no_recogniser(tmp_path, clip):
    checkpoint.save(clip, tmp_path / "clip.safetensors", {})
    with fails("no card of a classifier"):
        load(tmp_path / "clip.safetensors")


def test_transformers_positions_are_stretched_linearly_and_nothing_else_is(port):
    ramp = {**port, "mit.position_embedding": torch.tensor([0.0, 1.0, 2.0]).view(1, 3, 1).repeat(1, 1, 24)}
    sizes = {"head_width": 32, "new_heads": 1}
    same_slots, _ = weights.from_transformers(ramp, **sizes)
    five_slots, _ = weights.from_transformers(ramp, num_slots=5, **sizes)
    assert torch.equal(same_slots.integration.positions, ramp["mit.position_embedding"])
    assert five_slots.integration.positions[0, :, 0].tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert same(same_slots.frames, five_slots.frames) and same(same_slots.prompts, five_slots.prompts)


def test_transformers_weights_load_strictly(port):
    def without(name):
        return {key: tensor for key, tensor in port.items() if key != name}

    sizes = {"head_width": 32, "new_heads": 1}
    with fails("1 missing .*prompts.layers.0.out.bias"):
        weights.from_transformers(without("prompts_generator.decoder.0.cross_attn.proj.bias"), **sizes)
    with fails("k_proj.weight|in_proj_weight"):
        weights.from_transformers(without("vision_model.encoder.layers.0.self_attn.k_proj.weight"), **sizes)
    with fails("integration.positions' is missing"):
        weights.from_transformers(without("mit.position_embedding"), num_slots=4, **sizes)
    with fails("1 unexpected .*surplus"):
        weights.from_transformers({**port, "surplus": torch.zeros(1)}, **sizes)
    with fails("1 of another shape .*logit_scale"):
        weights.from_transformers({**port, "logit_scale": torch.zeros(2)}, **sizes)


def test_position_ids_of_old_checkpoints_are_no_weights(port):
    ids = {
        "vision_model.embeddings.position_ids": torch.arange(5),
        "text_model.embeddings.position_ids": torch.arange(5),
    }
    weights.from_transformers({**port, **ids}, head_width=32, new_heads=1)


def test_an_xclip_file_is_a_backbone_of_its_own(tmp_path):
    towers = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 1}
    vision = {"image_size": 16, "patch_size": 8, "num_frames": 3, "mit_hidden_size": 64, "mit_intermediate_size": 256}
    config = XCLIPConfig(text_config=towers, vision_config={**towers, **vision}, projection_dim=64)
    checkpoint.save(XCLIPModel(config), tmp_path / "model.safetensors", {})
    classifier = build("xclip", tmp_path / "model.safetensors", num_slots=6)
    logits = classifier.network(torch.zeros(1, 6, 3, 16, 16), classifier.encode(["walking", "eating"]))
    assert logits.shape == (1, 2) and classifier.preprocess.size == 16
