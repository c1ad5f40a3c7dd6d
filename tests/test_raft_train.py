import json
import math
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from amc import flow
from amc.__main__ import main
from amc.base import bundled, checkpoint
from amc.base.errors import AmcError
from amc.raft import weights
from amc.synth import raft_card, raft_optimizer, raft_train
from amc.synth.raft_optimizer import RaftOptimizer
from amc.synth.raft_train import Recipe

SHORT = partial(Recipe, steps=2, updates=2, precision="float32")  # bfloat16 takes long where the hardware lacks it
KINDS = ["kingdom", "broad", "wide", "large"]


@pytest.fixture
def small(monkeypatch):
    """Little to draw and to look at."""
    draw = raft_train.pairs.draw
    monkeypatch.setattr(raft_train, "CHUNKS", 6)  # the third one is wide, the sixth is large
    monkeypatch.setattr(raft_train, "EVERY", 1)
    monkeypatch.setattr(raft_train.pairs, "draw", lambda seed, chunk: draw(seed, chunk, kingdoms=1, broad=2))
    monkeypatch.setattr(raft_train.pairs, "KINGDOMS", 1)
    monkeypatch.setitem(weights.UPDATES, "raft-synth", 2)  # as many as in training
    raft_train.held.cache_clear()
    yield
    raft_train.held.cache_clear()


def run(folder, **recipe):
    lines = []
    return raft_train.train(SHORT(**recipe), folder=folder, log=lines.append), lines


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path, small, monkeypatch):
    run(tmp_path / "whole")
    shown = raft_train._keep

    def stopped(state, *rest):
        shown(state, *rest)
        raise KeyboardInterrupt

    with monkeypatch.context() as once, pytest.raises(KeyboardInterrupt):
        once.setattr(raft_train, "_keep", stopped)
        run(tmp_path / "stopped")
    assert raft_train.state(tmp_path / "stopped")["step"] == 1
    run(tmp_path / "stopped")
    ends = [torch.load(tmp_path / name / "state.pt", weights_only=True) for name in ("whole", "stopped")]
    assert all(torch.equal(a, b) for a, b in zip(*(end["model"].values() for end in ends), strict=True))
    histories = [[{k: v for k, v in row.items() if k != "seconds"} for row in end["run"]["history"]] for end in ends]
    assert histories[0] == histories[1] and [row["step"] for row in histories[0]] == [1, 2]


def test_it_learns_and_what_it_keeps_is_the_best(tmp_path, small, monkeypatch):
    chunk = tuple(side[:3] for side in raft_train.Chunks("train")[0])
    monkeypatch.setattr(raft_train, "EVERY", 20)
    monkeypatch.setattr(raft_train.Chunks, "__getitem__", lambda self, number: chunk)  # one chunk, by heart
    best, lines = run(tmp_path, steps=40, lr=1e-3)
    rows = raft_train.state(tmp_path)["history"]
    errors = [np.mean([row[kind] for kind in KINDS]) for row in rows]
    nothing = chunk[2].norm(dim=1).mean()
    assert min(errors) < 0.5 * errors[0] and min(errors) < 0.5 * nothing
    model = weights.load(weights.BUNDLED, best)
    found = raft_train.errors(
        lambda a, b: weights.run(model, a, b, updates=weights.UPDATES["raft-synth"]), "validation"
    )
    assert list(found) == KINDS
    assert np.mean([values.mean() for values in found.values()]) == pytest.approx(min(errors), rel=1e-4)
    assert any("validation error" in line for line in lines)


def test_a_run_of_another_recipe_is_not_gone_on_with(tmp_path, small):
    run(tmp_path)
    with pytest.raises(AmcError, match="flow train: .*lr.*remove it"):
        run(tmp_path, steps=4, lr=1e-3)
    run(tmp_path, steps=3)  # but it may become longer
    assert raft_train.state(tmp_path)["step"] == 3


def test_a_run_may_start_from_the_bundled_weights_and_counts_on(tmp_path, small, monkeypatch):
    card = bundled.find("raft-synth")[1]
    steps, chunks = card["steps"], card["chunks"]
    drawn, get = [], raft_train.Chunks.__getitem__
    monkeypatch.setattr(
        raft_train.Chunks, "__getitem__", lambda self, number: drawn.append((self.seed, number)) or get(self, number)
    )
    monkeypatch.setattr(raft_optimizer, "WARM", 1.0)
    best, _ = run(tmp_path, lr=1e-9, init_from="raft-synth")
    kept = raft_train.state(tmp_path)
    assert [number for seed, number in drawn if seed == raft_train.SEEDS["train"]] == [chunks, chunks + 1]
    assert kept["chunks"] == chunks + 2 and card["pairs"] < kept["pairs"] <= card["pairs"] + 16
    assert kept["step"] == steps + 2 and kept["started_from"]["recipe"] == card["recipe"]
    assert [row["step"] for row in kept["history"]][-2:] == [steps + 1, steps + 2] and len(kept["history"]) > 2
    ours = {name: x.float() for name, x in load_file(bundled.place("raft-synth")).items()}
    assert all(torch.allclose(x, ours[name], atol=1e-6) for name, x in load_file(best).items())


def test_a_start_from_the_bundled_weights_that_only_gets_worse_keeps_them(tmp_path, small):
    steps = bundled.find("raft-synth")[1]["steps"]
    best, lines = run(tmp_path, lr=0.5, init_from="raft-synth")
    assert f"step {steps}:" in lines[0] and raft_train.state(tmp_path)["step"] == steps + 2
    ours = load_file(bundled.place("raft-synth"))
    assert all(torch.equal(x, ours[name].float()) for name, x in load_file(best).items())


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_what_was(tmp_path, small):
    run(tmp_path)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    name = next(iter(state["model"]))
    state["model"][name].fill_(math.nan)
    checkpoint.save_state(tmp_path / "state.pt", state)
    before = (tmp_path / "state.pt").read_bytes()
    with pytest.raises(AmcError, match="smaller --lr"):
        run(tmp_path, steps=4)
    assert (tmp_path / "state.pt").read_bytes() == before
    assert not any(x.isnan().any() for x in load_file(tmp_path / "best.safetensors").values())


def test_a_run_of_other_pairs_or_a_damaged_one_is_not_gone_on_with(tmp_path, small, monkeypatch):
    run(tmp_path)
    with monkeypatch.context() as other, pytest.raises(AmcError, match="flow train: .*pairs of .* and 0123"):
        other.setattr(raft_train.generate, "digest", lambda also: "0123")
        run(tmp_path, steps=4)
    assert raft_train.generate.digest(also=("pairs",)) != raft_train.generate.digest()
    (tmp_path / "state.pt").write_bytes((tmp_path / "state.pt").read_bytes()[:999])
    with pytest.raises(AmcError, match="state.pt cannot be read .*remove it"):
        run(tmp_path, steps=4)


@pytest.mark.parametrize(
    "options, said",
    [
        (["--steps", "0"], "steps"),
        (["--lr", "-1"], "lr"),
        (["--lr", "nan"], "lr"),
        (["--precision", "float16"], "precision"),
        (["--init-from", "dis"], "init_from: 'dis' is not known; choose one of: raft-synth"),
        (["--ship", "--real", "nowhere"], "nowhere"),
        (["--ship", "--compare", "nowhere.pth"], "nowhere.pth"),
        (["--real", "nowhere"], "--ship"),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(tmp_path, options, said, capsys):
    assert main(["flow", "train", "--folder", str(tmp_path / "run"), *options]) == 2
    line = capsys.readouterr().err
    assert said in line and line.count("\n") == 1 and not (tmp_path / "run").exists()


def test_the_rate_rises_stays_and_falls_to_nothing():
    rates = [raft_optimizer.rate(step, 1000) for step in range(1001)]
    assert rates[0] == pytest.approx(1 / 40) and rates[39] == rates[500] == 1 and rates[750] == 0.5 and rates[1000] == 0


def test_the_sequence_loss_by_hand():
    truth = torch.zeros(1, 2, 4, 4)
    found = [truth + 3, truth + torch.tensor([1.0, -2.0]).view(1, 2, 1, 1)]
    assert raft_train.sequence_loss(found, truth).item() == pytest.approx(0.8 * (3 + 3) + (1 + 2))


def test_bundled_weights_have_a_card_and_are_a_method(tmp_path, small, monkeypatch, real, capsys):
    (tmp_path / "amc").mkdir()
    monkeypatch.setenv("AMC_ROOT", str(tmp_path))
    folder, whale, official = tmp_path / "run", real / "flow/RubberWhale", real / "weights/raft-small.pth"
    options = ["--steps", "2", "--folder", str(folder), "--ship", "--real", str(whale), "--compare", str(official)]
    monkeypatch.setattr(raft_train, "Recipe", SHORT)
    assert main(["flow", "train", *options]) == 0
    path = tmp_path / "data/weights/raft-synth.safetensors"
    facts = json.loads(path.with_suffix(".json").read_text())
    assert path.stat().st_size < 2.5e6 and {x.dtype for x in load_file(path).values()} == {torch.float16}
    assert facts["steps"] == 2 and facts["recipe"]["steps"] == 2 and facts["best_step"] in (1, 2)
    assert facts["processes"] == 1 and facts["chunks"] == 2 and facts["pairs"] == 16
    assert facts["generator"] == raft_train.generate.digest(also=("pairs",)) and facts["provenance"]["device"] == "cpu"
    whole = {(row["method"], row["pairs"]): row["epe"] for row in facts["errors_px"]}
    assert whole["raft-small", "RubberWhale"] == pytest.approx(0.32, abs=0.01)
    assert whole["dis", "RubberWhale"] == pytest.approx(0.226, abs=0.005)
    assert {("raft-synth", kind) for kind in [*KINDS, "RubberWhale"]} <= whole.keys()
    first, second, _ = raft_card.middlebury(whale)
    found = flow.estimate(first[..., :128, :128], second[..., :128, :128], method="raft-synth")
    model, updates = weights.load("raft-synth", folder / "best.safetensors"), weights.UPDATES["raft-synth"]
    in_full = weights.run(model, first[..., :128, :128], second[..., :128, :128], updates=updates)
    assert (found - in_full).abs().max() < 0.1  # float16
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(AmcError, match="sha256"):
        flow.estimate(first, second, method="raft-synth")
    assert "raft-synth.safetensors" in capsys.readouterr().out


def test_a_step_in_bfloat16_goes_where_one_in_float32_does():
    chunk = [side[:2] for side in raft_train.Chunks("train")[0]]
    model = raft_train._fresh(0)

    def gradient(precision):
        model.zero_grad()
        raft_train.chunk_loss(model, *chunk, Recipe(updates=2, precision=precision)).backward()
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    rounded, exact = map(gradient, ("bfloat16", "float32"))
    assert torch.cosine_similarity(rounded, exact, dim=0) > 0.98 and not torch.equal(rounded, exact)


def test_two_processes_average_the_gradients_of_a_chunk_each(tmp_path):
    """One step of theirs is one of a process that sees both chunks, in float32 so that orders of sums do not tell."""
    script = (
        "import sys; from pathlib import Path; from amc.base import distributed; from amc.synth import raft_train\n"
        "raft_train.CHUNKS, raft_train.weights.UPDATES['raft-synth'] = 6, 1\n"
        "with distributed.init():\n"
        "    recipe = raft_train.Recipe(steps=1, updates=1, precision='float32')\n"
        "    raft_train.train(recipe, folder=Path(sys.argv[1]), log=print)\n"
    )
    (tmp_path / "two.py").write_text(script)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [str(tmp_path / "two.py"), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stdout.count("step 1:") == 1, done.stderr  # one of them tells
    kept = raft_train.state(tmp_path / "run")
    assert (kept["step"], kept["chunks"], kept["pairs"], kept["processes"]) == (1, 2, 16, 2)

    recipe = Recipe(steps=1, updates=1, precision="float32")
    model, one = raft_train._fresh(0), raft_train._fresh(0)
    for taught, chunks in ((model, (0, 1)), (one, (0,))):
        sum(
            raft_train.chunk_loss(taught, *raft_train.Chunks()[number], recipe) / len(chunks) for number in chunks
        ).backward()
        torch.nn.utils.clip_grad_norm_(taught.parameters(), raft_train.CLIP)
        RaftOptimizer(taught, recipe.lr, recipe.weight_decay).step(1.0)
    found = torch.load(tmp_path / "run/state.pt", weights_only=True)["model"]
    change = {name: x - found[name] for name, x in one.state_dict().items()}
    assert max(x.abs().max() for x in change.values()) > 1e-3  # a step with half of the pairs goes elsewhere
    for name, x in model.state_dict().items():
        torch.testing.assert_close(found[name], x, atol=1e-4, rtol=0)


def test_a_step_of_muon_has_the_size_of_one_of_adam_and_biases_are_adams():
    torch.manual_seed(0)
    model = torch.nn.Conv2d(32, 64, 3)
    before = [p.detach().clone() for p in model.parameters()]
    muon = RaftOptimizer(model, lr=1e-2, weight_decay=0.0)
    model(torch.randn(8, 32, 8, 8)).square().mean().backward()
    muon.step(0.5)
    filters, bias = (p.detach() - old for p, old in zip(model.parameters(), before, strict=True))
    assert filters.square().mean().sqrt() == pytest.approx(0.2 * 0.5e-2, rel=0.2)  # Liu et al. (2025), sec. 2.2
    singular = torch.linalg.svdvals(filters.flatten(1))
    assert singular.max() / singular.min() < 2.5  # all alike, but for five steps of Newton and Schulz
    assert bias.abs().max() == pytest.approx(0.5 * 0.25 * 1e-2, rel=1e-3)  # Adam's first step is its rate


def test_held_out_validation_and_training_pairs_differ():
    drawn = {split: raft_train.Chunks(split)[0][0] for split in raft_train.SEEDS}
    assert len({x.numpy().tobytes() for x in drawn.values()}) == 3


def test_errors_are_measured_by_pair(small):
    rows = raft_card.drawn({"nothing": raft_card._nothing})
    means = [raft_train.Chunks("held-out")[number][2].norm(dim=1).mean((1, 2)).numpy() for number in range(6)]
    small = [means[number] for number in (0, 1, 3, 4)]
    kinds = {
        "kingdom": np.concatenate([mean[:1] for mean in small]),
        "broad": np.concatenate([mean[1:] for mean in small]),
        "wide": means[2],
        "large": means[5],
        "all": np.concatenate(means),
    }
    assert [row["pairs"] for row in rows] == list(kinds) and [row["count"] for row in rows] == [4, 8, 2, 1, 15]
    assert [row["epe"] for row in rows] == pytest.approx([values.mean() for values in kinds.values()], rel=1e-5)
    assert all(row["low"] <= row["epe"] <= row["high"] < np.inf for row in rows)


def test_a_folder_without_a_pair_is_refused(tmp_path):
    with pytest.raises(AmcError, match="frame10.png"):
        raft_card.middlebury(tmp_path)


def test_the_card_tells_how_it_was_made():
    facts = bundled.find("raft-synth")[1]
    assert facts["what"] == raft_card.FACTS["what"] and facts["steps"] >= 1000
    assert facts["steps"] <= facts["chunks"] <= facts["processes"] * facts["steps"]
    assert 4.5 * facts["chunks"] < facts["pairs"] < 6.5 * facts["chunks"]  # chunks have 8 small pairs, 2, or 1 large
