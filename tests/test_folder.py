"""A folder of one's own clips and two columns is a data set: dealt out alike everywhere, wrong lines all named."""

import numpy as np
import pytest
import torch

from amc.base import checkpoint
from amc.base.errors import AmcError, AnnotationError
from amc.datasets import catalogue, folder
from amc.model import Classifier
from amc.runs import experiment, methods
from amc.runs.ablation import ablation


def lay(root, lines: list[str], header: str = "file,labels") -> None:
    for line in lines:
        path = root / line.split(",")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / "labels.csv").write_text("\n".join([header, *lines]) + "\n")


def test_labels_are_joined_by_semicolons_and_numbered_by_the_alphabet(tmp_path):
    lay(tmp_path, [f"day/{k}.mp4,walk; Graze" if k % 2 else f"day/{k}.mp4,walk" for k in range(8)])
    table = catalogue.load("folder", tmp_path)
    assert table.names == ("Graze", "walk")
    assert table.clips[1].labels == (0, 1) and table.clips[1].path == tmp_path / "day" / "1.mp4"
    assert set(table.counts()) == {"train", "val", "test"} and table.notes == ()


def test_background_is_a_clip_without_a_label_and_three_sources_are_enough(tmp_path):
    lines = ["a.mp4,walk,a", "b.mp4,walk,b", "c.mp4,walk,c", "d.mp4,Background,d", "e.mp4,background,a"]
    lay(tmp_path, lines, "file,labels,source")
    table = folder.index(tmp_path)
    assert table.names == ("walk",) and table.labels().sum() == 3
    assert [clip.is_background for clip in table.clips] == [False, False, False, True, True]
    assert {clip.group: clip.split for clip in table.clips}["d"] == "train"
    assert {clip.split for clip in table.clips[:3]} == {"train", "val", "test"}
    assert len(table.subset(1).split("train")) == 1


def test_of_few_sources_training_gets_the_largest(tmp_path):
    lay(tmp_path, [f"{k}.mp4,walk,{'long' if k > 1 else k}" for k in range(9)], "file,labels,source")
    assert folder.index(tmp_path).counts() == {"train": 7, "val": 1, "test": 1}


def test_validation_and_test_get_a_part_of_the_clips_though_many_behaviours_are_rare(tmp_path):
    lines = [f"{v}-{k}.mp4,walk{f';rare {v}' if k == 0 and v < 6 else ''},{v}" for v in range(12) for k in range(5)]
    lay(tmp_path, lines, "file,labels,source")
    table = folder.index(tmp_path)
    assert table.counts() == {"train": 40, "val": 10, "test": 10}
    assert table.split("train").labels().any(axis=0).all()  # a behaviour of one video is trained on


def test_the_same_folder_is_dealt_out_alike_in_any_order_and_half_of_it_is_for_training(tmp_path):
    lines = [f"{k}.mp4,{'walk' if k % 3 else 'graze'}" for k in range(30)]
    lay(tmp_path, lines)
    first = {clip.id: clip.split for clip in folder.index(tmp_path).clips}
    lay(tmp_path, lines[::-1])
    again = folder.index(tmp_path)
    assert {clip.id: clip.split for clip in again.clips} == first
    assert again.counts() == {"train": 18, "val": 6, "test": 6}
    for split in again.counts():
        assert again.split(split).labels().any(axis=0).all()


def test_clips_of_one_source_stay_together(tmp_path):
    lines = [f"{k}.mp4,walk,source {k // 5}" for k in range(40)]
    lay(tmp_path, lines, "file,labels,source")
    splits = {}
    for clip in folder.index(tmp_path).clips:
        splits.setdefault(clip.group, set()).add(clip.split)
    assert len(splits) == 8 and all(len(found) == 1 for found in splits.values())


def test_a_behaviour_without_a_training_clip_is_told(tmp_path, monkeypatch):
    lay(tmp_path, ["a.mp4,rare;walk", "b.mp4,rare", *(f"{k}.mp4,walk" for k in range(8))])
    splits = {"a.mp4": "test", "b.mp4": "test"} | {f"{k}.mp4": ("train", "val")[k % 2] for k in range(8)}
    monkeypatch.setattr(folder, "_deal", lambda sources, file: splits)
    assert folder.index(tmp_path).notes == ("no training clip of rare: label more of it",)


def test_names_that_are_the_same_to_the_text_tower_are_one_behaviour_and_a_note_says_so(tmp_path):
    spelt = [
        "r\u00e9st  on land",
        "re\u0301st on land",
        "R\u00e9st on land",
        "r\u00e9st on\u200b land",
        "r\u00e9st\u00a0on land",
    ]
    lay(tmp_path, [f"{k}.mp4,{name};walk" for k, name in enumerate(spelt * 2)])
    table = folder.index(tmp_path)
    assert table.names == ("r\u00e9st on land", "walk") and table.labels().all()
    assert table.notes == ("R\u00e9st on land is taken as r\u00e9st on land, the same behaviour in another spelling",)


@pytest.mark.parametrize(
    "label, message",
    [
        ("background;run", "'background' is a column of the tables"),
        ("Time_S", "'Time_S' is a column of the tables"),
        ('"grazing, slow"', "'grazing, slow' holds a comma"),
        ('walk"', """'walk"' holds a quote"""),
        ("\u200b", "has no label"),
    ],
)
def test_a_name_that_nothing_can_be_called_is_told_with_its_line_when_the_table_is_read(tmp_path, label, message):
    lay(tmp_path, [f"{k}.mp4,{label if k == 3 else 'walk'}" for k in range(9)])
    with pytest.raises(AmcError, match=f"labels.csv:5: .*{message}"):
        folder.index(tmp_path)


def test_a_mark_that_spreadsheets_write_is_no_part_of_the_header(tmp_path):
    lay(tmp_path, [f"{k}.mp4,{'Walk' if k == 3 else 'walk'}" for k in range(9)])
    file = tmp_path / "labels.csv"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    table = folder.index(tmp_path)
    assert len(table.clips) == 9
    assert table.names == ("walk",)
    file.write_text(file.read_text(encoding="utf-8-sig") + "8.mp4\n")
    with pytest.raises(AmcError, match=r"labels.csv:11: has fewer columns than file,labels"):
        folder.index(tmp_path)


@pytest.mark.parametrize(
    "line, message",
    [
        ("gone.mp4,walk", ":2: .*gone.mp4 is missing"),
        (f"{'x' * 300}.mp4,walk", ":2: .*x.mp4 is missing"),
        ("\n\ngone.mp4,walk", ":4: .*gone.mp4 is missing"),
        ("a.mp4, ; ", ":2: a.mp4 has no label"),
        ("../a.mp4,walk", "leaves the folder"),
    ],
)
def test_every_wrong_line_is_named(tmp_path, line, message):
    lay(tmp_path, ["a.mp4,walk", "b.mp4,walk"])
    text = (tmp_path / "labels.csv").read_text().splitlines()
    (tmp_path / "labels.csv").write_text("\n".join([text[0], line, text[2], text[2]]))
    with pytest.raises(AnnotationError, match=message) as error:
        folder.index(tmp_path)
    assert len(error.value.lines) == 2 and "b.mp4 is listed already" in error.value.lines[1]


def test_too_few_clips_and_no_table_are_refused(tmp_path):
    with pytest.raises(AmcError, match="labels.csv is missing; write"):
        folder.index(tmp_path)
    lay(tmp_path, ["a.mp4,walk", "b.mp4,walk"])
    with pytest.raises(AmcError, match="2 sources leave none for val"):
        folder.index(tmp_path)


def test_one_s_own_folder_trains_with_frozen_towers_unless_told_otherwise():
    [own] = ablation(scheme="sparse", modality="rgb", dataset="folder", size="smoke")
    [all_of_it] = ablation(scheme="sparse", modality="rgb", dataset="folder", size="smoke", freeze_backbone=False)
    [world] = ablation(scheme="sparse", modality="rgb", size="smoke")
    assert (
        own.training.freeze_backbone and not all_of_it.training.freeze_backbone and not world.training.freeze_backbone
    )


def test_frozen_only_integration_and_prompts_learn_and_what_is_not_xclip_is_refused(smoke_world, tmp_path):
    [cell] = ablation(
        scheme="sparse", modality="rgb", size="smoke", data_root=str(smoke_world), freeze_backbone=True,
        pretrained="random",
    )  # fmt: skip
    done = experiment.run(cell, log=lambda line: None)
    before = methods.build(cell, experiment.load(cell)).network.state_dict()
    after = checkpoint.read(done.folder / "model.safetensors")[0]
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"integration", "prompts", "logit_bias"}
    with pytest.raises(AmcError, match="freeze_backbone: Linear is not X-CLIP"):
        Classifier(torch.nn.Linear(1, 1), None, {}).freeze_backbone()


def test_fewer_training_clips_are_a_part_of_more_and_show_each_behaviour_early(smoke_world):
    table = catalogue.load("synth", smoke_world, size="smoke")
    ids = [{clip.id for clip in table.subset(count).split("train").clips} for count in (4, 8, 1000)]
    assert ids[0] < ids[1] < ids[2] and [len(found) for found in ids[:2]] == [4, 8]
    assert table.subset(4).counts()["test"] == table.counts()["test"]
    labels = table.subset(8).split("train").labels()
    assert np.count_nonzero(labels.any(axis=0)) >= 6
