"""Training without videos: clips of noise, a model of one layer, and a power failure."""

import torch
from torch import nn
from torch.utils.data import Dataset

from amc import train
from amc.config import Training

CFG = Training(epochs=3, warm_up=1, batch_size=2, grad_accum_steps=1, lr=1e-3, workers=0)


class Few(Dataset):
    """Clips of noise in place of videos: `views` windows of three slots, two labels."""

    def __init__(self, count: int, views: int = 1):
        generator = torch.Generator().manual_seed(0)
        self.slots = torch.randint(256, (count, views, 3, 3, 4, 5), dtype=torch.uint8, generator=generator)
        self.labels = torch.randint(2, (count, 2), generator=generator).float()
        self.asked: list[tuple[int, int]] = []

    def __len__(self):
        return len(self.slots)

    def __getitem__(self, key):
        self.asked.append(key)
        return self.slots[key[1]], self.labels[key[1]]


class Toy(nn.Module):
    """One linear layer over all pixels."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3 * 3 * 4 * 5, 2)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, slots):
        return self.layer(slots.flatten(1).float() / 255 - 0.5)

    def parameter_groups(self, lr, *, lr_mult, weight_decay):
        return [{"params": list(self.parameters()), "lr": lr, "weight_decay": weight_decay}]


def fit(model, folder, *, views=None, cfg=CFG, validate=lambda: 0.5, **options) -> train.Fit:
    """`validate` gives the mAP; the loss is 1 minus it."""
    views = Few(5) if views is None else views

    def rate(trained) -> train.Validation:
        value = validate()
        return train.Validation(1 - value, value)

    return train.fit(model, views, rate, cfg, folder=folder, log=[].append, seed=1, **options)


def weights(module: nn.Module) -> dict:
    return {name: value.clone() for name, value in module.state_dict().items()}


def equal(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def interrupted_at(epoch: int, validate):
    """`validate`, but the power fails when `epoch` (from 0) has been trained and not yet rated."""
    calls = []

    def rate() -> float:
        calls.append(0)
        if len(calls) > epoch:
            raise KeyboardInterrupt
        return validate()

    return rate
