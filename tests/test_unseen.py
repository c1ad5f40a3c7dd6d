"""What is recognised of new animals and of behaviours known by name: rows by hand, and the figures that show them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from amc.base.errors import AmcError
from amc.companion import unseen
from amc.datasets.table import Clip, ClipTable
from amc.figures import unseen as charts
from amc.runs import experiment
from amc.scores import Scores

ENDS = {"": 0, " low": -10, " high": 30}


def scored(labels, logits, species, **meta) -> Scores:
    labels = np.array(labels, dtype=bool)
    count = len(labels)
    return Scores(
        ids=np.array([f"v{n}" for n in range(count)]),
        names=np.array([f"b{n}" for n in range(labels.shape[1])]),
        labels=labels,
        logits=np.array(logits, dtype=np.float32)[:, None],
        frames=np.zeros((count, 1, 2), dtype=np.int32),
        num_frames=np.full(count, 5, dtype=np.int32),
        species=np.array(species),
        meta=meta,
    )


def test_known_and_new_animals_are_measured_over_the_behaviours_of_both():
    labels = [[1, 0, 1], [0, 1, 0], [1, 0, 0], [0, 1, 0]]
    # The last behaviour is shown by a known animal only. Known: both right. New: b0 ranks last of two, AP 1/2.
    logits = [[3, 0, 9], [0, 3, 0], [0, 3, 0], [1, 3, 0]]
    test = scored(labels, logits, ["fox", "fox", "hare", "hare"], train_species=["fox"])
    clips = [Clip("t", Path("t"), (0,), "train", species="fox"), Clip("u", Path("u"), (1,), "val", species="fox")]
    clips += [Clip(f"v{n}", Path("v"), (0,), "test", species=name) for n, name in enumerate(test.species)]
    rows = unseen.by_animal(test, ClipTable("t", tuple(test.names), tuple(clips)))
    known, new = rows[:2]
    assert (known["group"], known["videos"], known["behaviours"], known["macro"]) == ("known animals", 2, 2, 100)
    assert (new["group"], new["videos"]) == ("new animals", 2)
    assert new["macro"] == pytest.approx(100 * (1 / 2 + 1 / 2) / 2)  # both score b1 alike: precision 1/2 there too
    assert [row["system"] for row in rows[2:]] == ["class frequency"] * 2 + ["species prior"] * 2
    assert unseen.by_animal(replace(test, meta={"train_species": ["fox", "hare"]}), None) == []


def test_hidden_behaviours_are_measured_for_all_three_systems_and_absent_ones_left_out():
    labels = [[1, 1, 0], [0, 0, 0], [1, 1, 0], [1, 0, 0]]
    right, wrong = [[0, 3, 0], [0, 0, 0], [0, 3, 0], [0, 0, 0]], [[0, 0, 0], [0, 3, 0], [0, 0, 0], [0, 3, 0]]
    species = ["fox"] * 4
    never = scored(labels, wrong, species, hidden=[1, 2])
    rows, behaviours = unseen.by_name(scored(labels, right, species), never, scored(labels, np.zeros((4, 3)), species))
    assert [(row["system"], row["macro"]) for row in rows] == [
        ("trained on it", 100),
        ("held out", pytest.approx(50)),  # two wrong ones first: 2 of 4, tied
        ("untrained", pytest.approx(50)),
    ]
    assert behaviours[0]["held out low"] < behaviours[0]["held out"] < behaviours[0]["held out high"]
    (only,) = behaviours  # b2 is shown by no test clip
    assert (only["behaviour"], only["videos"]) == ("b1", 2)
    assert only["chance"] == rows[0]["chance"] == pytest.approx(100 * 49 / 72)  # 2 of 4 in each of their 6 orders


def test_a_gain_is_paired_and_its_sign_is_of_the_second():
    labels = np.random.default_rng(0).random((80, 2)) < 0.3
    better = labels + 0.1 * np.random.default_rng(1).random(labels.shape)
    found = unseen.gain(labels, np.zeros(labels.shape), better)
    assert found["difference"] > 50 and found["low"] > 0


def test_figures_show_each_system_where_it_is():
    rows = [
        {"system": s, "group": g, "videos": 3, "behaviours": 2, "macro": m, "low": m - 5, "high": m + 5}
        for s, m in (("ours", 40.0), ("prior", 20.0))
        for g in ("known animals", "new animals")
    ]
    figure = charts.animals(rows)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["ours", "prior"]
    told = "ours: macro mAP 40 % on known animals, 40 % on new ones; too uncertain to tell (+0 points"
    assert figure.get_suptitle().replace("\n", " ") == f"{told}, 95 % interval −7 to +7)"
    rows[1] |= {"macro": 20.0, "low": 17.0, "high": 24.0}
    told = (
        "ours: macro mAP 40 % on known animals, 20 % on new ones; a clear drop (−20 points, 95 % interval −26 to −14)"
    )
    assert charts.animals(rows).get_suptitle().replace("\n", " ") == told
    each = [
        {"behaviour": name, "videos": videos, "chance": 5.0}
        | {f"{system}{end}": ap + more for system in charts.SYSTEM_LOOKS for end, more in ENDS.items()}
        for name, videos, ap in (("a", 9, 20.0), ("b", 2, 60.0))
    ]
    figure = charts.behaviours(each)
    [axes] = figure.axes
    names = ["b (2: too few)", "a (9)"]  # the easiest by name first
    assert [label.get_text() for label in axes.get_yticklabels()] == names
    labelled = next(line for line in axes.lines if line.get_label().startswith("held out: "))
    assert list(labelled.get_xdata()) == [60.0, 20.0]
    chance, *intervals = axes.collections
    assert [segment[:, 0].tolist() for segment in chance.get_segments()] == [[5, 5]] * 2
    assert [segment[:, 0].tolist() for part in intervals for segment in part.get_segments()] == [[10.0, 50.0]] * 3
    told = "Of 1 behaviours left out of training, the trained model finds 1 better than chance, the untrained one 1"
    assert figure.get_suptitle().replace("\n", " ") == told
    assert "too few to tell" in charts.behaviours(each, few=10).get_suptitle()


def test_the_two_cells_differ_in_their_protocol_alone():
    official, hiding = unseen.configs(size="smoke", modality="rgb")
    assert (official.protocol, hiding.protocol) == ("official", "unseen-behaviours")
    assert replace(hiding, protocol="official") == official
    with pytest.raises(AmcError, match="scheme: "):
        unseen.configs(scheme="thick")


def test_an_untrained_system_is_clip_with_new_modules_and_the_same_every_time(smoke_world):
    cell = replace(unseen.configs(size="smoke", modality="rgb", data_root=str(smoke_world))[1])
    first, second = experiment.untrained(cell, device="cpu"), experiment.untrained(cell, device="cpu")
    assert np.array_equal(first.logits, second.logits)
    assert first.meta["hidden"] and "fit" not in first.meta
    # It knows something before any training: the pictures of a behaviour suit its name.
    probs, present = first.probs.mean(axis=1), first.labels.any(axis=0)
    chance = np.nanmean(unseen.metrics.expected_ap(first.labels[:, present].sum(axis=0), len(first.labels)))
    assert unseen.metrics.map_macro(first.labels, probs) > chance
