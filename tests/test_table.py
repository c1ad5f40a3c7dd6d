"""The clip table refuses what is inconsistent, and a validation split never divides a source video."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from amc.base.errors import AmcError
from amc.datasets import catalogue
from amc.datasets.table import Clip, ClipTable, split_validation

NAMES = ("jumping", "moving", "keeping still")


def clip(name: str, labels=(0,), split="train", group="") -> Clip:
    return Clip(name, Path(f"{name}.mp4"), labels, split, group=group)


def test_labels_become_a_matrix_in_the_order_of_clips_and_names():
    table = ClipTable("t", NAMES, (clip("a", (2, 0)), clip("b", (1,), "test")))
    assert table.labels().tolist() == [[True, False, True], [False, True, False]]
    assert table.counts() == {"train": 1, "test": 1}
    assert [c.id for c in table.split("test").clips] == ["b"]


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        ((), "no clips"),
        ((clip("a"), clip("a")), "clip 'a' occurs 2 times"),
        ((clip("a", (3,)),), "unknown label 3; labels run from 0 to 2"),
        ((clip("a", (-1,)),), "unknown label -1"),
        ((clip("a", ()),), "has no label"),
        ((clip("a", split="tets"),), "choose one of: train, val, test"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused_in_one_line(clips, message):
    with pytest.raises(AmcError, match=message) as caught:
        ClipTable("t", NAMES, clips)
    assert "\n" not in str(caught.value)


def test_an_empty_or_unknown_split_is_refused():
    table = ClipTable("t", NAMES, (clip("a"),))
    with pytest.raises(AmcError, match="no clip in split 'val'"):
        table.split("val")
    with pytest.raises(AmcError, match="choose one of"):
        table.split("validation")


def test_the_checksum_depends_on_labels_names_and_splits_but_not_on_where_the_videos_lie():
    table = ClipTable("t", NAMES, (clip("a"), clip("b")))
    elsewhere = ClipTable("t", NAMES, (Clip("a", Path("/other/a.mp4"), (0,), "train", 9), clip("b")))
    assert table.checksum() == elsewhere.checksum()
    changed = [(clip("a", (1,)), clip("b")), (clip("a", split="test"), clip("b")), (clip("b"), clip("a"))]
    tables = [ClipTable("t", NAMES, clips) for clips in changed] + [ClipTable("t", NAMES[::-1], table.clips)]
    assert len({table.checksum(), *(other.checksum() for other in tables)}) == 5


def test_the_taxonomy_stays_with_every_part_of_a_table_and_out_of_its_checksum():
    table = ClipTable("t", NAMES, grouped().clips, taxonomy={"fox": ("mammal",)})
    parts = (split_validation(table, 0.2), table.split("train"), table.limit(1))
    assert all(part.taxonomy == {"fox": ("mammal",)} for part in parts)
    assert grouped().taxonomy == {} and grouped().checksum() == table.checksum()


def test_limit_keeps_the_first_clips_of_each_split_and_says_so():
    table = ClipTable("t", NAMES, (clip("a"), clip("b"), clip("c", split="test"))).limit(1)
    assert [c.id for c in table.clips] == ["a", "c"]
    assert "2 of 3" in table.notes[0]


def grouped() -> ClipTable:
    train = [clip(f"{number:03d}", group=f"g{number // 3}") for number in range(60)]
    return ClipTable("t", NAMES, (*train, clip("x", split="test", group="g0")))


def test_validation_is_carved_by_whole_groups_and_leaves_the_test_split_alone():
    table = split_validation(grouped(), 0.2, seed=1)
    groups = {name: {c.group for c in table.split(name).clips} for name in ("train", "val")}
    assert not groups["train"] & groups["val"]
    assert table.counts() == {"train": 48, "val": 12, "test": 1}


def test_validation_does_not_depend_on_the_order_of_clips_but_on_the_seed():
    def chosen(table, seed):
        return {c.id for c in split_validation(table, 0.2, seed=seed).split("val").clips}

    backwards = ClipTable("t", NAMES, grouped().clips[::-1])
    assert chosen(grouped(), 0) == chosen(backwards, 0) != chosen(grouped(), 1)


def test_a_small_or_large_fraction_still_leaves_a_clip_on_both_sides():
    for fraction in (1e-9, 1 - 1e-9):
        assert min(split_validation(grouped(), fraction).counts().values()) >= 1


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_carving_nothing_or_everything_is_refused(fraction):
    with pytest.raises(AmcError, match="cannot carve"):
        split_validation(grouped(), fraction)


def test_carving_twice_is_refused():
    with pytest.raises(AmcError, match="no split 'val' yet"):
        split_validation(split_validation(grouped(), 0.5), 0.5)


def test_an_unknown_data_set_is_refused_with_the_known_ones():
    with pytest.raises(AmcError, match=re.escape("animal-kingdom, kabr")):
        catalogue.load("animal_kingdom")


def test_reading_tables_scores_and_metrics_does_not_import_torch():
    parts = "amc.datasets, amc.scores, amc.aggregate, amc.metrics, amc.results"
    code = f"import sys, {parts}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=False).returncode == 0
