"""What a run says of its mAPs stands beside chance and has intervals: two of four clips by chance are 68 %."""

from itertools import permutations
from pathlib import Path

import numpy as np

from amc import intervals, metrics
from amc.datasets.table import Clip, ClipTable
from amc.runs import tables
from amc.scores import Scores


def scores(labels: np.ndarray, logits: np.ndarray) -> Scores:
    count = len(labels)
    ids, species = np.array([f"v{k}" for k in range(count)]), np.array([""] * count)
    frames, lengths = np.zeros((count, 1, 2), np.int32), np.full(count, 9, np.int32)
    return Scores(ids, np.array(["eat"]), labels, logits[:, None].astype(np.float32), frames, lengths, species, {})


def test_a_perfect_ranking_of_four_clips_stands_beside_the_chance_of_four_clips():
    labels = np.array([[1], [1], [0], [0]], bool)
    said = tables.result_line(scores(labels, np.array([[4.0], [3], [2], [1]])))
    assert "macro mAP 100.0 % (no interval), by chance 68.1 %" in said and "over 4 clips" in said
    p = float(said.split(", p ")[1].split(";")[0])
    assert 0.1 < p < 0.25  # one of six orders is perfect


def test_an_imperfect_ranking_has_its_interval():
    labels, logits = np.arange(20)[:, None] % 2 == 0, np.random.default_rng(0).normal(size=(20, 1))
    low, high = (100 * end for end in intervals.estimates(labels, logits)["map_macro"].interval())
    assert f"({low:.1f} to {high:.1f})" in tables.result_line(scores(labels, logits))


def test_without_a_label_nothing_is_measured():
    assert "nothing was measured" in tables.result_line(scores(np.zeros((4, 1), bool), np.ones((4, 1))))


def test_validation_says_what_the_frequency_of_labels_alone_would_give():
    labels = {"train": [(0,), (0,), (1,)], "val": [(0,), (0,), (1,), (0, 1)]}
    clips = [
        Clip(f"{split}{k}", Path(f"{k}.mp4"), own, split) for split in labels for k, own in enumerate(labels[split])
    ]
    table = ClipTable("t", ("eat", "walk"), tuple(clips))
    said = tables.chance_line(table.split("train"), table.split("val"))
    orders = [eat + walk for eat in set(permutations([1, 1, 1, 0])) for walk in set(permutations([1, 1, 0, 0]))]
    ranked = -np.arange(8)[:, None]  # eat first, which is more frequent in training
    mean = np.mean([metrics.average_precision(np.array(order)[:, None], ranked)[0] for order in orders])
    assert "validation: 4 clips" in said and f"{100 * mean:.1f} %" in said
