"""What training will take is counted before it starts, and memory decides the batch, never the result."""

import copy

import pytest
import torch
from torch import nn

from amc import model
from amc.base.errors import AmcError
from amc.config import SIZES, Training
from amc.model.classifier import Classifier, Preprocess
from amc.runs import experiment, keys, memory
from amc.runs.ablation import ablation
from amc.runs.memory import Memory

SLOTS = (4, 3, 64, 64)


@pytest.fixture(scope="module")
def xclip() -> Classifier:
    return model.build("synth-clip", "random", num_slots=SLOTS[0], seed=0).with_names(["walking", "eating", "resting"])


class Square(nn.Module):
    """Keeps its input for the backward pass, once; 5 parameters learn, 2 do not."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(5))
        self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)

    def forward(self, pixels):
        return (pixels * self.scale.sum()).flatten(1)


def test_memory_is_counted_without_computing():
    classifier = Classifier(Square(), Preprocess(4, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)), {})
    found = memory.count(classifier, (2, 3, 4, 6), train_windows=3)
    assert found.fixed == pytest.approx((5 * 4 + 2) * 4 / 1e9)  # itself, gradient and two momenta; the frozen one alone
    # The product keeps the pixels, float32, for the gradient of the scale; the scale's sum is 4 bytes.
    assert found.per_video * 1e9 == pytest.approx(3 * 2 * 3 * 4 * 6 * 4, abs=8)
    assert found.per_video_checkpointed == found.per_video  # it has no blocks
    assert (
        memory.count(classifier, (2, 3, 4, 6), train_windows=3, device="cuda").per_video == found.per_video / 2
    )  # autocast


def test_a_batch_takes_what_each_of_its_videos_takes(xclip):
    one, two = (memory.count(xclip, SLOTS, train_windows=windows) for windows in (1, 2))
    assert two.fixed == one.fixed
    assert two.per_video == pytest.approx(2 * one.per_video, rel=0.1)  # the texts are kept once
    assert one.per_video_checkpointed < one.per_video
    assert one.of(3, checkpointing=False) == pytest.approx(one.fixed + 3 * one.per_video)
    assert not any(getattr(part, "is_checkpointed", False) for part in xclip.network.modules())  # left as it was


@pytest.mark.parametrize(
    ("limit", "batch_size", "checkpointing"),
    [
        (0, 6, False),
        (100, 12, False),
        (7.1, 6, False),
        (6.9, 4, False),
        (2.0, 1, False),
        (1.9, 4, True),
        (1.3, 1, True),
    ],
)
def test_the_largest_batch_that_fits_is_taken_and_a_step_keeps_its_clips(limit, batch_size, checkpointing):
    training = Training(batch_size=6, grad_accum_steps=2, memory_limit_gb=limit)
    found = memory.fitted(training, Memory(fixed=1, per_video=1, per_video_checkpointed=0.2))
    assert (found.batch_size, found.checkpointing) == (batch_size, checkpointing)
    assert found.batch_size * found.grad_accum_steps == 12


def test_memory_that_holds_not_even_one_video_is_refused():
    with pytest.raises(
        AmcError, match="one video at a time, with checkpointing, takes about 1.2 GB, but the limit is 1.1"
    ):
        memory.fitted(Training(memory_limit_gb=1.1), Memory(1, 1, 0.2))


def test_checkpointing_changes_no_gradient(xclip):
    slots = torch.randint(256, (2, *SLOTS), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    gradients = []
    for is_checkpointed in (False, True):
        classifier = copy.deepcopy(xclip).train()
        if is_checkpointed:
            classifier.checkpoint_blocks()
        classifier(slots).square().mean().backward()
        gradients.append({name: p.grad for name, p in classifier.network.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys() and len(gradients[0]) > 20
    for name, gradient in gradients[0].items():
        assert torch.equal(gradients[1][name], gradient), name


def test_a_system_without_an_image_tower_cannot_be_checkpointed():
    with pytest.raises(AmcError, match="Square has no image tower"):
        Classifier(Square(), Preprocess(4, (0, 0, 0), (1, 1, 1)), {}).checkpoint_blocks()


def test_where_nothing_is_asked_nothing_is_measured(xclip, monkeypatch):
    monkeypatch.setattr(memory, "count", None)
    quick = SIZES["quick"]
    assert memory.plan(quick, xclip, log=print) is quick.training


def test_a_cell_told_its_memory_says_what_it_will_take_and_gives_the_same_scores(smoke_world, monkeypatch, tmp_path):
    where = {"scheme": "sparse", "modality": "rgb", "size": "smoke", "data_root": str(smoke_world)}
    (usual,), (small,) = ablation(**where), ablation(**where, memory_limit_gb=0.08)
    table = experiment.load(usual)
    assert keys.key(usual, table) == keys.key(small, table)  # a notebook finds what the command computed
    said, found = [], []
    for name, cell in (("usual", usual), ("small", small)):
        monkeypatch.setenv("AMC_CACHE", str(tmp_path / name))
        found.append(experiment.run(cell, device="cpu", log=said.append).scores("test"))
    (told,) = [line for line in said if line.startswith("memory:")]
    assert "batches of 4 videos, 2 per step, without checkpointing" in told
    assert small.training.memory_limit_gb == found[1].meta["experiment"]["training"]["memory_limit_gb"]
    # Sums in other orders: an epoch of training moves the logits by 0.5.
    assert abs(found[0].logits - found[1].logits).max() < 1e-3
