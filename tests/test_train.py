"""Training: the schedule is X-CLIP's, and an interrupted run ends in the same bits."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from toys import CFG, Few, Toy, equal, fit, interrupted_at, weights

from amc import model, train
from amc.base.errors import AmcError
from amc.config import Pixels, Sampling, Training
from amc.datasets import animal_kingdom
from amc.datasets.clips import ClipViews, PixelReader


@pytest.fixture(scope="module")
def animals(smoke_world, tmp_path_factory) -> ClipViews:
    """Six training clips of Synth Kingdom, as interleaved pairs."""
    table = animal_kingdom.index(smoke_world / "smoke").split("train").limit(6)
    pixels = Pixels(flow_method="dis-ultrafast", max_px=8, short_side=72, keep_frames=True)
    reader = PixelReader(pixels, tmp_path_factory.mktemp("pixels"))
    return ClipViews(table, Sampling("sparse", 2, 1), reader, size=64, train_windows=1, seed=5)


def train_animals(animals: ClipViews, folder, stop: int | None = None) -> tuple[dict, train.Fit | None]:
    """Weights of a new model after training in `folder`, interrupted in epoch `stop` (from 0) where one is given."""
    classifier = model.build("synth-clip", "random", num_slots=2, seed=5).with_names(animals.table.names)
    rate = lambda: classifier.network.prompts.alpha.sum().sin().item()  # noqa: E731  any number that only the weights decide
    if stop is None:
        fitted = fit(classifier, folder, views=animals, validate=rate)
        return weights(classifier), fitted
    with pytest.raises(KeyboardInterrupt):
        fit(classifier, folder, views=animals, validate=interrupted_at(stop, rate))
    return weights(classifier), None


@pytest.fixture(scope="module")
def straight(animals, tmp_path_factory) -> tuple[dict, train.Fit]:
    return train_animals(animals, tmp_path_factory.mktemp("straight"))


@pytest.mark.parametrize("stop", [0, 1, 2])
def test_an_interrupted_training_ends_in_the_same_bits(animals, straight, tmp_path, stop):
    train_animals(animals, tmp_path, stop)
    ended, fitted = train_animals(animals, tmp_path)
    assert equal(ended, straight[0])
    assert replace(fitted, seconds=0) == replace(straight[1], seconds=0)


def test_a_finished_training_is_not_repeated(animals, straight, tmp_path):
    train_animals(animals, tmp_path)
    unread = PixelReader(Pixels(flow_method="none"))  # reading would fail
    animals_unread = ClipViews(animals.table, animals.sampling, unread, size=64)
    ended, fitted = train_animals(animals_unread, tmp_path)
    assert equal(ended, straight[0]) and fitted.losses == straight[1].losses


def test_dropout_is_drawn_from_seed_and_epoch_and_the_global_generator_is_left_alone(tmp_path):
    def dropping() -> Toy:
        toy = Toy()
        toy.layer = nn.Sequential(nn.Dropout(0.5), toy.layer)
        return toy

    straight, resumed, plain = dropping(), dropping(), Toy()
    before = torch.get_rng_state()
    fit(straight, tmp_path / "straight")
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(9)  # whoever else draws does not matter
    with pytest.raises(KeyboardInterrupt):
        fit(dropping(), tmp_path, validate=interrupted_at(1, lambda: 0.5))
    fit(resumed, tmp_path)
    fit(plain, tmp_path / "plain")
    assert equal(weights(resumed), weights(straight))
    assert not torch.equal(straight.layer[1].weight, plain.layer.weight)  # it did drop


def test_the_optimizer_is_the_one_that_is_named(tmp_path):
    """One step of each on the same gradient: SGD moves by it, AdamW by its sign."""
    once = replace(CFG, epochs=1, warm_up=0, batch_size=5, lr=0.1, weight_decay=0)
    toys = {name: Toy() for name in train.OPTIMIZERS}
    for name, toy in toys.items():
        fit(toy, tmp_path / name, cfg=replace(once, optimizer=name))
    moved = toys["adamw"].layer.weight.abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 0.1), rtol=1e-3, atol=0)
    views, other = Few(5), Toy()
    F.binary_cross_entropy_with_logits(other(views.slots[:, 0]), views.labels).backward()
    expected = -0.1 * 1.9 * other.layer.weight.grad  # Nesterov: the first step goes 1 + momentum times as far
    torch.testing.assert_close(toys["sgd"].layer.weight.data, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_checkpoint_is_announced_and_training_starts_again(tmp_path, damage):
    straight, toy = Toy(), Toy()
    fitted = fit(straight, tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        fit(Toy(), tmp_path, validate=interrupted_at(2, lambda: 0.5))
    file = tmp_path / "last.pt"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes({"flip": data, "cut": data[:-9], "empty": b""}[damage])
    with pytest.warns(UserWarning, match="damaged; training starts from the first epoch"):
        assert fit(toy, tmp_path).losses == fitted.losses
    assert equal(weights(toy), weights(straight))


def test_every_part_of_the_model_learns_and_the_new_modules_move_most(animals, straight):
    start = weights(model.build("synth-clip", "random", num_slots=2, seed=5).network)
    moved = {name: (straight[0][f"network.{name}"] - start[name]).abs().max().item() for name in start}
    assert [name for name, by in moved.items() if by == 0] == ["logit_scale", "logit_bias"]
    assert moved["integration.positions"] > 3 * moved["frames.positions"]


def test_each_epoch_sees_every_clip_once_in_an_order_of_its_own(tmp_path):
    views = Few(7)
    fit(Toy(), tmp_path, views=views)
    epochs = [[index for epoch, index in views.asked if epoch == e] for e in range(3)]
    assert all(sorted(order) == list(range(7)) for order in epochs)
    assert len({tuple(order) for order in epochs}) == 3


def plain_descent(monkeypatch) -> None:
    """AdamW hides the scale of a gradient; plain descent shows it."""
    monkeypatch.setitem(train.OPTIMIZERS, "adamw", torch.optim.SGD)


@pytest.mark.parametrize("count", [8, 5])  # with five clips the last step has one batch of two
def test_accumulating_small_batches_equals_large_ones(tmp_path, monkeypatch, count):
    plain_descent(monkeypatch)
    ended = []
    for batch, accumulate in ((2, 1), (1, 2)):
        toy = Toy()
        cfg = replace(CFG, batch_size=batch, grad_accum_steps=accumulate, lr=0.1)
        fit(toy, tmp_path / str(batch), views=Few(count), cfg=cfg)
        ended.append(toy.layer.weight.detach())
    # float32 sums in another order; a batch weighed doubly or by half moves the weights by 1e-2.
    torch.testing.assert_close(*ended, rtol=0, atol=1e-6)
    assert ended[0].abs().max() > 0.01


def test_the_views_of_a_video_share_its_labels_and_weigh_the_same(tmp_path, monkeypatch):
    plain_descent(monkeypatch)
    both, views = Toy(), Few(1, views=2)
    fit(both, tmp_path / "both", views=views, cfg=replace(CFG, epochs=1, warm_up=0))
    by_hand = Toy()
    loss = nn.functional.binary_cross_entropy_with_logits(by_hand(views.slots[0]), views.labels.expand(2, -1))
    loss.backward()
    expected = -CFG.lr * by_hand.layer.weight.grad
    torch.testing.assert_close(both.layer.weight.detach(), expected, rtol=1e-5, atol=1e-9)


def test_an_overfitted_toy_learns_its_labels(tmp_path):
    toy, views = Toy(), Few(4)
    fitted = fit(toy, tmp_path, views=views, cfg=replace(CFG, epochs=40, lr=0.01))
    assert fitted.losses[0] > 0.5 and fitted.losses[-1] < 0.1
    assert ((toy(views.slots[:, 0]) > 0) == views.labels.bool()).all()


def test_a_loss_that_is_no_longer_finite_stops_the_run_in_one_line_and_keeps_the_epochs_before(tmp_path):
    toy, ruined = Toy(), Toy()
    ruined.layer.register_forward_hook(lambda layer, given, logits: logits * float("nan"))
    with pytest.raises(KeyboardInterrupt):
        fit(toy, tmp_path, validate=interrupted_at(1, lambda: 0.5))
    kept = (tmp_path / "last.pt").read_bytes()
    with pytest.raises(AmcError, match=r"not finite in epoch 2; lower lr, now 0\.001") as error:
        fit(ruined, tmp_path)
    assert "\n" not in str(error.value) and (tmp_path / "last.pt").read_bytes() == kept
    assert len(fit(Toy(), tmp_path).losses) == 3


def schedule(cfg: Training, num_clips: int) -> list[float]:
    """Learning rate of the first group at each step of a training, relative to its highest."""
    optimizer, rates = train._optimizer(Toy(), cfg, num_clips)
    values = []
    for _ in range(cfg.epochs * math.ceil(math.ceil(num_clips / cfg.batch_size) / cfg.grad_accum_steps)):
        values.append(optimizer.param_groups[0]["lr"] / cfg.lr)
        optimizer.step()
        rates.step()
    return [*values, optimizer.param_groups[0]["lr"] / cfg.lr]


def test_the_rate_warms_up_to_its_height_and_follows_a_cosine_to_a_hundredth():
    rates = schedule(replace(CFG, epochs=10, warm_up=2), num_clips=8)  # 4 steps per epoch
    assert rates[:8] == pytest.approx([(step + 1) / 8 for step in range(8)])
    assert (rates[8], rates[24], rates[40]) == pytest.approx((1, 0.505, 0.01))
    assert rates[7:] == sorted(rates[7:], reverse=True)


@pytest.mark.parametrize("warm_up", [0, 0.1, 0.3, 1.4, 3])
def test_the_rate_never_exceeds_its_height(warm_up):
    rates = schedule(replace(CFG, warm_up=warm_up), num_clips=11)  # 6 steps per epoch
    assert max(rates) <= 1 + 1e-9 and min(rates) > 0


def test_a_step_is_one_update_of_the_schedule_whatever_is_accumulated(tmp_path):
    cfg = replace(CFG, grad_accum_steps=2)
    fit(Toy(), tmp_path, views=Few(5), cfg=cfg)  # 3 batches, 2 steps per epoch
    assert train._load(tmp_path / "last.pt")["schedule"]["last_epoch"] == 3 * 2


def test_new_modules_learn_ten_times_faster_and_vectors_do_not_decay():
    xclip = model.build("synth-clip", "random", num_slots=2).network
    optimizer, _ = train._optimizer(xclip, replace(CFG, lr=8e-6, weight_decay=1e-3), 8)
    group = {id(p): g for g in optimizer.param_groups for p in g["params"]}
    rated = {name: (group[id(p)]["initial_lr"], group[id(p)]["weight_decay"]) for name, p in xclip.named_parameters()}
    for name, expected in {
        "frames.patch_embedding.weight": (8e-6, 1e-3),
        "frames.positions": (8e-6, 0),
        "frames.blocks.0.block.ln_1.bias": (8e-6, 0),
        "frames.blocks.0.message.weight": (8e-5, 1e-3),
        "integration.positions": (8e-5, 0),
        "prompts.alpha": (8e-5, 0),
    }.items():
        assert rated[name] == pytest.approx(expected), name
    assert optimizer.defaults["betas"] == (0.9, 0.98)
