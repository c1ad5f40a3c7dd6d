"""The figures of the flow notebook show the numbers that they were given."""

import pandas as pd
import pytest

from amc.figures import motion as drawn


def test_methods_are_placed_by_time_and_error_and_nothing_moves_is_a_line():
    rows = [{"method": "dis", "epe": 0.4, "low": 0.3, "high": 0.5, "seconds": 0.002}]
    rows.append({"method": "nothing moves", "epe": 1.1, "low": 0.9, "high": 1.3, "seconds": 0.0})
    figure = drawn.methods(pd.DataFrame(rows))
    [axes], [legend] = figure.axes, figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["DIS", "assuming that\nnothing moves"]
    assert not axes.texts  # no name beside a point, over a bar
    assert figure.get_suptitle() == "DIS has the smallest error of motion, 0.40 pixels on average"
    slow = drawn.methods(pd.DataFrame([*rows, rows[0] | {"method": "dis-fast", "epe": 0.6, "seconds": 0.0005}]))
    assert slow.get_suptitle().replace("\n", " ").endswith(", and takes 4 times as long as DIS fast")
    point, line = axes.lines
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (2.0, 0.4)
    assert line.get_ydata()[0] == 1.1


def test_conditions_are_rows_and_few_clips_have_no_interval():
    rows = [
        {"condition": c, "method": "dis", "epe": e, "low": e - 0.1, "high": e + 0.1, "clips": clips}
        for c, e, clips in (("by day", 0.4, 5), ("at night", 1.0, 4))
    ]
    figure = drawn.failures(pd.DataFrame(rows))
    [axes] = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["by day (5 clips)", "at night (4 clips: too few)"]
    assert figure.get_suptitle().startswith("DIS has the smallest error of motion in 2 of 2 situations, clearly in 1")
    assert axes.lines[0].get_xdata().tolist() == pytest.approx([0.4, 1.0])
    [(low, high)] = [segment[:, 0] for segment in axes.collections[0].get_segments()]
    assert (low, high) == pytest.approx((0.3, 0.5))


def test_a_method_wins_a_situation_only_with_an_interval_below_all_others():
    def told(high: float) -> str:
        rows = [
            {"condition": condition, "method": method, "epe": epe, "low": epe - 0.1, "high": epe + 0.1, "clips": 6}
            for condition, errors in (("a", (0.5, 1.0)), ("b", (0.5, 1.0)), ("still", (0.5, high)))
            for method, epe in zip(("dis", "nothing moves"), errors, strict=True)
        ]
        return drawn.failures(pd.DataFrame(rows)).get_suptitle().replace("\n", " ")

    most = "DIS has the smallest error of motion in 2 of 3 situations, clearly in 2; still: "
    assert told(0.4) == most + "none is clearly best"
    assert told(0.2) == most + "assuming that nothing moves, clearly"


def test_a_clip_that_counts_in_both_rows_of_a_pair_is_told():
    rows = [
        {"condition": name, "method": "dis", "epe": 1.0, "low": 0.9, "high": 1.1, "clips": clips}
        for name, clips in (("by day", 24), ("at night", 8), ("camera still", 9), ("camera moves", 19))
    ]

    def told() -> str:
        return drawn.failures(pd.DataFrame(rows)).legends[0].get_title().get_text().replace("\n", " ")

    assert "a clip can count in both rows of a pair" in told()
    rows[1]["clips"] = rows[3]["clips"] = 0
    assert "in both rows" not in told()


def test_the_gains_name_the_number_of_test_videos_and_what_is_clear():
    rows = [{"modality": "rgb", "flow": "none", "more": 0.0, "more_low": 0.0, "more_high": 0.0}]
    rows += [{"modality": "flow", "flow": "dis", "more": -4.0, "more_low": -7.0, "more_high": -1.0}]
    rows += [{"modality": "flow", "flow": "true", "more": -2.0, "more_low": -5.0, "more_high": 1.0}]
    values = {"map_macro": 30.0, "map_macro_low": 25.0, "map_macro_high": 35.0, "videos": 64}
    figure = drawn.effect(pd.DataFrame([row | values for row in rows]))
    told = "Compared with frames alone, motion alone: clearly worse in 1 of 2 cases, −4 to −2 points"
    assert figure.get_suptitle().replace("\n", " ") == told
    assert "over 64 test videos" in figure.legends[0].get_texts()[0].get_text()


def test_steps_have_bands():
    table = pd.DataFrame(
        {"method": "dis", "step": [1, 4], "epe": [0.3, 2.0], "low": [0.2, 1.0], "high": 3.0, "clips": 6}
    )
    figure = drawn.steps(table)
    told = figure.get_suptitle().replace("\n", " ")
    assert told.endswith("errs by 0.3 pixels for frames 1 apart and by 2.0 pixels for frames 4 apart")
    [axes] = figure.axes
    assert axes.lines[0].get_xdata().tolist() == [1, 4] and axes.lines[0].get_ydata().tolist() == [0.3, 2.0]
    heights = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.2, 3.0)
