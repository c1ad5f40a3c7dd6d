"""bfloat16 in training: only where the hardware has units for it, and only in products of matrices."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch.nn.functional import cosine_similarity

from amc import model
from amc.base import precision
from amc.base.errors import AmcError
from amc.model.layers import attention
from amc.model.weights import BUNDLED, SYNTH_CLIP
from amc.runs import experiment
from amc.runs.ablation import ablation


@pytest.mark.parametrize(("has_amx", "device", "expected"), [
    (True, "cpu", "bfloat16"), (False, "cpu", "float32"), (False, "cuda", "bfloat16"), (False, "cuda:1", "bfloat16"),
])  # fmt: skip
def test_products_are_bfloat16_where_the_hardware_has_units_for_it(monkeypatch, has_amx, device, expected):
    monkeypatch.delenv(precision.VARIABLE)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: has_amx)
    assert precision.products(device) == expected
    if device == "cpu":
        with precision.mixed(device):
            product = torch.ones(2, 2) @ torch.ones(2, 2)
        assert product.dtype == getattr(torch, expected)


def test_a_variable_overrides_the_hardware_and_its_mistakes_are_told(monkeypatch):
    monkeypatch.setenv(precision.VARIABLE, "bfloat16")
    assert precision.products("cpu") == "bfloat16"
    monkeypatch.setenv(precision.VARIABLE, "float32")
    assert precision.products("cuda") == "float32"
    monkeypatch.setenv(precision.VARIABLE, "bf16")
    with pytest.raises(AmcError, match="AMC_PRODUCTS: 'bf16' is not known; choose one of: bfloat16, float32"):
        experiment.check([])


def test_a_run_with_flow_trains_and_is_validated_in_bfloat16_and_names_it(smoke_world, monkeypatch, tmp_path):
    monkeypatch.setenv(precision.VARIABLE, "bfloat16")
    monkeypatch.setenv("AMC_CACHE", str(tmp_path))
    [cfg] = ablation(
        scheme="sparse", modality="rgb+flow", size="smoke", data_root=str(smoke_world), pretrained="random"
    )
    run = experiment.run(replace(cfg, training_clips=8), device="cpu")
    meta = run.scores("test").meta
    assert meta["products"] == "bfloat16" and meta["fit"]["validation_losses"][0] < 1


def test_attention_computes_in_float32_on_a_cpu_and_returns_what_it_was_given(monkeypatch):
    seen = []
    kernel = F.scaled_dot_product_attention

    def spy(query, *rest):
        seen.append(query.dtype)
        return kernel(query, *rest)

    monkeypatch.setattr(F, "scaled_dot_product_attention", spy)
    tokens = torch.randn(2, 5, 8, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        assert attention(tokens, tokens, tokens, heads=2).dtype == torch.bfloat16
        assert attention(tokens.float(), tokens.float(), tokens.float(), heads=2).dtype == torch.float32
    assert seen == [torch.float32, torch.float32]
    assert attention(tokens.double(), tokens.double(), tokens.double(), heads=2).dtype == torch.float64


def test_a_step_in_bfloat16_has_the_loss_and_the_gradients_of_float32_within_its_rounding():
    classifier = model.build(SYNTH_CLIP, BUNDLED, num_slots=4, seed=0).with_names(["walking", "flying", "resting"])
    torch.manual_seed(0)
    slots = torch.randint(0, 256, (4, 4, 3, 64, 64), dtype=torch.uint8)
    targets = (torch.rand(4, 3) < 0.5).float()
    losses, gradients = [], []
    for enabled in (False, True):
        classifier.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss = F.binary_cross_entropy_with_logits(classifier(slots).float(), targets)
        loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in classifier.parameters() if p.grad is not None]))
    assert losses[1] == pytest.approx(losses[0], rel=0.01)
    assert losses[1] != losses[0]
    assert cosine_similarity(*gradients, dim=0) > 0.99
