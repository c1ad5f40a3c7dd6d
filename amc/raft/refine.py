"""Run torchvision's RAFT: the same flow as its `forward`, to rounding, with less work.

Three steps can be skipped without changing the result (RAFT's authors recommend the first, princeton-vl/RAFT#39):
upsampling the flow of any update but the last; repeating the convolution of the constant context in every update;
encoding a frame twice, as second of a pair and first of the next. The two gates with equal input are one convolution.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import amc.base.torchvision_cpu  # noqa: F401  before torchvision

from torchvision.models.optical_flow._utils import make_coords_grid, upsample_flow  # isort: skip


def flow(model: nn.Module, first: Tensor, second: Tensor, *, updates: int) -> Tensor:
    """The last update's flow. first, second: (P, 3, H, W) float32 in -1..1, sides multiples of 8 and at least 128;
    model: torchvision's `RAFT`. Returns (P, 2, H, W) float32, pixels per frame."""
    for coarse, hidden in refine(model, first, second, updates):  # noqa: B007  the last one is used
        pass
    return upsampled(model, coarse, hidden)


def flows(model: nn.Module, first: Tensor, second: Tensor, *, updates: int) -> list[Tensor]:
    """The flow of every update, for RAFT's sequence loss; see `flow`."""
    return [upsampled(model, coarse, hidden) for coarse, hidden in refine(model, first, second, updates)]


def refine(model: nn.Module, first: Tensor, second: Tensor, updates: int) -> Iterator[tuple[Tensor, Tensor]]:
    """After each update the flow (P, 2, H/8, W/8), in pixels of that size, and the hidden state (P, D, H/8, W/8)."""
    block = model.update_block
    features = _features(model.feature_encoder, first, second)
    with torch.autocast(first.device.type, enabled=False):  # always float32, also in mixed precision, as in RAFT
        model.corr_block.build_pyramid(*(side.float() for side in features))
    encoded = model.context_encoder(first)
    hidden, context = encoded.split([block.hidden_state_size, encoded.shape[1] - block.hidden_state_size], dim=1)
    hidden, context = hidden.tanh(), context.relu()
    units = (block.recurrent_block.convgru1, block.recurrent_block.convgru2)  # RAFT-small's second one does nothing
    gates = [Gates(unit, context) for unit in units if isinstance(unit, nn.Module)]
    start = make_coords_grid(*hidden[:, 0].shape).to(first.device)
    place = start
    for _ in range(updates):
        place = place.detach()  # no gradients through the lookup's position, as in RAFT
        motion = block.motion_encoder(place - start, model.corr_block.index_pyramid(place))
        for gate in gates:
            hidden = gate(hidden, motion)
        place = place + block.flow_head(hidden)
        yield place - start, hidden


def upsampled(model: nn.Module, coarse: Tensor, hidden: Tensor) -> Tensor:
    """Upsampled eight times: by the mask that the model predicts, or evenly if it predicts none (RAFT-small)."""
    return upsample_flow(coarse, None if model.mask_predictor is None else model.mask_predictor(hidden))


class Gates:
    """One of torchvision's ConvGRU units with a constant context, whose part of each sum is computed once."""

    def __init__(self, unit: nn.Module, context: Tensor):
        gates = [torch.cat([unit.convz.weight, unit.convr.weight]), unit.convq.weight]
        biases = [torch.cat([unit.convz.bias, unit.convr.bias]), unit.convq.bias]
        self.padding = unit.convz.padding
        around = unit.convz.out_channels, context.shape[1]  # channels are hidden state, context, motion
        parts = [w.split([*around, w.shape[1] - sum(around)], dim=1) for w in gates]
        self.weights = [torch.cat([of_hidden, of_motion], dim=1) for of_hidden, _, of_motion in parts]
        self.constants = [
            F.conv2d(context, of_context, bias, padding=self.padding)
            for (_, of_context, _), bias in zip(parts, biases, strict=True)
        ]

    def __call__(self, hidden: Tensor, motion: Tensor) -> Tensor:
        """The next hidden state, from the last one and the motion features."""
        update, reset = self._sum(0, hidden, motion).sigmoid().chunk(2, dim=1)
        return torch.lerp(hidden, self._sum(1, reset * hidden, motion).tanh(), update)

    def _sum(self, gate: int, hidden: Tensor, motion: Tensor) -> Tensor:
        seen = torch.cat([hidden, motion], dim=1)
        return F.conv2d(seen, self.weights[gate], padding=self.padding) + self.constants[gate]


def _features(encoder: nn.Module, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Features of both sides; consecutive pairs encode each frame once, exact as norms are computed per picture."""
    if len(first) > 1 and torch.equal(first[1:], second[:-1]):
        features = encoder(torch.cat([first, second[-1:]]))
        return features[:-1], features[1:]
    return encoder(torch.cat([first, second])).chunk(2)
