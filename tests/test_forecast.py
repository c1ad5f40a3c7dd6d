"""What training will take is counted before it starts, and memory decides the batch, never the result."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from amc import model
from amc.base.errors import AmcError
from amc.config import SIZES, Training
from amc.model.system import Preprocess, System
from amc.runs import experiment, forecast
from amc.runs.ablation import ablation
from amc.runs.forecast import Memory

SLOTS = (4, 3, 64, 64)


@pytest.fixture(scope="module")
def xclip() -> System:
    return model.build("synth-clip", "random", num_slots=SLOTS[0], seed=0).system(["walking", "eating", "resting"])


class Square(nn.Module):
    """Keeps its input for the backward pass, once; 5 parameters learn, 2 do not."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(5))
        self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)

    def forward(self, pixels):
        return (pixels * self.scale.sum()).flatten(1)


def test_memory_is_counted_without_computing():
    system = System(Square(), Preprocess(4, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)), {})
    found = forecast.memory(system, (2, 3, 4, 6), views=3)
    assert found.fixed == pytest.approx((5 * 4 + 2) * 4 / 1e9)  # itself, gradient and two momenta; the frozen one alone
    # The product keeps the pixels, float32, for the gradient of the scale; the scale's sum is 4 bytes.
    assert found.a_video * 1e9 == pytest.approx(3 * 2 * 3 * 4 * 6 * 4, abs=8)
    assert found.a_video_checkpointed == found.a_video  # it has no blocks
    assert forecast.memory(system, (2, 3, 4, 6), views=3, device="cuda").a_video == found.a_video / 2  # autocast


def test_a_batch_takes_what_each_of_its_videos_takes(xclip):
    one, two = (forecast.memory(xclip, SLOTS, views=views) for views in (1, 2))
    assert two.fixed == one.fixed
    assert two.a_video == pytest.approx(2 * one.a_video, rel=0.1)  # the texts are kept once
    assert one.a_video_checkpointed < one.a_video
    assert one.of(3, checkpointing=False) == pytest.approx(one.fixed + 3 * one.a_video)
    assert not any(getattr(part, "is_checkpointed", False) for part in xclip.module.modules())  # left as it was


@pytest.mark.parametrize(
    ("memory", "batch", "checkpointing"),
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
def test_the_largest_batch_that_fits_is_taken_and_a_step_keeps_its_clips(memory, batch, checkpointing):
    training = Training(batch=6, grad_accum_steps=2, memory=memory)
    found = forecast.fitted(training, Memory(fixed=1, a_video=1, a_video_checkpointed=0.2))
    assert (found.batch_size, found.checkpointing) == (batch, checkpointing)
    assert found.batch_size * found.grad_accum_steps == 12


def test_memory_that_holds_not_even_one_video_is_refused():
    with pytest.raises(AmcError, match="one video at a time, with checkpointing, takes about 1.2 GB, but 1.1 "):
        forecast.fitted(Training(memory=1.1), Memory(1, 1, 0.2))


def test_checkpointing_changes_no_gradient(xclip):
    slots = torch.randint(256, (2, *SLOTS), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    gradients = []
    for is_checkpointed in (False, True):
        system = replace(xclip, module=copy.deepcopy(xclip.module).train())
        if is_checkpointed:
            system.checkpoint_blocks()
        system.recognise(slots).square().mean().backward()
        gradients.append({name: p.grad for name, p in system.module.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys() and len(gradients[0]) > 20
    for name, gradient in gradients[0].items():
        assert torch.equal(gradients[1][name], gradient), name


def test_a_system_without_an_image_tower_cannot_be_checkpointed():
    with pytest.raises(AmcError, match="Square has no image tower"):
        System(Square(), Preprocess(4, (0, 0, 0), (1, 1, 1)), {}).checkpoint_blocks()


def test_the_forecast_of_time_counts_training_validation_and_test():
    training, clips = Training(epochs=2, batch=4, grad_accum_steps=2, views=1), {"train": 90, "val": 20, "test": 30}
    memory, seconds = forecast.lines(Memory(1, 0.5, 0.1), training, 6.0, clips, 4)
    assert memory.startswith("forecast of memory: 3 GB a process: 1 for weights, gradients and momenta")
    # 2 epochs of 90 videos of 6 s; 20 x 3 + 30 videos by 4 classifiers at 2 s: 1,800 s. 12 steps of 8 clips an epoch.
    assert seconds.startswith("forecast of time: 0.5 h for 24 steps over 90 clips")
    (_, longer) = forecast.lines(Memory(1, 0.5, 0.1), replace(training, checkpointing=True), 8.0, clips, 4)
    assert longer.startswith("forecast of time: 0.6 h")  # 1,440 + 720 s


def test_where_nothing_is_asked_nothing_is_measured(xclip, monkeypatch):
    monkeypatch.setattr(forecast, "memory", None)
    quick = SIZES["quick"]
    assert forecast.plan(quick, xclip, {}, report=print) is quick.training


def test_a_cell_told_its_memory_says_what_it_will_take_and_gives_the_same_scores(smoke_world, monkeypatch, tmp_path):
    where = {"scheme": "sparse", "modality": "rgb", "size": "smoke", "data_root": str(smoke_world)}
    (usual,), (small,) = ablation(**where), ablation(**where, memory=0.1)
    table = experiment.load(usual)
    assert experiment.key(usual, table) == experiment.key(small, table)  # a notebook finds what the command computed
    said, found = [], []
    for name, cell in (("usual", usual), ("small", small)):
        monkeypatch.setenv("AMC_CACHE", str(tmp_path / name))
        found.append(experiment.run(cell, device="cpu", report=said.append).scores("test"))
    (told,) = [line for line in said if line.startswith("forecast of memory")]
    assert "batches of 4 videos, 2 a step, without checkpointing" in told
    assert small.training.memory_limit_gb == found[1].meta["experiment"]["training"]["memory"]
    # Sums in other orders: an epoch of training moves the logits by 0.5.
    assert abs(found[0].logits - found[1].logits).max() < 1e-3
