"""A run as data: the cells of the paper's tables, and no wrong value that gets further than its name."""

import inspect
import re
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from amc import config
from amc.base.errors import AmcError
from amc.config import SIZES, Experiment, Training
from amc.datasets.clips import refuse_enlarging
from amc.runs.ablation import ablation

PAPER = [("dense", "rgb"), ("semi-dense", "rgb"), ("sparse", "rgb"), ("sparse", "flow"), ("sparse", "rgb+flow")]


def pairs(cells: list[Experiment]) -> list[tuple[str, str]]:
    return [(cell.sampling.scheme, cell.pixels.modality) for cell in cells]


@pytest.mark.parametrize("part", [config.Sampling, config.Pixels, Training])
def test_every_setting_says_whether_the_paper_states_it_or_it_is_inferred_or_ours(part):
    lines = [line for line in inspect.getsource(part).splitlines() if re.match(r"    \w+: \w+ = ", line)]
    assert len(lines) == len(fields(part))
    unmarked = [line for line in lines if not re.search(r"  # .*\[(stated|inferred|ours)\b[^]]*\]$", line)]
    assert unmarked == []


def test_the_default_cells_are_the_five_of_tables_2_and_3():
    assert sorted(pairs(ablation())) == sorted(PAPER)


def test_the_grid_has_every_scheme_with_every_modality_once():
    assert len(set(pairs(ablation(grid=True)))) == len(ablation(grid=True)) == 9


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"scheme": "sparse"}, [("sparse", "rgb"), ("sparse", "flow"), ("sparse", "rgb+flow")]),
        ({"scheme": "dense"}, [("dense", "rgb")]),
        ({"modality": "flow"}, [("sparse", "flow")]),
        ({"modality": "rgb"}, [("dense", "rgb"), ("semi-dense", "rgb"), ("sparse", "rgb")]),
        ({"scheme": "dense", "modality": "rgb+flow"}, [("dense", "rgb+flow")]),
        ({"scheme": "dense", "grid": True}, [("dense", "rgb"), ("dense", "flow"), ("dense", "rgb+flow")]),
        ({"modality": "flow", "grid": True}, [("dense", "flow"), ("semi-dense", "flow"), ("sparse", "flow")]),
    ],
)
def test_naming_a_scheme_or_a_modality_keeps_its_row_or_column(options, expected):
    assert pairs(ablation(**options)) == expected


@pytest.mark.parametrize(
    ("seeds", "expected"), [("0", [0]), ("0,1", [0, 1]), (3, [3]), (" 2, 1 ", [2, 1]), ("1,1,0", [1, 0])]
)
def test_every_seed_has_its_cells_once(seeds, expected):
    assert [cell.seed for cell in ablation(scheme="dense", seeds=seeds)] == expected
    assert len(ablation(seeds=seeds)) == 5 * len(expected)


def test_zero_and_empty_leave_a_value_to_the_size():
    for size, preset in SIZES.items():
        cell = ablation(scheme="sparse", modality="rgb+flow", size=size, dataset=preset.dataset)[0]
        assert cell == replace(preset, sampling=replace(preset.sampling, scheme="sparse"))


def test_every_value_that_is_given_arrives_and_nothing_else_changes():
    cell = ablation(
        scheme="dense", modality="flow", dataset="kabr", size="smoke", seeds=7, num_windows=5, frames=3, epochs=2,
        flow_method="raft-small", flow_weights="raft.pth", backbone="ViT-B-32", pretrained="random", data_root="/kabr",
    )[0]  # fmt: skip
    smoke = SIZES["smoke"]
    assert cell == Experiment(
        dataset="kabr", size="smoke", root="/kabr", backbone="ViT-B-32", pretrained="random",
        sampling=config.Sampling("dense", 5, 3),
        pixels=replace(
            smoke.pixels, modality="flow", flow_method="raft-small", flow_weights="raft.pth", short_side=252,
            max_px=7.0,
        ),
        training=replace(smoke.training, epochs=2), seed=7,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"scheme": "spares"}, ["scheme", "'spares'", "all, dense, semi-dense, sparse"]),
        ({"modality": "RGB"}, ["modality", "'RGB'", "all, rgb, flow, rgb+flow"]),
        ({"size": "big"}, ["size", "'big'", "smoke, quick, standard, paper"]),
        ({"dataset": "animalkingdom"}, ["dataset", "synth, animal-kingdom, kabr"]),
        ({"flow_method": "raft"}, ["flow_method", "'raft'", "raft-large, raft-small, raft-synth, dis"]),
        ({"flow_method": "raft", "modality": "rgb"}, ["flow_method", "'raft'"]),
        (
            {"flow_method": "true", "dataset": "kabr"},
            ["flow_method", "'true'", "raft-large, raft-small, raft-synth, dis"],
        ),
        ({"scheme": "dense", "modality": "all", "grid": "false"}, ["grid", "'false'", "True or False"]),
        ({"grid": 1}, ["grid", "1", "True or False"]),
        ({"modality": "all", "seeds": "a"}, ["seeds", "'a'", "0,1,2"]),
        ({"seeds": ""}, ["seeds", "0,1,2"]),
        ({"seeds": "0;1"}, ["seeds", "0,1,2"]),
        ({"seeds": "-1"}, ["seeds", "'-1'", "0,1,2"]),
        ({"seeds": -1}, ["seeds", "-1", "0,1,2"]),
        ({"seeds": 0.5}, ["seeds", "0.5"]),
        ({"seeds": 10**30}, ["seeds", "0,1,2"]),
        ({"num_windows": -1}, ["num_windows", "-1", "whole number"]),
        ({"frames": 2.5}, ["frames", "2.5", "whole number"]),
        ({"frames": "4"}, ["frames", "'4'", "whole number"]),
        ({"epochs": True}, ["epochs", "True", "whole number"]),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_with_the_allowed_ones(options, named):
    with pytest.raises(AmcError) as error:
        ablation(**options)
    assert "\n" not in str(error.value) and all(part in str(error.value) for part in named), str(error.value)


def test_configurations_cannot_be_changed():
    for part in (ablation()[0], config.Sampling(), config.Pixels(), Training()):
        with pytest.raises(FrozenInstanceError):
            setattr(part, fields(part)[0].name, "other")
    assert len({*ablation(grid=True), *ablation(grid=True)}) == 9  # and can be keys


def test_a_cell_says_how_many_pictures_its_model_sees():
    slots = {cell.pixels.modality: cell.num_slots for cell in ablation(scheme="sparse", frames=3)}
    assert slots == {"rgb": 3, "flow": 3, "rgb+flow": 6}


def test_cells_have_names_of_their_own_and_plain_json():
    cells = ablation(grid=True, seeds="0,1")
    assert len({cell.name for cell in cells}) == 18
    assert cells[0].asdict()["sampling"] == {"scheme": "dense", "num_windows": 3, "frames": 4, "stride": 0}


def test_size_paper_is_xclips_published_recipe():
    training = SIZES["paper"].training
    assert (training.epochs, training.warm_up, training.lr, training.lr_mult) == (30, 5, 8e-6, 10)
    assert training.batch_size * training.grad_accum_steps == 256 and training.weight_decay == 1e-3
    assert SIZES["paper"].pixels.flow_method == "raft-large"
    assert {size: preset.size for size, preset in SIZES.items()} == {size: size for size in SIZES}


@pytest.mark.parametrize(
    ("size", "backbone", "short_side", "max_px"),
    [
        ("quick", "ViT-B-16-quickgelu", 252, 7.0),  # 72 px for the 64 that synth-clip sees, with 2 px per frame
        ("standard", "ViT-L-14-336", 378, 10.5),
        ("paper", "ViT-L-14-336", 384, 30.0),  # 256 px for 224, with 20 px per frame
        ("paper", "ViT-B-16-quickgelu", 256, 20.0),
        ("quick", "synth-clip", 72, 2.0),
        ("smoke", "", 72, 2.0),
    ],
)
def test_pictures_are_kept_in_proportion_to_what_the_backbone_sees_and_the_scale_of_flow_with_them(
    size, backbone, short_side, max_px
):
    for cell in ablation(size=size, dataset="folder", backbone=backbone):
        assert (cell.pixels.short_side, cell.pixels.max_px) == (short_side, max_px)


def test_pictures_that_would_be_enlarged_are_refused():
    refuse_enlarging(SIZES["quick"].pixels, 72, "a network")
    with pytest.raises(
        AmcError, match="short_side: pictures kept at 72 px .* enlarged to the 224 px that ViT-B-32 sees"
    ):
        refuse_enlarging(SIZES["quick"].pixels, 224, "ViT-B-32")
