"""What flow is worth by method: the cells, their rows and what is said of them."""

from typing import NamedTuple

import pandas as pd
import pytest
from test_tables import scores

from amc.base.errors import AmcError
from amc.companion import flow_effect
from amc.config import Experiment
from amc.figures import motion as drawn
from amc.runs import tables
from amc.runs.ablation import ablation
from amc.scores import Scores


class Finished(NamedTuple):
    """A run whose score files are at hand."""

    cfg: Experiment
    found: Scores

    def scores(self, split: str) -> Scores:
        return self.found


@pytest.fixture
def runs():
    """Flow is worth more the better it is: the logits of each cell follow the labels as far as its place says."""
    cells = flow_effect.configs("dis,raft-synth,true", "quick")
    skills = (1.0, 0.2, 1.5, 3.0, 1.0, 2.0, 4.0)
    return [
        Finished(cell, scores("sparse", cell.pixels.modality, seed=k, skill=skill))
        for k, (cell, skill) in enumerate(zip(cells, skills, strict=True))
    ]


def test_cells_are_those_of_the_ablation_with_other_flow():
    cells = flow_effect.configs("dis, true", "quick")
    looks = [(cell.pixels.modality, cell.pixels.flow_method) for cell in cells]
    assert looks[1:] == [("flow", "dis"), ("flow", "true"), ("rgb+flow", "dis"), ("rgb+flow", "true")]
    assert looks[0][0] == "rgb" and {cell.sampling.scheme for cell in cells} == {"sparse"}
    assert set(ablation(scheme="sparse", size="quick")) <= set(cells)  # the size's own flow: nothing is trained twice
    assert flow_effect.configs("", "quick") == []


@pytest.mark.parametrize("methods", ["dis", "dis,dis", "dis,flownet", "true"])
def test_what_compares_nothing_is_refused(methods):
    with pytest.raises(AmcError, match="effect: "):
        flow_effect.configs(methods, "quick")


def test_rows_hold_both_maps_and_the_paired_gain_over_frames_alone(runs):
    rows = flow_effect.rows(runs)
    assert [(row["modality"], row["flow"]) for row in rows[:3]] == [
        ("rgb", "none"), ("flow", "dis"), ("flow", "raft-synth"),
    ]  # fmt: skip
    [expected] = tables.rows(runs[3].found, runs[3].found, tables=())
    assert all(rows[3][name] == expected[name] for name in tables.INTERVALS)
    assert rows[0]["more"] == rows[0]["more_low"] == rows[0]["more_high"] == 0
    for row in rows[1:]:
        assert row["more"] == pytest.approx(row["map_macro"] - rows[0]["map_macro"])
        assert row["more_low"] < row["more"] < row["more_high"]
    assert rows[3]["more_low"] > 0 > rows[1]["more"]


def test_neighbouring_methods_are_compared_in_each_modality(runs):
    said = flow_effect.readings(runs)
    assert [line.split(":")[0] for line in said] == [
        "flow, raft-synth − dis", "flow, true − raft-synth", "rgb+flow, raft-synth − dis", "rgb+flow, true − raft-synth"
    ]  # fmt: skip
    assert said[0].endswith("more.")


def test_the_figure_shows_every_row_and_the_gains_but_of_frames_alone(runs):
    rows = flow_effect.rows(runs)
    left, right = drawn.effect(pd.DataFrame(rows)).axes
    labels = [text.get_text() for text in left.get_yticklabels()]
    assert labels[:2] == ["frames alone", "motion alone,\nDIS"] and len(labels) == 7
    marks = [[float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() not in ("None", None)]
             for axes in (left, right)]  # fmt: skip
    assert marks[0] == pytest.approx([row["map_macro"] for row in rows])
    assert marks[1] == pytest.approx([row["more"] for row in rows[1:]])
