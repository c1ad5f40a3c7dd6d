"""Which weights training keeps: those of the lowest validation loss, averaged over steps; and when it ends."""

import math
from dataclasses import replace

import pytest
import torch
from toys import CFG, Few, Toy, equal, fit, interrupted_at, weights

from amc import train


@pytest.mark.parametrize(("rated", "best"), [([0.1, 0.9, 0.3], 2), ([0.5, 0.2, 0.1], 1), ([0.2, 0.5, 0.5], 3)])
def test_the_weights_of_the_best_epoch_remain_the_later_one_among_equals(tmp_path, rated, best):
    toy, seen = Toy(), []
    fitted = fit(toy, tmp_path, validate=lambda: seen.append(weights(toy)) or rated[len(seen) - 1])
    assert (fitted.best_epoch, fitted.validation) == (best, rated)
    assert [equal(weights(toy), state) for state in seen] == [epoch == best for epoch in (1, 2, 3)]
    assert not toy.training


def test_the_best_epoch_survives_an_interruption(tmp_path):
    seen, toy = [], Toy()
    rated = iter([0.9, 0.1])
    rate = interrupted_at(2, lambda: seen.append(weights(toy)) or next(rated))
    with pytest.raises(KeyboardInterrupt):
        fit(toy, tmp_path, validate=rate)
    later = Toy()
    assert fit(later, tmp_path, validate=lambda: 0.2).best_epoch == 1
    assert equal(weights(later), seen[0])


def test_training_ends_when_the_validation_loss_has_not_fallen_for_some_epochs(tmp_path):
    cfg = replace(CFG, epochs=9, patience=2)
    values = [0.1, 0.3, 0.2, 0.4, 0.3, 0.35, 0.9]
    ended = fit(Toy(), tmp_path / "ends", cfg=cfg, validate=iter(values).__next__)
    assert (len(ended.losses), ended.best_epoch, ended.is_improving) == (6, 4, False)
    rising = fit(Toy(), tmp_path / "rises", cfg=cfg, validate=iter([0.1 * k for k in range(9)]).__next__)
    assert (len(rising.losses), rising.best_epoch, rising.is_improving) == (9, 9, True)
    toy, calls = Toy(), []
    assert fit(toy, tmp_path / "ends", cfg=cfg, validate=lambda: calls.append(0)) == ended and not calls


def test_averaged_weights_are_the_exponential_mean_over_steps_and_survive_an_interruption(tmp_path):
    cfg, seen = replace(CFG, epochs=3, ema_epochs=-1 / (3 * math.log(0.8))), []

    def spy(network):
        return weights(network)["layer.weight"]

    class Recording(Toy):
        def forward(self, slots):
            seen.append(spy(self))
            return super().forward(slots)

    trained, states = Recording(), []
    train.fit(
        trained, Few(5), lambda averaged: states.append(spy(averaged)) or train.Validation(-len(states), 0.5), cfg,
        folder=tmp_path / "a", log=[].append, seed=1,
    )  # fmt: skip
    after = seen[1:]  # the weights after each step but the last: 3 steps per epoch
    mean, expected = after[0], []
    for step, value in enumerate(after[1:], start=2):
        mean = 0.8 * mean + 0.2 * value
        if step % 3 == 0:
            expected.append(mean)
    for state, value in zip(states[:2], expected, strict=True):
        torch.testing.assert_close(state, value)
    assert torch.equal(spy(trained), states[-1]) and not torch.equal(states[-1], seen[-1])
    with pytest.raises(KeyboardInterrupt):
        fit(Toy(), tmp_path / "b", cfg=cfg, validate=interrupted_at(2, lambda: 0.5))
    later = Toy()
    fit(later, tmp_path / "b", cfg=cfg)
    assert torch.equal(spy(later), states[-1])
