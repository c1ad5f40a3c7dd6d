"""MSQNet's video encoder: trained alone, taken over by an MSQNet, and looked at by it."""

import amc.base.torchvision_cpu  # noqa: F401, I001  before open_clip and transformers
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from test_msqnet import NAMES, SMALL, pixels

from amc import metrics
from amc.base import checkpoint
from amc.base.errors import AmcError
from amc.baselines import msqnet, timesformer
from amc.runs import methods, recipes


@pytest.fixture(scope="module")
def classifier():
    return msqnet.build(SMALL, "", names=NAMES, num_slots=3)


def test_the_encoder_alone_is_a_linear_layer_on_the_class_token_and_reads_no_clip():
    module, clip = msqnet.build_encoder(SMALL, names=NAMES, num_slots=3).network, pixels(2, 3, 3, 64, 64)
    with torch.no_grad():
        token = module.video(clip).last_hidden_state[:, 0]
        assert torch.equal(module(clip), torch.nn.functional.linear(token, module.head.weight, module.head.bias))
    assert {name.split(".")[0] for name, _ in module.named_parameters()} == {"video", "head"}
    module(clip).sum().backward()
    assert all(p.grad is not None for p in module.parameters())
    with pytest.raises(AmcError, match=r"\(B, 3, 3, 64, 64\)"):
        module(pixels(2, 4, 3, 64, 64))


def test_the_encoder_alone_is_prepared_and_shifted_as_the_whole_and_only_its_linear_layer_is_new(classifier):
    alone = msqnet.build_encoder(SMALL, names=NAMES, num_slots=3)
    assert alone.preprocess == classifier.preprocess and alone.names == classifier.names
    slots = torch.zeros(2, 3, 3, 64, 64, dtype=torch.uint8)
    with torch.no_grad():
        before = alone(slots)
        alone.add_bias(torch.tensor(-2.5))
        assert torch.allclose(alone(slots), before - 2.5, atol=1e-5)
    rates = {p: group["lr"] for group in alone.network.parameter_groups(1e-5, lr_mult=7) for p in group["params"]}
    for name, parameter in alone.network.named_parameters():
        assert rates[parameter] == pytest.approx(7e-5 if name.startswith("head.") else 1e-5)


def test_an_msqnet_starts_from_an_encoder_that_was_trained_alone(classifier, tmp_path):
    path, alone = tmp_path / "model.safetensors", msqnet.build_encoder(SMALL, names=["rearing"], num_slots=3, seed=5)
    alone.save(path, {})
    started = msqnet.build(SMALL, path, names=NAMES, num_slots=3).network
    assert all(torch.equal(p, q) for p, q in zip(started.video.parameters(), alone.network.video.parameters()))
    assert torch.equal(started.head.weight, classifier.network.head.weight)  # the rest is drawn from the seed


def test_what_only_the_order_of_frames_shows_is_learned_and_read_from_the_encoders_tokens(monkeypatch):
    """Dark to bright or bright to dark: each frame, and the mean over frames that CLIP gives, are the same in both."""
    monkeypatch.setitem(timesformer.VIDEO_ENCODERS, "tiny", timesformer.VideoEncoder(64, 2, 2, 1, 2, 128))
    module = msqnet.build("tiny", "", names=["brightening", "dimming"], num_slots=2).network.train()
    draw = torch.Generator().manual_seed(0)
    # Zeros at first, as TimeSformer's; from there 50 steps learn nothing. Pre-trained ones say something.
    torch.nn.init.normal_(module.video.embeddings.time_embeddings, std=0.5, generator=draw)
    monkeypatch.setattr(module, "picture", lambda pixels: torch.zeros(len(pixels), 160))  # to save time

    def clips(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        is_rising = torch.rand(count, generator=draw) < 0.5
        last = torch.where(is_rising, 1.0, -1.0)
        levels = torch.stack([-last, last], dim=1)[:, :, None, None, None].expand(-1, -1, 3, 64, 64)
        return levels + 0.1 * pixels(count, 1, 3, 64, 64), torch.stack([is_rising, ~is_rising], dim=1).float()

    optimizer = torch.optim.AdamW(module.parameter_groups(1e-3, lr_mult=1))
    with torch.random.fork_rng(devices=[]):  # dropout
        torch.manual_seed(0)
        for _ in range(60):
            clip, labels = clips(16)
            torch.nn.functional.binary_cross_entropy_with_logits(module(clip), labels).backward()
            optimizer.step()
            optimizer.zero_grad()
    (clip, labels), module = clips(32), module.eval()
    tokens = module.video(clip).last_hidden_state.detach()

    def score(tokens: torch.Tensor) -> float:
        monkeypatch.setattr(module.video, "forward", lambda _: SimpleNamespace(last_hidden_state=tokens))
        with torch.no_grad():
            return metrics.map_macro(labels.numpy(), module(clip).double().numpy())

    assert score(tokens) > 0.95
    assert score(tokens.roll(1, dims=0)) < 0.8  # of another clip; chance is 0.5
    assert score(torch.zeros_like(tokens)) < 0.8


@pytest.mark.parametrize("is_alone", [True, False])
def test_at_the_start_no_part_has_gradients_of_another_order_of_magnitude(is_alone):
    """Root mean square per parameter; the linear readout's, which sees the loss first, are larger by nature."""
    make = msqnet.build_encoder if is_alone else partial(msqnet.build, weights="")
    module = make(SMALL, names=NAMES, num_slots=2).network
    labels = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 1, 1], [1, 0, 0]])
    torch.nn.functional.binary_cross_entropy_with_logits(module(pixels(4, 2, 3, 64, 64)), labels).backward()

    def size(start: str) -> float:
        found = [p.grad.flatten() for name, p in module.named_parameters() if name.startswith(start)]
        return torch.cat(found).square().mean().sqrt().item()

    last, first = "video.encoder.layer.3" if is_alone else "transformer.decoder", "video.encoder.layer.0"
    assert 0.05 < size(first) / size(last) < 20


@pytest.mark.parametrize(("method", "is_alone"), [("MSQNet + pre-training", True), ("MSQNet", False)])
def test_only_pre_training_trains_the_video_encoder_alone(tmp_path, method, is_alone):
    [cfg] = recipes.table_1(methods=method, size="smoke")
    table = SimpleNamespace(names=NAMES)
    first = methods.build(replace(cfg, init_from=""), table).network  # as experiment.pretraining leaves it
    assert isinstance(first, timesformer.VideoClassifier if is_alone else msqnet.MSQNet)
    checkpoint.save(first, tmp_path / "model.safetensors", {})
    then = methods.build(replace(cfg, init_from=str(tmp_path / "model.safetensors")), table).network
    assert isinstance(then, msqnet.MSQNet)
