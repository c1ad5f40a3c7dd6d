"""Figures of Table 1 show the numbers they are given."""

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
NAMES = [row["method"] + "\n(sees no video)" * (row["gflops"] is None) for row in TABLE_1]


def test_each_method_is_a_row_of_its_own_with_both_maps_and_their_intervals():
    maps, *_ = table_1.accuracy_against_cost(TABLE_1).axes
    names = [label.get_text() for label in maps.get_yticklabels()]
    assert sorted(names) == sorted(NAMES)
    points = {(line.get_marker(), *line.get_xdata(), round(*line.get_ydata())) for line in maps.lines[1:-1:2]}
    lines = {(*line.get_xdata(), round(line.get_ydata()[0])) for line in maps.lines[:-1:2]}
    for row, name in zip(TABLE_1, NAMES, strict=True):
        place = names.index(name)
        assert {("o", row["map_macro"], place), ("s", row["map_micro"], place)} <= points
        assert {(row[f"{key}_low"], row[f"{key}_high"], place) for key in ("map_macro", "map_micro")} <= lines
    heights = [line.get_ydata()[0] for line in maps.lines[1:-1:2]]
    assert len(set(heights)) == 2 * len(TABLE_1)  # none lies on another


def test_methods_are_ordered_by_cost_and_those_that_see_no_video_come_last_without_one():
    maps, gflops, parameters = table_1.accuracy_against_cost(TABLE_1).axes
    names = [label.get_text() for label in maps.get_yticklabels()]
    assert names[0] == "X3D" and names[6:] == NAMES[6:]
    assert [bar.get_width() for bar in gflops.patches] == [1.6, 6, 8.7, 8.7, 9.5, 12, 15]
    assert [bar.get_width() for bar in parameters.patches] == [3.1, 1.9, 9.2, 9.2, 11.5, 2.1, 9.8]


def test_the_title_names_the_best_method_and_its_cost():
    assert table_1.accuracy_against_cost(TABLE_1).get_suptitle() == (
        "AnimalMotionCLIP has the highest macro mAP, 61 %, at 15 GFLOPs per video, more than any other"
    )


def test_one_set_of_scores_is_drawn_under_every_averaging():
    axes = table_1.metric_mix(TABLE_1, batches=(8, 32)).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == NAMES
    points = {group.get_label(): group.get_offsets()[:, 0].tolist() for group in axes.collections[1:]}
    assert points == {
        "macro": [row["map_macro"] for row in TABLE_1],
        "micro": [row["map_micro"] for row in TABLE_1],
        "micro by batch of 8": [row["by_batch"][8] for row in TABLE_1],
        "micro by batch of 32": [row["by_batch"][32] for row in TABLE_1],
    }
    assert axes.texts[0].get_text() == "31 to 53 %"  # I3D: macro 31, micro by batch of 8: 53
