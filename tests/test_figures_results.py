"""Charts show the numbers they are given."""

import numpy as np
from matplotlib.collections import PathCollection

from amc import figures

FITS = {
    "dense rgb seed 0": {
        "losses": [0.5, 0.3, 0.2],
        "validation_losses": [0.4, 0.2, 0.3],
        "validation": [0.2, 0.4, 0.3],
        "best_epoch": 2,
        "is_improving": False,
    },
    "sparse rgb+flow seed 0": {
        "losses": [0.6, 0.2, 0.1],
        "validation_losses": [0.5, 0.4, 0.3],
        "validation": [0.1, 0.2, 0.5],
        "best_epoch": 3,
        "is_improving": True,
    },
}


def test_behaviours_are_drawn_most_frequent_first_and_left_out_ones_are_told():
    figure = figures.label_counts(np.array([3, 9, 5]), ["a", "b", "c"], most=2)
    axes = figure.axes[0]
    assert [bar.get_height() for bar in axes.patches] == [9, 5]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["b", "c"]
    assert axes.get_title() == "b has 9 training clips, c has 5, 2 of 3 behaviours"


def test_learning_curves_have_a_panel_per_system_and_mark_the_epoch_that_was_kept():
    figure = figures.learning_curves(FITS)
    for axes, fit in zip(figure.axes, FITS.values(), strict=True):
        training, validation, kept = axes.lines
        assert training.get_ydata().tolist() == fit["losses"]
        assert validation.get_ydata().tolist() == fit["validation_losses"]
        best = fit["best_epoch"]
        assert (*kept.get_xdata(), *kept.get_ydata()) == (best, fit["validation_losses"][best - 1])
        assert (kept.get_markerfacecolor() == "white") == (best < len(fit["losses"]))  # else it was still improving
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["Dense,\nframes alone", "Sparse,\nframes and motion"]


def test_learning_curves_of_several_seeds_share_the_panel_of_their_method():
    systems = ("I3D", "MSQNet + pre-training", "MSQNet", "X3D", "AnimalMotionCLIP")
    fits = {f"{system} seed {seed}": FITS["dense rgb seed 0"] for seed in (0, 1) for system in systems}
    figure = figures.learning_curves(fits)
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title().partition("\n")[0] for axes in shown] == list(systems)
    assert [len(axes.lines) for axes in shown] == [6] * len(systems)
    assert "0 of 10 models were still improving" in figure.get_suptitle()


def test_a_run_has_one_colour_in_both_tables():
    facts = {"scheme": "sparse", "map_macro": 30.0, "map_micro": 40.0}
    rows = [facts | {"table": table, "modality": "rgb"} for table in (2, 3)]
    figure = figures.ablation([*rows, facts | {"table": 3, "modality": "flow", "map_macro": 20.0}])
    left, right = (
        [
            tuple(color)
            for part in axes.collections
            if isinstance(part, PathCollection)
            for color in part.get_facecolor()
        ]
        for axes in figure.axes
    )
    assert left[0] == right[0] != right[1]


def test_the_title_of_the_ablation_names_the_row_whose_interval_is_above_all_others():
    def told(low: float) -> str:
        values = {"rgb": (30.0, 25.0, 36.0), "flow": (20.0, 15.0, 26.0), "rgb+flow": (45.0, low, 50.0)}
        facts = {"table": 3, "scheme": "sparse"}
        names = "map_macro", "map_macro_low", "map_macro_high"
        rows = [facts | {"modality": name} | dict(zip(names, of, strict=True)) for name, of in values.items()]
        return figures.ablation(rows).get_suptitle().replace("\n", " ")

    assert told(37.0) == "Best is frames and motion (macro mAP 45.0 %), then frames alone (30.0 %)"
    assert told(35.0) == "What the model gets makes no clear difference (macro mAP 20.0 to 45.0 %)"
