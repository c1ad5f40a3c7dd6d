"""One model through every door that its weights can come in by: equal to the model that they were saved from."""

import amc.base.torchvision_cpu  # noqa: F401, I001  before open_clip and transformers
import json
import re

import open_clip
import pytest
import safetensors.torch
import torch
from test_model import NAMES, difference, pixels, reference
from transformers import CLIPConfig, CLIPModel, XCLIPConfig, XCLIPModel

from amc.base.errors import AmcError
from amc.model import build, text, weights
from amc.base import checkpoint

QUICK = {"model_cfg": {"quick_gelu": True}, "preprocess_cfg": {"mean": [0.1, 0.2, 0.3], "std": [1, 2, 3]}}


def fails(match: str):
    return pytest.raises(AmcError, match=match)


def save_parts(state, folder, *, form="safetensors"):
    """As transformers keep a large model: several files and an index of them."""
    places = {name: f"model-{number % 3}.{form}" for number, name in enumerate(state)}
    for part in set(places.values()):
        held = {name: tensor.contiguous() for name, tensor in state.items() if places[name] == part}
        safetensors.torch.save_file(held, folder / part)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    return folder


# X-CLIP: transformers' implementation is the reference; Microsoft's names are made from its.


@pytest.fixture(scope="module")
def theirs() -> XCLIPModel:
    towers = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 1}
    vision = {"image_size": 24, "patch_size": 8, "num_frames": 3, "mit_hidden_size": 128, "mit_intermediate_size": 512}
    vision |= {**towers, "hidden_size": 128, "num_attention_heads": 2, "mit_num_attention_heads": 2}
    return reference(
        XCLIPConfig(text_config=towers, vision_config=vision, projection_dim=128, prompt_num_attention_heads=2)
    )


def microsoft(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same weights under the names of github.com/microsoft/VideoX, X-CLIP/models, each attention's joined."""
    renamed = {}
    for name, tensor in state.items():
        for old, new in (
            ("vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"),
            ("vision_model.embeddings.patch_embedding", "visual.conv1"),
            ("vision_model.embeddings.", "visual."),
            ("vision_model.pre_layernorm", "visual.ln_pre"),
            ("vision_model.post_layernorm", "visual.ln_post"),
            ("vision_model.encoder.layers", "visual.transformer.resblocks"),
            ("visual_projection.weight", "visual.proj"),
            ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
            ("text_model.embeddings.", ""),
            ("text_model.encoder.layers", "transformer.resblocks"),
            ("text_model.final_layer_norm", "ln_final"),
            ("text_projection.weight", "text_projection"),
            ("mit.position_embedding", "mit.positional_embedding"),
            ("mit.encoder.layers", "mit.resblocks"),
            ("prompts_visual_layernorm", "prompts_visual_ln"),
            ("prompts_visual_projection", "prompts_visual_proj"),
            ("prompts_generator.layernorm", "prompts_generator.norm"),
            ("layer_norm", "ln_"),
            ("self_attn", "attn"),
            ("mlp.fc1", "mlp.c_fc"),
            ("mlp.fc2", "mlp.c_proj"),
        ):
            name = name.replace(old, new)
        renamed[name] = tensor.T if name in ("visual.proj", "text_projection") else tensor
    for name in [name for name in renamed if re.search(r"(?<!cross_)attn\.q_proj", name)]:
        parts = [renamed.pop(name.replace("q_proj", f"{part}_proj")) for part in "qkv"]
        renamed[name.replace("q_proj.", "in_proj_")] = torch.cat(parts)
    return renamed


XCLIP_DOORS = {
    "transformers' folder": lambda model, folder: model.save_pretrained(folder) or folder,
    "transformers' old folder": lambda model, folder: (
        torch.save(model.state_dict(), folder / "pytorch_model.bin") or folder
    ),
    "transformers' parts": lambda model, folder: save_parts(model.state_dict(), folder),
    "Microsoft's file": lambda model, folder: (
        torch.save({"model": microsoft(model.state_dict())}, folder / "k400_16_8.pth") or folder / "k400_16_8.pth"
    ),
    "Microsoft's names, trained by several processes": lambda model, folder: (
        torch.save({f"module.{n}": x for n, x in microsoft(model.state_dict()).items()}, folder / "x") or folder / "x"
    ),
}


@pytest.mark.parametrize("door", XCLIP_DOORS)
def test_an_xclip_equals_transformers_through_every_door(tmp_path, theirs, door):
    classifier = build("xclip", XCLIP_DOORS[door](theirs, tmp_path), num_slots=3)
    # In float64 only the order of summation differs, about 1e-15; a wrong weight gives 1e-2 and more.
    parts = theirs.double(), classifier.network.double(), classifier.encode.tower.double()
    assert difference(*parts, pixels(2, 3, 3, 24, 24).double()) < 1e-8
    theirs.float()


def test_an_xclip_without_some_of_its_weights_is_refused_by_name(tmp_path, theirs):
    state = microsoft(theirs.state_dict())
    del state["visual.transformer.resblocks.1.message_fc.bias"]
    torch.save({"model": state}, tmp_path / "k400.pth")
    with fails(r"k400.pth: .*1 missing \(xclip.frames.blocks.1.message.bias\)"):
        build("xclip", tmp_path / "k400.pth", num_slots=3)


def test_an_xclip_of_another_activation_is_refused(tmp_path, theirs):
    theirs.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for tower in ("text_config", "vision_config"):
        config[tower]["hidden_act"] = "gelu"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with fails("trained with hidden_act gelu, but X-CLIP has QuickGELU"):
        build("xclip", tmp_path, num_slots=3)


# CLIP: open_clip's own model, and transformers', are the references.


@pytest.fixture(scope="module")
def clip() -> torch.nn.Module:
    """With values that halves hold exactly, as OpenAI's archives do."""
    clip = weights.open_clip_model("synth-clip", "random", seed=7)
    clip.load_state_dict({name: tensor.half().float() for name, tensor in clip.state_dict().items()})
    return clip


class OpenAIs(torch.nn.Module):
    """A CLIP as OpenAI saves it: half precision, and three numbers beside the weights."""

    def __init__(self, clip):
        super().__init__()
        for name, part in clip.named_children():
            self.add_module(name, part)
        for name in ("positional_embedding", "text_projection", "logit_scale"):
            self.register_parameter(name, getattr(clip, name))
        for name, value in (("input_resolution", 64), ("context_length", 32), ("vocab_size", 49408)):
            self.register_buffer(name, torch.tensor(value))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.visual(image)


def openais_archive(clip, path):
    halves = OpenAIs(weights.open_clip_model("synth-clip", "random", seed=7)).half()
    halves.load_state_dict(clip.state_dict(), strict=False)
    torch.jit.save(torch.jit.script(halves), path)


def traced(clip, path):
    inputs = torch.zeros(1, 3, 64, 64), torch.zeros(1, 32, dtype=torch.long)
    torch.jit.save(torch.jit.trace(clip, inputs, check_trace=False), path)


CLIP_DOORS = {
    "safetensors": lambda clip, path: safetensors.torch.save_file(clip.state_dict(), path),
    "pickle": lambda clip, path: torch.save(clip.state_dict(), path),
    "legacy pickle": lambda clip, path: torch.save(clip.state_dict(), path, _use_new_zipfile_serialization=False),
    "training": lambda clip, path: torch.save(
        {"epoch": 3, "state_dict": {f"module.{name}": x for name, x in clip.state_dict().items()}}, path
    ),
    "script": lambda clip, path: torch.jit.save(torch.jit.script(clip), path),
    "trace": traced,
    "OpenAI's archive": openais_archive,
}


@pytest.mark.filterwarnings("ignore:.*quick_gelu=True is assumed", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("door", CLIP_DOORS)
def test_a_clip_equals_open_clips_own_through_every_door(tmp_path, clip, door):
    CLIP_DOORS[door](clip, tmp_path / "clip.pt")
    found = weights.open_clip_model("synth-clip", tmp_path / "clip.pt")
    pictures, names = pixels(2, 3, 64, 64).double(), open_clip.get_tokenizer("synth-clip")(NAMES)
    with torch.no_grad():
        there, here = clip.double(), found.double()
        assert (here.encode_image(pictures) - there.encode_image(pictures)).abs().max() < 1e-8
        assert (here.encode_text(names) - there.encode_text(names)).abs().max() < 1e-8
    assert torch.equal(found.logit_scale, clip.logit_scale)
    clip.float()


def test_a_clip_of_transformers_equals_theirs(tmp_path):
    towers = {"intermediate_size": 640, "hidden_size": 160, "num_hidden_layers": 4, "num_attention_heads": 5}
    vision = {**towers, "image_size": 64, "patch_size": 8}
    words = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 2}
    words |= {"vocab_size": 49408, "max_position_embeddings": 32}
    theirs = reference(CLIPConfig(text_config=words, vision_config=vision, projection_dim=128), CLIPModel)
    theirs.save_pretrained(tmp_path)
    clip = weights.open_clip_model("synth-clip", tmp_path).double()
    pictures, names = pixels(2, 3, 64, 64).double(), open_clip.get_tokenizer("synth-clip")(NAMES)
    with torch.no_grad():
        there = theirs.double()(input_ids=names, pixel_values=pictures)
        image, words = clip.encode_image(pictures, normalize=True), text.encode(clip, NAMES)
    assert (image - there.image_embeds).abs().max() < 1e-8
    assert (torch.nn.functional.normalize(words, dim=-1) - there.text_embeds).abs().max() < 1e-8


# What no weight tells: the activation, and how pixels are normalised.


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("open_clip_config.json", QUICK),
        ("config.json", {"model_type": "clip", "text_config": {}, "vision_config": {}}),
        ("config.json", {"vision_config": {"hidden_act": "quick_gelu"}}),
    ],
)
def test_the_activation_is_read_from_a_configuration_beside_the_file(tmp_path, clip, recwarn, name, config):
    safetensors.torch.save_file(clip.state_dict(), tmp_path / "clip.safetensors")
    (tmp_path / name).write_text(json.dumps(config))
    classifier = build("synth-clip", tmp_path / "clip.safetensors", num_slots=3)
    assert "note" not in classifier.card and not [w for w in recwarn if "activation" in str(w.message)]
    if name == "open_clip_config.json":
        assert classifier.preprocess.mean == (0.1, 0.2, 0.3) and classifier.preprocess.std == (1, 2, 3)


@pytest.mark.parametrize(
    ("name", "config", "match"),
    [
        ("open_clip_config.json", {"model_cfg": {"embed_dim": 128}}, "quick_gelu=False, but synth-clip has True"),
        ("config.json", {"model_type": "clip", "text_config": {"hidden_act": "gelu"}, "vision_config": {}}, "both tow"),
        ("config.json", {"text_config": {"hidden_act": "gelu"}}, "quick_gelu=False, but synth-clip has True"),
        ("config.json", {"text_config": {"hidden_act": ["relu"]}}, "hidden_act.*relu.*both towers need one of quick_g"),
        ("config.json", "{", "no readable JSON"),
    ],
)
def test_a_configuration_of_another_activation_is_refused(tmp_path, clip, name, config, match):
    safetensors.torch.save_file(clip.state_dict(), tmp_path / "clip.safetensors")
    (tmp_path / name).write_text(config if isinstance(config, str) else json.dumps(config))
    with fails(match):
        build("synth-clip", tmp_path / "clip.safetensors", num_slots=3)


def test_an_unknown_activation_is_told_and_stays_on_the_card(tmp_path, clip):
    torch.save(clip.state_dict(), tmp_path / "clip.pt")
    (tmp_path / "config.json").write_text('{"of": "something else"}')
    with pytest.warns(UserWarning, match="nothing says which activation it was trained with; quick_gelu=True is"):
        classifier = build("synth-clip", tmp_path / "clip.pt", num_slots=3)
    assert "clip.pt: nothing says which activation" in classifier.card["note"]


# Names on the Hugging Face Hub.


def test_a_name_on_the_hub_is_downloaded_and_read_as_a_folder(tmp_path, theirs, monkeypatch):
    theirs.save_pretrained(tmp_path)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, allow_patterns: str(tmp_path))
    classifier = build("xclip", "microsoft/xclip-base-patch16", num_slots=3)
    assert torch.equal(classifier.network.prompts.alpha, theirs.prompts_generator.alpha)


def test_a_hub_that_does_not_answer_is_one_line(monkeypatch):
    def unreachable(*_, **__):
        raise OSError("no route\nto the hub")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    with fails("'openai/clip-vit-base-patch16' is no file or folder here, and .* did not give it .no route") as caught:
        build("ViT-B-16-quickgelu", "openai/clip-vit-base-patch16", num_slots=3)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "weights/clip.pt", "../clip", "a/b/c", "/nowhere/clip"])
def test_a_lost_file_is_no_name_on_the_hub(name):
    with fails("is neither a file nor known for xclip"):
        build("xclip", name, num_slots=3)


# What fits a module.


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 1e300])
def test_weights_that_are_not_finite_are_refused_by_name(value):
    module, before = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2).state_dict()
    module.load_state_dict(before)
    broken = {"weight": torch.ones(2, 3), "bias": torch.tensor([0, value], dtype=torch.float64)}
    with fails(r"here: weights are not finite: 1 not finite \(bias\)"):
        checkpoint.load_strictly(module, broken, "here")
    assert torch.equal(module.weight, before["weight"])


def test_whole_numbers_are_no_weights():
    with fails(r"1 of another kind \(bias torch.int64 for torch.float32\)"):
        checkpoint.load_strictly(torch.nn.Linear(3, 2), {"weight": torch.ones(2, 3), "bias": torch.ones(2).long()}, "x")


def test_a_buffer_that_is_computed_may_be_there_if_it_is_equal(clip):
    state = clip.state_dict() | {"attn_mask": clip.attn_mask.half()}
    checkpoint.load_strictly(clip, state, "here")
    with fails(r"1 unexpected \(attn_mask\)"):
        checkpoint.load_strictly(clip, state | {"attn_mask": torch.zeros_like(clip.attn_mask)}, "here")
