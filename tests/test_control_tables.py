"""The rows of the controls in words and as a figure, and what explains a score without the animal."""

from dataclasses import replace

import numpy as np
import pytest

from amc.companion import control_tables
from amc.figures import controls as charts
from amc.runs import experiment
from amc.runs.ablation import ablation


def test_a_predictor_of_the_place_knows_what_places_go_with(smoke_world):
    [cfg] = ablation(scheme="sparse", modality="rgb", size="smoke", data_root=str(smoke_world))
    table = experiment.load(cfg)
    environments = np.array([table.drawn.script(clip.id).environment for clip in table.clips])
    # every clip of a place shows one behaviour, that of its place
    kinds = sorted(set(environments))
    clips = [replace(c, labels=(kinds.index(place),)) for c, place in zip(table.clips, environments, strict=True)]
    known = {place for c, place in zip(table.clips, environments, strict=True) if c.split == "train"}
    told = replace(table, clips=tuple(c for c, p in zip(clips, environments, strict=True) if p in known))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "load", lambda cfg: told)
        assert "has 100.0 [100.0, 100.0] macro mAP" in control_tables.place_only(cfg)
        patch.setattr(experiment, "load", lambda cfg: replace(told, drawn=None))
        assert control_tables.place_only(cfg) == ""


ROW = {
    "run": "sparse rgb seed 0",
    "method": "AnimalMotionCLIP",
    "seed": 0,
    "modality": "rgb",
    "videos": 9,
    "chance_macro": 10.0,
}


def row(control, macro, change, low, high, left, **other) -> dict:
    values = {"map_macro": macro, "map_macro_low": macro - 3, "map_macro_high": macro + 4, "left": left}
    changes = {"map_macro_change": change, "map_macro_change_low": low, "map_macro_change_high": high}
    return ROW | {"control": control} | values | changes | other


def test_a_row_survives_by_no_significant_change_or_by_more_than_half_of_its_margin():
    names = ("not significant", "most is left", "lost", "at chance")
    values = [(24, -6, -13, 1, 0.3), (22, -8, -12, -4, 0.6), (12, -18, -24, -12, 0.1), (9, 1, -2, 3, None)]
    rows = [row("no animal", *value, run=name) for name, value in zip(names, values, strict=True)]
    rows += [row("one frame", 30, 0, -1, 1, 1, run="other control")]
    assert [found["run"] for found in control_tables.survivors(rows)] == ["not significant", "most is left"]
    assert (
        "not significant (24.0 of 30.0 macro mAP, chance 10.0; change -13.0 to +1.0); most"
        in control_tables.verdict(rows)
    )
    assert "lost" not in control_tables.verdict(rows)
    assert "no row keeps its score" in control_tables.verdict(rows[2:3])
    assert "left out" in control_tables.verdict(rows[-1:])


def test_the_table_has_a_line_per_run_and_a_dash_for_what_it_does_not_see():
    rows = [row("intact", 40, 0, 0, 0, 1), row("one frame", 25, -15, -20, -9, 0.5)]
    rows += [row(c, 50, -1, -2, 0.5, 1, run="b") for c in ("intact", "flow at rest", "one frame")]
    first, second = control_tables.summary(rows)
    assert list(first) == list(second) == ["row", "intact", "one frame", "flow at rest"]
    assert list(first.values()) == ["sparse rgb seed 0", "40.0", "-15.0 [-20.0, -9.0]", "–"]
    assert second["flow at rest"] == "-1.0 [-2.0, +0.5]"


def test_the_figure_has_a_panel_per_control_with_each_score_in_its_place():
    rows = [row("intact", 40, 0, 0, 0, 1), row("one frame", 25, -15, -20, -9, 0.5)]
    second, values = {"run": "sparse rgb+flow seed 0", "modality": "rgb+flow"}, {"intact": (50, 1)}
    values |= {"one frame": (30, 0.5), "flow at rest": (20, 0.25)}
    rows += [row(name, macro, 0, 0, 0, left, **second) for name, (macro, left) in values.items()]
    figure = charts.what_is_left(rows)
    one, rest = figure.axes
    lost = "all 2 lose half or more of their lead over chance with one frame repeated"
    assert figure.get_suptitle().replace("\n", " ") == f"9 test videos: of 2 models, {lost}"
    assert [axes.get_title() for axes in (one, rest)] == ["one frame\nrepeated", "motion\nset to zero"]
    assert [text.get_text() for text in one.texts] == ["50 %", "50 %"]
    assert [label.get_text() for label in one.get_yticklabels()] == [
        "sparse,\nframes alone",
        "sparse,\nframes and motion",
    ]
    dots = [line.get_xdata()[0] for line in one.lines if line.get_marker() == "o"]
    assert dots == [40, 25, 50, 30]
    assert [text.get_text() for text in rest.texts] == ["gets no\nmotion", "25 %"]
    assert sum(line.get_linestyle() == "--" for line in rest.lines) == 1  # chance, for the row that sees flow
