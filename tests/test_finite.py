"""What is no finite number stops with a name: of the weight and its epoch, of the video and its frame."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from amc import flow, train
from amc.base.errors import AmcError, NotFinite
from amc.config import Pixels, Training
from amc.datasets.clips import PixelReader
from amc.datasets.store import PixelCache
from amc.raft import weights as raft
from amc.synth import raft_train as raft_train


class Few(Dataset):
    """Two clips of one slot of noise; in its second epoch a weight of `layer` overflows."""

    def __init__(self, layer: nn.Linear):
        self.layer, self.labels = layer, torch.eye(2)

    def __len__(self):
        return 2

    def __getitem__(self, key):
        epoch, index = key
        if epoch == 1:
            self.layer.bias.data[1] = math.inf
        return torch.full((1, 1, 3, 2, 2), 10 * index, dtype=torch.uint8), self.labels[index]


class Toy(nn.Module):
    """One linear layer over all pixels, whose logits hide what is not finite."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(12, 2)

    def forward(self, slots):
        return self.layer(slots.flatten(1).float()).nan_to_num(0, 0, 0)

    def parameter_groups(self, lr, *, lr_mult, weight_decay):
        return [{"params": list(self.parameters()), "lr": lr}]


def test_a_weight_that_is_not_finite_stops_training_with_its_name_and_epoch(tmp_path):
    toy, cfg = Toy(), Training(epochs=3, warm_up=1, batch_size=2, grad_accum_steps=1, lr=1e-3, workers=0)
    with pytest.raises(AmcError, match=r"epoch 2: 1 of 2 values of layer\.bias are not finite; lower lr") as error:
        train.fit(
            toy, Few(toy.layer), lambda trained: train.Validation(0.5, 0.5), cfg, folder=tmp_path, log=[].append, seed=1
        )
    assert "\n" not in str(error.value) and train._load(tmp_path / "last.pt")["epoch"] == 1


def test_a_weight_of_raft_that_is_not_finite_is_not_kept(tmp_path):
    model = nn.Linear(3, 2)
    model.weight.data[0] = math.nan
    run = raft_train._Run({}, "", "cpu", 1, step=7)
    with pytest.raises(AmcError, match="step 7: 3 of 6 values of weight are not finite; start anew with a smaller"):
        raft_train._keep(run, tmp_path, model, None, [].append)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def ruined(tmp_path):
    """RAFT-small whose last layer gives NaN."""
    state = raft.ARCHITECTURES["raft-small"][0]().state_dict()
    state["update_block.flow_head.conv2.bias"].fill_(math.nan)
    torch.save(state, tmp_path / "raft.pth")
    return tmp_path / "raft.pth"


def test_flow_that_is_not_finite_is_refused(ruined, monkeypatch):
    """Whether its weights are refused when they are loaded, or what they compute."""
    pair = torch.zeros(2, 3, 128, 128, dtype=torch.uint8)
    with pytest.raises(AmcError, match="not finite"):
        flow.estimate(pair, pair + 1, method="raft-small", weights=ruined)
    monkeypatch.setitem(flow.METHODS, "dis", lambda first, second, weights: torch.full((2, 2, 128, 128), math.nan))
    with pytest.raises(NotFinite, match="dis gives vectors that are not finite for pair 0 of 2"):
        flow.estimate(pair, pair + 1, method="dis")


@pytest.mark.parametrize("value", [math.nan, math.inf, 70_000.0])  # float16 ends at 65,504
def test_motion_that_the_cache_cannot_hold_is_refused_with_video_and_frame_and_not_kept(
    value, smoke_world, tmp_path, monkeypatch
):
    video = sorted((smoke_world / "smoke" / "video").glob("*.mp4"))[0]
    reader = PixelReader(Pixels(flow_method="dis", max_px=8.0, short_side=72), tmp_path)

    def estimate(self, path, pairs):
        return torch.stack([torch.full((2, 4, 5), value if first == 3 else 1.0) for first, _ in pairs])

    monkeypatch.setattr(PixelReader, "_estimate", estimate)
    with pytest.raises(AmcError, match=rf"{video.name}: frame 3: .*not finite as torch\.float16"):
        reader.vectors(video, [2, 3, 4], 9)
    assert not list(tmp_path.rglob("*.safetensors"))
    assert replace(reader).vectors(video, [2, 4], 9).shape == (2, 2, 4, 5)


def test_kept_motion_that_is_not_finite_counts_as_damaged(tmp_path, monkeypatch):
    cache, right = PixelCache(tmp_path), lambda indices: torch.ones(len(indices), 2, 3, 4)
    with monkeypatch.context() as earlier:  # a version that did not look
        earlier.setattr("amc.datasets.store._computed", lambda compute, indices, dtype: compute(indices).to(dtype))
        cache.get("ab", [1], lambda indices: torch.full((1, 2, 3, 4), math.nan), torch.float16)
    with pytest.warns(UserWarning, match=r"damaged \(values that are not finite\); computed again"):
        assert cache.get("ab", [1], right, torch.float16).isfinite().all()
