"""Every classifier of Table 1 behind one interface: clips in, one logit per behaviour out, trained and moved alike."""

import copy
from dataclasses import replace

import pytest
import torch

from amc.base.errors import AmcError
from amc.config import Experiment
from amc.runs import experiment, methods, recipes


@pytest.fixture(scope="module", params=methods.METHODS)
def cell(request, smoke_world) -> Experiment:
    (cell,) = recipes.table_1(methods=request.param, size="smoke", data_root=str(smoke_world))
    return replace(cell, init_from="")  # what another data set teaches is the harness's to fetch


@pytest.fixture(scope="module")
def classifier(cell):
    return methods.build(cell, experiment.load(cell))


@pytest.fixture(scope="module")
def slots(cell, classifier) -> torch.Tensor:
    size = classifier.preprocess.size
    return torch.randint(256, (3, cell.num_slots, 3, size, size), dtype=torch.uint8, generator=torch.Generator())


def test_clips_give_one_finite_logit_for_each_behaviour_whatever_shares_their_batch(cell, classifier, slots):
    with torch.inference_mode():
        logits, alone = classifier(slots), classifier(slots[1:2])
    assert logits.shape == (3, len(experiment.load(cell).names)) and logits.isfinite().all()
    torch.testing.assert_close(alone, logits[1:2], rtol=1e-3, atol=1e-4)  # float32 sums in another order
    assert (logits[0] - logits[1]).abs().max() > 1e-4  # other pixels, other scores


def test_every_parameter_that_learns_is_in_one_group(classifier):
    groups = classifier.network.parameter_groups(1e-3, lr_mult=3, weight_decay=0.1)
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    learning = [id(parameter) for parameter in classifier.network.parameters() if parameter.requires_grad]
    assert sorted(grouped) == sorted(learning) and len(set(grouped)) == len(grouped) > 0


def test_a_shift_moves_every_logit_alike(classifier, slots):
    moved = copy.deepcopy(classifier)
    moved.add_bias(torch.tensor(-2.0))
    with torch.inference_mode():
        before, after = classifier(slots), moved(slots)
    torch.testing.assert_close(after, before - 2, rtol=1e-4, atol=1e-4)


def test_the_same_seed_builds_the_same_system_and_another_seed_another(cell, classifier, slots):
    table = experiment.load(cell)
    again, other = methods.build(cell, table), methods.build(replace(cell, seed=7), table)
    with torch.inference_mode():
        logits = classifier(slots)
        assert torch.equal(again(slots), logits)
        assert not torch.allclose(other(slots), logits, atol=1e-4)


def test_what_a_system_starts_from_is_looked_for_before_anything_is_built(cell):
    methods.check(cell)
    with pytest.raises(AmcError, match="method: 'X4D' is not known"):
        methods.check(replace(cell, method="X4D"))
    if cell.network:
        with pytest.raises(AmcError, match="'x4d'"):
            methods.check(replace(cell, network="x4d"))
        with pytest.raises(AmcError, match="weights"):
            methods.check(replace(cell, init_from="no/such/file.pth"))
