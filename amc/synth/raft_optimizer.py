"""The optimizer of RAFT's training: Muon for convolutions, AdamW for biases, and the learning-rate schedule."""

import torch
from torch import nn

BIASES = 0.25  # AdamW's rate relative to Muon's
WARM, DOWN = 0.04, 0.5  # shares of all steps: the learning rate rises, and falls to zero


class RaftOptimizer:
    """Muon (Jordan et al., 2024) for the convolutions, whose filters are rows of a matrix, and AdamW for their biases.

    All singular values of a Muon step are equal. Its size is scaled to that of an AdamW step, as in Liu et al.
    ("Muon is scalable for LLM training", 2025). lr: the peak of Muon's learning rate.
    """

    def __init__(self, model: nn.Module, lr: float, weight_decay: float):
        self.filters = [p for p in model.parameters() if p.ndim == 4]
        self.matrices = [nn.Parameter(p.data.flatten(1)) for p in self.filters]  # the same memory
        biases = [p for p in model.parameters() if p.ndim < 4]
        self.parts = {
            "muon": torch.optim.Muon(self.matrices, lr, weight_decay, adjust_lr_fn="match_rms_adamw"),
            "adamw": torch.optim.AdamW(biases, BIASES * lr, weight_decay=weight_decay),
        }
        self.peaks = {name: part.defaults["lr"] for name, part in self.parts.items()}

    def step(self, rate: float) -> None:
        """Update the model by its gradients; rate: the learning rate as a part of its peak."""
        for matrix, filters in zip(self.matrices, self.filters, strict=True):
            matrix.grad = filters.grad.flatten(1)
        for name, part in self.parts.items():
            for group in part.param_groups:
                group["lr"] = rate * self.peaks[name]
            part.step()

    def state_dict(self) -> dict:
        """The state that `load_state_dict` needs to continue as if there had been no stop."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state: dict) -> None:
        """Continue from the state of another optimizer."""
        for name, part in self.parts.items():
            part.load_state_dict(state[name])


def rate(step: int, steps: int) -> float:
    """The learning rate as a part of its peak: linear warm-up, constant, then linear decay to zero."""
    return min(1.0, (step + 1) / (WARM * steps), (steps - step) / (DOWN * steps))
