"""Tables with a row per frame: whose columns are behaviours, and of which video."""

import numpy as np
import pytest
from test_annotations import LABELS, read

from amc.base.errors import AmcError

WALKS = [(f"{k}", int(2 <= k < 5), int(k == 7)) for k in range(9)]


def spans(found, video: str, behaviour: str) -> list[tuple[float, float]]:
    return [(event.first, event.stop) for event in found.of(video) if event.behaviour == behaviour]


@pytest.mark.parametrize("nothing", ["background", "none", "None", ""])
@pytest.mark.parametrize("ending", ["_labels", "_scores", "_predictions", ""])
def test_labels_of_deepethogram_are_read_with_and_without_a_column_for_nothing(nothing, ending, tmp_path):
    head, rows = ",attack,sniffing\n", [f"{k},{a},{s}\n" for k, a, s in WALKS]
    if nothing:
        head = f",{nothing},attack,sniffing\n"
        rows = [f"{k},{int(not a and not s)},{a},{s}\n" for k, a, s in WALKS]
    found = read(tmp_path, head + "".join(rows), f"Mouse.1{ending}.csv")
    assert found.behaviours == ("attack", "sniffing")
    assert spans(found, "Mouse.1.avi", "attack") == [(2, 5)] and spans(found, "Mouse.1.avi", "sniffing") == [(7, 8)]


POINTS = "Nose_1_x,Nose_1_y,Nose_1_p,Movement_mouse_1,Low_prob_detections_0.1"


def simba(row: int) -> str:
    return f"{row},{100.5 + row},20.25,0.99,{row % 2},0"


def test_simba_s_targets_are_the_last_columns_of_0_and_1(tmp_path):
    text = f",{POINTS},Speed,Attack,Sniffing\n"
    text += "".join(f"{simba(int(k))},{0.5 if k == '6' else 1.0},{a},{s}.0\n" for k, a, s in WALKS)
    found = read(tmp_path, text, "Together_1.csv")
    assert found.behaviours == ("Attack", "Sniffing") and found.notes == ()
    assert spans(found, "Together_1.mp4", "Attack") == [(2, 5)] and spans(found, "Together_1", "Sniffing") == [(7, 8)]


def test_simba_s_machine_results_are_the_columns_that_have_a_probability_and_are_told(tmp_path):
    text = f",{POINTS},Probability_Attack,Attack,Probability_Sniffing,Sniffing\n"
    text += "".join(f"{simba(int(k))},0.{k},{a},0.5,{s}\n" for k, a, s in WALKS)
    found = read(tmp_path, text, "Together_1.csv")
    assert found.behaviours == ("Attack", "Sniffing") and "a model's predictions that nobody" in found.notes[0]
    assert [(event.first, event.stop) for event in found.events if event.behaviour == "Attack"] == [(2, 5)]
    says = r"holds of Together_1 a model's prediction .*; correct it, then delete its columns of probabilities \(Probab"
    with pytest.raises(AmcError, match=says):
        found.of("Together_1")
    checked = f",{POINTS},Attack,Sniffing\n" + "".join(f"{simba(int(k))},{a},{s}\n" for k, a, s in WALKS)
    assert spans(read(tmp_path, checked, "Together_1.csv"), "Together_1", "Attack") == [(2, 5)]


def test_features_without_any_behaviour_are_refused(tmp_path):
    text = f",{POINTS},Speed\n" + "".join(f"{simba(k)},{k}.5\n" for k in range(4))
    with pytest.raises(AmcError, match="no column of 0 and 1 for a behaviour"):
        read(tmp_path, text)


def test_a_table_with_an_unnamed_column_and_other_numbers_is_of_another_kind(tmp_path):
    from amc.ethogram import annotations

    (tmp_path / "weights.csv").write_text(",weight\n0,12.5\n1,13\n")
    (tmp_path / "Video10_labels.csv").write_text(LABELS)
    found = annotations.read(tmp_path)
    assert "weights.csv: left out, no annotation of a known format" in found.notes[0]
    assert len(found.of("Video10.mp4")) == 3


def test_decimal_commas_and_semicolons_do_not_matter(tmp_path):
    text = ";background;attack\n" + "".join(f"{k};{1 - a},0;{a},0\n" for k, a, _ in WALKS)
    found = read(tmp_path, text)
    assert spans(found, "Video10", "attack") == [(2, 5)] and found.labelled_frames("Video10").dtype == np.bool_
