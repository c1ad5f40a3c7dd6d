"""The cells of Table 1: all methods, what they share, what the published ones are, and what is refused."""

from dataclasses import replace

import pytest

from amc.base.errors import AmcError
from amc.baselines.conv3d import NETWORKS
from amc.baselines.species_prior import BLIND
from amc.config import METHOD, SIZES
from amc.runs import methods
from amc.runs.ablation import ablation
from amc.runs.recipes import HUB, KINETICS, METHODS, PRETRAINED, WORLD, blind_on_annotation, describe, table_1
from amc.runs.results import paper_tables

REAL = {"size": "paper", "dataset": "animal-kingdom"}
DATASET = {"paper": "animal-kingdom"}  # where it is not Synth Kingdom


def cells(size: str = "quick", **options) -> dict:
    return {cell.method: cell for cell in table_1(size=size, dataset=DATASET.get(size, "synth"), **options)}


@pytest.mark.parametrize("size", SIZES)
def test_every_row_of_the_papers_table_is_there_in_its_order_and_the_blind_ones_follow(size):
    paper = [row["method"] for row in paper_tables() if row["table"] == 1]
    assert list(cells(size)) == [*paper, *BLIND] == list(METHODS)


@pytest.mark.parametrize("size", SIZES)
def test_rows_share_data_views_selection_clip_and_seed(size):
    names = ("dataset", "size", "root", "validation", "seed", "backbone", "pretrained")
    found = cells(size).values()
    assert len({tuple(getattr(cell, name) for name in names) for cell in found}) == 1
    assert len({(cell.sampling.num_windows, cell.pixels.short_side, cell.pixels.keep_frames) for cell in found}) == 1


def test_the_papers_own_row_is_the_cell_of_its_ablation_so_that_it_is_computed_once():
    for size in SIZES:
        (cell,) = ablation(scheme="sparse", modality="rgb+flow", size=size, dataset=DATASET.get(size, "synth"))
        assert cells(size)[METHOD] == cell


def test_networks_are_the_published_ones_at_their_own_pace_at_size_paper():
    found = cells("paper")
    assert [found[m].network for m in ("I3D", "SlowFast", "X3D", "MSQNet", PRETRAINED)] == [
        "i3d-r50", "slowfast-r50", "x3d-l", "timesformer-base", "timesformer-base"
    ]  # fmt: skip
    paces = {m: (found[m].sampling.frames, found[m].sampling.stride) for m in ("I3D", "SlowFast", "X3D")}
    assert paces == {"I3D": (8, 8), "SlowFast": (32, 2), "X3D": (16, 5)}


def test_the_pace_of_a_small_network_is_its_own_too():
    for method in ("I3D", "SlowFast", "X3D"):
        cell = cells("quick")[method]
        assert (cell.sampling.frames, cell.sampling.stride) == NETWORKS[cell.network][1:3]


def test_the_two_rows_of_msqnet_differ_by_what_the_video_encoder_starts_from_alone():
    for size, start in (("quick", WORLD), ("paper", HUB)):
        scratch, trained = (cells(size)[name].asdict() for name in ("MSQNet", PRETRAINED))
        differing = {name for name in scratch if scratch[name] != trained[name]}
        assert differing <= {"method", "init_from", "training"}
        assert scratch["training"] == trained["training"] | {"pretraining": 0}
        assert (scratch["init_from"], trained["init_from"]) == ("", start)


def test_methods_are_a_list_in_any_order_for_every_seed():
    found = table_1(methods="species prior, X3D,I3D", seeds="3,1")
    assert [(c.method, c.seed) for c in found] == [
        ("I3D", 3), ("X3D", 3), ("species prior", 3), ("I3D", 1), ("X3D", 1)  # which no seed changes
    ]  # fmt: skip


def test_weights_of_kinetics_are_taken_from_the_folder_that_is_named(tmp_path):
    for name in KINETICS.values():
        (tmp_path / name).touch()
    found = cells("paper", kinetics=str(tmp_path))
    assert {m: found[m].init_from for m in KINETICS} == {m: str(tmp_path / name) for m, name in KINETICS.items()}
    assert cells("paper")["I3D"].init_from == found["MSQNet"].init_from == ""


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"methods": "I3D,X4D"}, "methods: 'X4D' is not known; choose one of: all, I3D, SlowFast"),
        ({"kinetics": "nowhere", **REAL}, "kinetics: .*I3D_8x8_R50.pyth is not there; get it"),
        ({"kinetics": "nowhere"}, "kinetics: nowhere holds weights for networks and pictures of size paper, not quick"),
        ({"dataset": WORLD}, "is what MSQNet . pre-training is trained on first"),
        ({"methods": "all,X4D"}, "methods: 'X4D'"),
        ({"size": "paper"}, "size: 'paper' is for real videos"),
        ({"num_windows": -1}, "num_windows: -1"),
        ({"epochs": 1.5}, "epochs: 1.5"),
        ({"dataset": "animals"}, "dataset: 'animals'"),
        ({"dataset": 3}, "dataset: '3' is not known"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(options, named):
    with pytest.raises(AmcError, match=named) as error:
        table_1(**options)
    assert "\n" not in str(error.value)


def test_all_among_others_is_all():
    assert [cell.method for cell in table_1(methods=" all, X3D")] == list(METHODS)


def test_on_the_real_annotation_the_blind_rows_count_all_official_training_clips(real):
    frequency, prior = blind_on_annotation(real / "animal_kingdom" / "AR_metadata.xlsx")
    assert (round(frequency["map_macro"], 2), round(frequency["map_micro"], 2)) == (1.67, 18.98)
    assert prior["map_macro"] > 25.25 and prior["map_macro_low"] < prior["map_macro"] < prior["map_macro_high"]


def test_a_number_of_epochs_holds_for_every_method():
    assert {cell.training.epochs for cell in table_1(epochs=2)} == {2}


def test_data_sets_may_be_written_as_their_folders_are():
    assert {cell.dataset for cell in table_1(dataset="animal_kingdom", size="paper")} == {"animal-kingdom"}


def test_a_row_says_what_sets_it_apart():
    assert describe(cells()["X3D"])["views x frames"] == "3 x (4 x 12)"
    assert describe(cells()[METHOD])["starts from"] == "the CLIP"
    assert describe(cells()[PRETRAINED])["starts from"] == WORLD
    assert describe(cells()["species prior"])["network"] == "none"


@pytest.mark.parametrize(
    ("size", "backbone", "kept"),
    [
        ("quick", "", {72}),
        ("quick", "ViT-B-16-quickgelu", {252}),
        ("paper", "", {256}),
        ("paper", "ViT-L-14-336", {384}),
        ("paper", "synth-clip", {73, 293}),  # I3D, SlowFast and X3D see 256 px, whatever CLIP the others have
    ],
)
def test_no_row_is_shown_pictures_larger_than_they_are_kept(size, backbone, kept):
    found = {name: cell for name, cell in cells(size, backbone=backbone).items() if name not in BLIND}
    assert {cell.pixels.short_side for cell in found.values()} == kept
    for cell in found.values():
        methods.check(replace(cell, pretrained="random", init_from=""))
        small = replace(cell, pretrained="random", init_from="", pixels=cell.pixels.at(63))
        with pytest.raises(AmcError, match="short_side: pictures kept at 63 px would be enlarged"):
            methods.check(small)
