"""Our loop of RAFT against torchvision's own `forward`, which takes no other precision than float32."""

import numpy as np
import pytest
import torch

from amc import flow
from amc.raft import refine, weights
from amc.synth import raft_train


@pytest.fixture(scope="module")
def sequence():
    """A textured plane that moves on from frame to frame: uint8 (4, 3, 128, 136)."""
    rng = np.random.default_rng(0)
    paper = torch.from_numpy(rng.integers(0, 256, (3, 40, 40)).astype(np.float32))
    paper = torch.nn.functional.interpolate(paper[None], (200, 200), mode="bicubic")[0].clamp(0, 255).to(torch.uint8)
    return torch.stack([paper[:, 20 + k : 148 + k, 20 + 2 * k : 156 + 2 * k] for k in range(4)])


def fresh(method):
    torch.manual_seed(1)
    model = weights.ARCHITECTURES[method][0]().eval()
    for module in model.modules():  # statistics as a trained model has them, not those of nothing seen
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return model


def pictures(sequence):
    scaled = sequence.float() / 127.5 - 1
    return scaled[:-1], scaled[1:]


@pytest.mark.parametrize("method", ["raft-small", "raft-large"])
def test_every_update_is_torchvisions(sequence, method):
    model, pair = fresh(method), pictures(sequence)
    with torch.no_grad():
        expected = model(*pair, num_flow_updates=4)
        found = refine.flows(model, *pair, updates=4)
        last = refine.flow(model, *pair, updates=4)
    assert expected[-1].abs().max() > 0.1
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).abs().max() < 1e-4 * expected[-1].abs().max()
    assert torch.equal(last, found[-1])


def test_with_official_weights_it_is_torchvisions_flow_within_a_thousandth_of_a_pixel(sequence, real):
    model = weights.load("raft-small", real / "weights/raft-small.pth")
    pair = pictures(sequence)
    with torch.no_grad():
        expected = torch.cat([model(a[None], b[None])[-1] for a, b in zip(*pair, strict=True)])
    found = flow.estimate(sequence[:-1], sequence[1:], method="raft-small", weights=real / "weights/raft-small.pth")
    assert (found - expected).abs().max() <= 1e-3 and expected.abs().max() > 1


def test_a_frame_of_two_pairs_is_encoded_once(sequence):
    model, seen = fresh("raft-small"), []
    model.feature_encoder.register_forward_hook(lambda module, pictures, out: seen.append(len(pictures[0])))
    first, second = pictures(sequence)
    with torch.no_grad():
        refine.flow(model, first, second, updates=1)
        refine.flow(model, first.flip(0), second, updates=1)
    assert seen == [4, 6]


def test_gradients_are_torchvisions(sequence):
    pair, truth = pictures(sequence), torch.full((3, 2, 128, 136), 1.5)
    gradients = []
    for run in (lambda m: refine.flows(m, *pair, updates=3), lambda m: m(*pair, num_flow_updates=3)):
        model = fresh("raft-small")
        raft_train.sequence_loss(run(model), truth).backward()
        gradients.append([x.grad for x in model.parameters()])
    for ours, theirs in zip(*gradients, strict=True):
        assert (ours - theirs).norm() <= 1e-3 * theirs.norm() + 1e-5
    assert sum(x.abs().sum() for x in gradients[0]) > 0
