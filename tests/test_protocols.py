"""A protocol leaves clips out and never adds one, so that its scores compare with the official ones clip by clip."""

from pathlib import Path

import numpy as np
import pytest

from amc.base.errors import AmcError
from amc.datasets.protocols import PROTOCOLS
from amc.datasets.table import Clip, ClipTable, split_validation


def clip(name: str, split: str, labels=(0,), species="fox", group="") -> Clip:
    return Clip(name, Path(name), labels, split, 10, species, group)


def table(*clips: Clip, held_out=("hare",), classes: int = 8) -> ClipTable:
    return ClipTable("t", tuple(f"b{k}" for k in range(classes)), clips, held_out=held_out)


def ids(found: ClipTable, split: str) -> list[str]:
    return [clip.id for clip in found.clips if clip.split == split]


@pytest.fixture(scope="module")
def annotated(published):
    return split_validation(published, 0.15)


def test_the_official_protocol_changes_nothing():
    whole = table(clip("a", "train"), clip("b", "test"))
    assert PROTOCOLS["official"](whole) is whole


def test_no_leak_drops_test_clips_of_sources_known_from_training_or_validation():
    whole = table(
        *(clip("a", "train", group="g1"), clip("b", "val", group="g2"), clip("c", "train")),
        *(
            clip("d", "test", group="g1"),
            clip("e", "test", group="g2"),
            clip("f", "test", group="g3"),
            clip("g", "test"),
        ),
    )
    found = PROTOCOLS["no-leak"](whole)
    assert (ids(found, "train"), ids(found, "val"), ids(found, "test")) == (["a", "c"], ["b"], ["f", "g"])
    assert found.notes[-1] == "clips kept by the protocol: 2 of 2 train, 1 of 1 val, 2 of 4 test"


def test_unseen_species_separates_animals_and_drops_clips_that_show_both():
    whole = table(
        *(clip("a", "train"), clip("b", "train", species="hare"), clip("c", "train", species="fox;hare")),
        *(clip("d", "test"), clip("e", "test", species="hare"), clip("f", "test", species="fox;hare")),
    )
    found = PROTOCOLS["unseen-species"](whole)
    assert (ids(found, "train"), ids(found, "test")) == (["a"], ["e"])
    with pytest.raises(AmcError, match="t names no held-out species"):
        PROTOCOLS["unseen-species"](table(clip("a", "train"), clip("b", "test"), held_out=()))


def test_unseen_behaviours_hides_every_second_of_the_middle_half_and_every_clip_of_them():
    # Behaviour k stands in 8 - k training clips: the order by frequency is 0, 1, 2 …, the middle half 2 to 5.
    many = [clip(f"{k}-{n}", "train", labels=(k,)) for k in range(8) for n in range(8 - k)]
    both = clip("both", "train", labels=(0, 4))
    found = PROTOCOLS["unseen-behaviours"](
        table(*many, both, clip("x", "test", labels=(2,)), clip("v", "val", labels=(2,)), clip("w", "val"))
    )
    assert found.hidden == (2, 4)
    assert found.notes[-1] == "hidden in training: b2, b4"
    assert (
        not found.split("train").labels()[:, [2, 4]].any()
        and found.split("train").labels()[:, [0, 1, 3, 5, 6, 7]].any(0).all()
    )
    assert ids(found, "test") == ["x"] and ids(found, "val") == ["w"]


def test_a_protocol_that_empties_a_split_is_refused():
    with pytest.raises(AmcError, match=r"no clip of t is left in \['test'\]"):
        PROTOCOLS["no-leak"](table(clip("a", "train", group="g"), clip("b", "test", group="g")))


@pytest.mark.parametrize("name", list(PROTOCOLS))
def test_test_clips_of_a_protocol_are_official_ones_in_order(annotated, name):
    found = PROTOCOLS[name](annotated)
    official = {clip.id: n for n, clip in enumerate(annotated.clips)}
    places = [official[clip.id] for clip in found.clips]
    assert places == sorted(places)
    assert all(annotated.clips[n] is clip for n, clip in zip(places, found.clips, strict=True))


def test_animals_whose_names_are_cut_or_mixed_are_held_out_too(annotated):
    assert {"Campbell'S Monkey", "Owen'S Chameleon", "Johnston'S Chameleon", "Hartlaub'S Duck", "Common Eider"} <= {
        *annotated.held_out
    }
    assert len(annotated.held_out) == 98  # 93 by whole names, 4 by cut ones, Common Eider twice
    assert any("held-out animals that are in no clip: 2" in note for note in annotated.notes)


def test_the_real_annotation_has_the_known_number_of_clips_under_each_protocol(annotated):
    counts = {name: PROTOCOLS[name](annotated).counts() for name in PROTOCOLS}
    assert counts["official"]["test"] == counts["unseen-behaviours"]["test"] == 6096
    assert counts["unseen-species"]["test"] == 416
    assert counts["unseen-species"]["train"] + counts["unseen-species"]["val"] == 20817
    groups = {clip.group for clip in annotated.clips if clip.split != "test"}
    assert counts["no-leak"]["test"] == sum(clip.group not in groups for clip in annotated.split("test").clips)
    hidden = PROTOCOLS["unseen-behaviours"](annotated).hidden
    assert len(hidden) == 35 and np.isin(hidden, range(140)).all()
