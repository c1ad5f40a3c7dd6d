"""Figures of the audit show the numbers they are given, each in the panel of its metric."""

import numpy as np
import pytest

from amc import metrics
from amc.base.errors import AmcError
from amc.figures import audit
from amc.runs import results


def published(system: str, value: float, metric: str) -> dict:
    return {"system": system, "map": value, "metric": metric, "modality": "rgb"}


BLIND = [
    {"method": "species", "map_macro": 28.9, "map_macro_low": 28.0, "map_macro_high": 32.0}
    | {"map_micro": 51.3, "map_micro_low": 50.0, "map_micro_high": 52.0}
]


def test_the_tail_is_drawn_in_bands_with_every_behaviour_once():
    train, test = np.array([600, 5, 120, 900, 40]), np.array([100, 0, 20, 300, 7])
    figure = audit.long_tail(train, test, metrics.bands(train))
    axes = figure.axes[0]
    assert [bar.get_height() for bar in axes.patches] == [900, 600, 120, 40, 5]
    dots, crosses = axes.lines
    assert dots.get_ydata().tolist() == [300, 100, 20, 7] and crosses.get_xdata().tolist() == [4]
    assert "90 % for 2 behaviours (head) and 3 % for 2 behaviours (tail)" in figure.get_suptitle()
    keys = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "no test clip: 1 behaviours" in keys
    assert "head: 2 behaviours of 600 to 900 training clips, 90 % of all labels" in keys


def test_a_published_number_stands_in_the_panel_of_its_metric_above_the_blind_rows():
    rows = [
        *(published("X3D", 25.25, "macro"), published("MSQNet", 55.6, "micro by batch")),
        *(published("ours", 74.6, "micro by inference"), published("worse", 60.0, "micro")),
    ]
    figure = audit.leaderboard(rows, BLIND)
    macro, by_batch, micro = figure.axes
    told = figure.get_suptitle().replace("\n", " ")
    assert told.endswith("species alone, without a pixel, reaches 29 % macro mAP, above 1 of 1 published results")
    twice = audit.leaderboard([*rows, published("X3D, its best variant", 30.0, "macro")], BLIND).get_suptitle()
    assert "above 1 of 2 published results (1 systems, some there twice)" in twice.replace("\n", " ")
    assert "ours, 74.6 %" in audit.leaderboard(rows, []).get_suptitle()
    names = [[label.get_text() for label in axes.get_yticklabels()] for axes in (macro, by_batch, micro)]
    assert names == [["species", "X3D"], ["MSQNet"], ["species", "worse", "ours"]]
    assert [bar.get_width() for bar in micro.patches] == [51.3, 60.0, 74.6]
    with pytest.raises(AmcError, match="the metric 'accuracy' is not known"):
        audit.leaderboard([published("X", 1, "accuracy")], BLIND)


def test_every_committed_number_of_the_leaderboard_has_a_panel_and_a_source():
    rows = results.leaderboard()
    assert len(rows) >= 8 and all(row["source"] and row["evidence"] for row in rows)
    assert {audit.panel(row["metric"]) for row in rows + results.paper_tables()} == set(audit.METRIC_NAMES)


def test_likeness_shows_means_and_refuses_to_draw_nothing():
    figure = audit.likeness({"same": [0.5, 1.0], "species": [0.5, 0.9], "any": [0.0, 0.5]})
    assert [bar.get_width() for bar in figure.axes[0].patches] == [0.75, 0.7, 0.25]
    told = "Clips from one source share only 0.05 more of their labels than others of one species"
    told += " (95 % interval −0.019 to 0.119)"
    assert figure.get_suptitle().replace("\n", " ") == f"{told}, and these 0.45 more than any clips"
    with pytest.raises(AmcError, match="no test clip shares a source"):
        audit.likeness({"same": [], "species": [], "any": []})


def test_noise_shows_each_behaviours_interval_and_the_published_effect():
    widths = {"positives": np.array([1, 60, 70]), "ap": np.array([20.0, 40.0, 50.0])}
    widths |= {"low": np.array([0.0, 35.0, 40.0]), "high": np.array([100.0, 45.0, 60.0])}
    smallest = [{"share": 0.0, "map_macro": 2.5, "map_micro": 0.6}, {"share": 0.9, "map_macro": 1.2, "map_micro": 0.2}]
    figure = audit.interval_widths(widths)
    [left] = figure.axes
    assert [list(line.get_ydata()) for line in left.lines] == [[100, 10, 20], [100, 15]]  # each, and medians of groups
    told = "1 of 3 behaviours have fewer than 5 test clips: half of these have an interval of 100 points or more"
    assert figure.get_suptitle().replace("\n", " ") == told
    figure = audit.smallest_differences(smallest, 0.7, 0.89)
    macro, micro = figure.axes
    assert "at least 1.2 points (macro mAP) or 0.2 points (micro mAP)" in figure.get_suptitle().replace("\n", " ")
    assert [list(axes.lines[0].get_ydata()) for axes in (macro, micro)] == [[2.5, 1.2], [0.6, 0.2]]
    assert [any("0.70" in text.get_text() for text in axes.texts) for axes in (macro, micro)] == [False, True]
