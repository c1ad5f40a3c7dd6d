"""Figures of Table 1 show the numbers they are given, and no name covers another."""

import itertools

import numpy as np
import pytest
from matplotlib.text import Annotation, Text

from amc.figures import table_1


def measured(method: str, macro: float, micro: float, gflops: float | None, parameters: float | None) -> dict:
    maps = {"map_macro": macro, "map_macro_low": macro - 2, "map_macro_high": macro + 3}
    maps |= {"map_micro": micro, "map_micro_low": micro - 1, "map_micro_high": micro + 1}
    by_batch = {8: micro + 5, 32: micro + 2}
    return {"method": method, **maps, "by_batch": by_batch, "gflops": gflops, "parameters": parameters}


TABLE_1 = [
    measured("I3D", 31, 48, 12, 2.1),
    measured("SlowFast", 33.5, 50.5, 6, 1.9),
    measured("X3D", 36, 52, 1.6, 3.1),
    measured("Category-CLIP", 58, 73, 9.5, 11.5),
    measured("MSQNet", 41, 55, 8.7, 9.2),
    measured("MSQNet + pre-training", 52, 66, 8.7, 9.2),
    measured("AnimalMotionCLIP", 61, 75.5, 15, 9.8),
    measured("species prior", 17.2, 33.9, None, None),
    measured("class frequency", 16.4, 21.3, None, None),  # macro: half a point below the other blind row
]


@pytest.fixture(scope="module")
def trade():
    figure = table_1.accuracy_against_cost(TABLE_1)
    figure.draw_without_rendering()
    return figure


@pytest.mark.parametrize(("panel", "key"), [(0, "map_macro"), (1, "map_micro")])
def test_each_method_is_a_point_at_its_cost_with_its_interval_and_blind_ones_are_lines(trade, panel, key):
    lines = [(list(line.get_xdata()), list(line.get_ydata())) for line in trade.axes[panel].lines]
    for row in TABLE_1[:7]:
        assert ([row["gflops"]], [row[key]]) in lines
        assert ([row["gflops"]] * 2, [row[key + "_low"], row[key + "_high"]]) in lines
    for row in TABLE_1[7:]:
        assert ([0, 1], [row[key]] * 2) in lines
    assert trade.axes[panel].get_xscale() == "log"


def test_the_area_of_a_point_is_in_proportion_to_the_parameters(trade):
    sizes = [line.get_markersize() ** 2 for line in trade.axes[0].lines if line.get_marker() == "o"]
    parameters = [row["parameters"] for row in TABLE_1[:7]]
    np.testing.assert_allclose(np.divide(sizes, parameters), sizes[0] / parameters[0])


@pytest.mark.parametrize("panel", [0, 1])
def test_no_name_covers_another_name_a_point_or_an_interval(trade, panel):
    axes = trade.axes[panel]
    names = [text for text in axes.texts if text.get_text()]
    assert sorted(text.get_text().replace("\n", " ") for text in names) == sorted(row["method"] for row in TABLE_1)
    boxes = [Text.get_window_extent(text) for text in names]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    beside = [box for text, box in zip(names, boxes, strict=True) if isinstance(text, Annotation)]
    assert len(beside) == 7
    assert not any(box.overlaps(line.get_window_extent()) for box in beside for line in axes.lines)


def test_one_set_of_scores_is_drawn_under_every_averaging():
    axes = table_1.metric_mix(TABLE_1, batches=(8, 32)).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [row["method"] for row in TABLE_1]
    points = {group.get_label(): group.get_offsets()[:, 0].tolist() for group in axes.collections[1:]}
    assert points == {
        "macro": [row["map_macro"] for row in TABLE_1],
        "micro": [row["map_micro"] for row in TABLE_1],
        "micro by batch of 8": [row["by_batch"][8] for row in TABLE_1],
        "micro by batch of 32": [row["by_batch"][32] for row in TABLE_1],
    }
    assert axes.texts[0].get_text() == "22 points apart"  # I3D: macro 31, micro by batch of 8: 53
