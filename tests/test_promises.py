"""What `reports/reliability.md` promises to stay the same is held by a test that exists."""

import ast
from dataclasses import replace
from pathlib import Path

import promises
import pytest
import torch

from amc.config import SIZES
from amc.runs import experiment, keys

TESTS = Path(__file__).parent


@pytest.mark.parametrize("promise", promises.SAME, ids=lambda promise: promise[0])
def test_every_promise_is_held_by_a_test_that_exists(promise):
    if place := promise[2]:
        file, name = place.split("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        assert name in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


def test_a_run_computes_with_one_thread_however_many_there_are(tmp_path, monkeypatch):
    seen, before = [], torch.get_num_threads()
    monkeypatch.setattr(experiment, "load", lambda cfg: None)
    monkeypatch.setattr(keys, "folder", lambda cfg, table, device: tmp_path / "run")
    monkeypatch.setattr(experiment, "_compute", lambda *given: seen.append(torch.get_num_threads()))
    torch.set_num_threads(3)
    try:
        experiment.run(replace(SIZES["smoke"]), device="cpu")
        assert seen == [1] and torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_float16_rounds_a_motion_of_20_px_by_at_most_8_thousandths():
    motion = torch.linspace(-20, 20, 100_001)
    error = (motion.half().float() - motion).abs().max().item()
    assert 0.004 < error <= 0.0079
