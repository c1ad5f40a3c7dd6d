"""Answers of the tables' notebooks: known records in, sentences out, the disappointing and the partial ones too."""

import math

import pytest

from amc.base.errors import AmcError
from amc.companion import answers, phrases
from amc.runs import results

SMOKE, QUICK = {"size": "smoke"}, {"size": "quick"}
LEAST = {"map_macro": 7.0, "map_micro": 5.0}
NO = (0.1, -2.0, 2.2)  # a difference that is not significant


def maps(macro, micro, *, chance=(9.0, 20.0)) -> dict:
    """Columns of a row of `tables.rows`, from (value, low, high)."""
    found = {"chance_macro": chance[0], "chance_micro": chance[1]}
    for name, values in (("map_macro", macro), ("map_micro", micro)):
        found |= dict(zip((name, f"{name}_low", f"{name}_high"), values))
    return found


def difference(of, against, macro, micro, **names) -> dict:
    found = {"of": of, "against": against} | names
    for name, values in (("map_macro", macro), ("map_micro", micro)):
        found |= {f"{name}_{what}": value for what, value in zip(("difference", "low", "high"), values)}
    return found


def row(scheme, modality, *, macro=(30.0, 25.0, 35.0), seeds=1) -> dict:
    return {"method": "AnimalMotionCLIP", "scheme": scheme, "modality": modality, "seeds": seeds} | maps(
        macro, (50.0, 45.0, 55.0)
    )


ROWS = [row("dense", "rgb"), row("semi-dense", "rgb"), row("sparse", "rgb"), row("sparse", "rgb+flow")]
SAME = [
    difference("sparse rgb", "dense rgb", NO, NO),
    difference("semi-dense rgb", "dense rgb", NO, NO),
    difference("sparse rgb+flow", "sparse rgb", (9.0, 3.0, 15.0), NO),
]


def ablation(differences=SAME, rows=ROWS, parameters=QUICK, **more) -> str:
    return answers.answer("03_ablation", parameters, rows, {"differences": differences, "detectable": LEAST} | more)


def test_03_says_of_both_questions_what_was_found_and_then_the_numbers():
    best = row("sparse", "rgb+flow", macro=(39.0, 33.0, 45.0))
    assert ablation(rows=[*ROWS[:3], best]) == (
        "Above chance in macro mAP: 4 of 4 rows, the highest is sparse rgb+flow with 39.0 (95 % interval 33.0 to "
        "45.0), where chance is 9.0; one training run per row. "
        "Which frames: no difference is found (found means: significant, and at least 7.0 points of macro or 5.0 of "
        "micro mAP). In numbers, sparse rgb minus dense rgb is macro +0.1 (-2.0 to +2.2) and micro +0.1 (-2.0 to +2.2) "
        "points; semi-dense rgb minus dense rgb is macro +0.1 (-2.0 to +2.2) and micro +0.1 (-2.0 to +2.2) points. "
        "Motion beside frames: a gain is found in macro mAP of sparse rgb+flow. In numbers, sparse rgb+flow minus "
        "sparse rgb is macro +9.0 (+3.0 to +15.0) and micro +0.1 (-2.0 to +2.2) points."
    )


def test_03_calls_nothing_found_that_is_below_what_the_test_finds():
    small = [*SAME[:2], difference("sparse rgb+flow", "sparse rgb", (6.9, 3.0, 10.8), (-4.9, -6.0, -3.8))]
    said = ablation(small)
    assert "Motion beside frames: no difference is found (found means: significant, and at least 7.0 points" in said
    assert "macro +6.9 (+3.0 to +10.8) and micro -4.9 (-6.0 to -3.8) points." in said


def test_03_names_losses_and_differences_in_both_directions():
    loss, mixed = (-9.0, -15.0, -3.0), (9.0, 3.0, 15.0)
    assert "a loss is found" in ablation([difference("sparse rgb+flow", "sparse rgb", loss, NO)])
    assert "in both directions are found" in ablation([difference("sparse rgb+flow", "sparse rgb", loss, mixed)])


def test_03_says_what_a_partial_run_cannot_answer():
    said = ablation(SAME[2:], ROWS[2:])
    assert (
        "Which frames: not measured in this run, which lacks some of the rows dense rgb, sparse rgb and semi-" in said
    )
    assert "Motion beside frames: a gain is found" in said
    assert ablation([], ROWS[:1]).count("not measured in this run") == 2


def test_03_says_when_no_model_has_learnt_anything_and_how_many_seeds_there_are():
    ignorant = [row("sparse", "rgb", macro=(11.0, 8.0, 15.0), seeds=3)]
    said = ablation([], ignorant, SMOKE)
    assert said.startswith("At size smoke the model knows nothing yet: no row's macro mAP is above chance; means of 3 ")
    assert said.endswith("Size smoke shows that the pipeline runs, not how well the method works.")
    half = ablation(rows=[*ROWS, row("sparse", "flow", macro=(11.0, 8.0, 15.0))])
    assert half.startswith("Above chance in macro mAP: 4 of 5 rows, the highest is dense rgb with 30.0")


def test_03_adds_what_flow_at_rest_does_where_it_was_measured():
    need = {"scheme": "sparse", "modality": "rgb+flow", "control": "flow at rest", "map_macro_change": -5.0}
    need |= {"map_macro_change_low": -9.0, "map_macro_change_high": -1.0}
    said = "Putting all flow at rest changes sparse rgb+flow significantly, by -5.0 (-9.0 to -1.0) points of macro mAP."
    assert said in ablation(controls=[need])
    assert " not significantly, by" in ablation(controls=[need | {"map_macro_change_high": 1.0}])


def test_000_says_what_pictures_flow_and_sampling_tell():
    moments = [("sits", 7, 0), ("takes off", 9, 20), ("in the air", 2, 19)]
    moments = [{"moment": name, "films": 20, "named": named, "moves": moves} for name, named, moves in moments]
    rows = [{"scheme": "dense", "any": 75.7}, {"scheme": "sparse", "any": 66.9}]
    sizes = {"num_windows": 3, "frames": 4}
    said = answers.answer("000_first_look", sizes, rows, {"moments": moments, "num_frames": 192})
    assert (
        "7 when it sits, 9 when it takes off and 2 when it is in the air, so to it a picture does not tell the jump"
        in said
    )
    assert "stronger than while the same frog sits in 20 when it takes off and 19 when it is in the air. With" in said
    assert "at 76 % of its possible starts under dense and 67 % of its possible starts under sparse" in said
    moments[2]["named"] = 8
    said = answers.answer("000_first_look", sizes, rows, {"moments": moments, "num_frames": 192})
    assert "so to it a picture tells the jump in part" in said


CLIP = {"species": "eagle", "num_frames": 86, "views": 3, "num_slots": 8, "threshold": 0.31, "videos": 24}
CLIP |= {"annotated": ["Flying", "Gliding"], "predicted": [], "highest": ["Flying", 0.22]}


def test_00_says_that_nothing_is_predicted_and_that_nothing_is_known():
    found = [CLIP | maps((24.0, 10.0, 40.0), (20.0, 10.0, 30.0), chance=(22.8, 23.0))]
    said = answers.answer("00_quickstart", SMOKE, found, {})
    assert "No score reaches the threshold, the highest is 0.22 for Flying: nothing is predicted, all annotated" in said
    assert "At size smoke the model knows nothing yet: on 24 test clips macro mAP 24.0 (95 % interval 10.0 " in said


def test_00_counts_right_and_additional_labels_and_keeps_apart_the_two_metrics():
    found = [CLIP | {"predicted": ["Flying", "Walking"]} | maps((60.0, 50.0, 70.0), (5.0, 3.0, 8.0))]
    said = answers.answer("00_quickstart", QUICK, found, {})
    assert (
        "1 of 2 annotated labels predicted (annotated: Flying and Gliding); predicted but not annotated: Walking"
        in said
    )
    assert said.endswith("is above chance, 9.0, and micro mAP 5.0 (3.0 to 8.0) is below chance, 20.0.")


def caught(scheme, seconds, share, events=100):
    values = {"any": 1.0, "any_low": 1.0, "any_high": 1.0, "share": share}
    return {
        "scheme": scheme,
        "seconds": seconds,
        "events": events,
        "share_low": share - 0.05,
        "share_high": share + 0.05,
    } | values


def test_01_compares_schemes_by_intervals_that_are_apart():
    rows = [caught("dense", "(0.0, 0.5]", 0.3), caught("sparse", "(0.0, 0.5]", 0.7)]
    rows += [caught("dense", "(4.0, 6.0]", 0.95), caught("sparse", "(4.0, 6.0]", 0.97)]
    origin, counts = {"unseen": {"dense": 0.86, "sparse": 0.87}}, {"num_windows": 3, "frames": 4}
    said = answers.answer("01_sampling_windows", counts, rows, origin)
    assert said == (
        "3 classifiers of 4 frames see only a part of the frames of the clip: 14 % under dense and 13 % under sparse. "
        "Of 100 events of at most 0.5 s, no scheme is shown to miss fewer, 100 % (95 % interval 100 to 100) under "
        "dense and 100 % (100 to 100) under sparse; more classifiers see such an event under sparse than under dense, "
        "70 % (65 to 75) against 30 % (25 to 35). "
        "Of 100 events of 4.0 to 6.0 s, no scheme is shown to miss fewer, 100 % (100 to 100) under dense and "
        "100 % (100 to 100) under sparse; no scheme is shown to show them to more classifiers, 95 % (90 to 100) under "
        "dense and 97 % (92 to 102) under sparse."
    )
    few = [caught(scheme, "(0.0, 0.5]", 0.3, events=3) for scheme in ("dense", "sparse")]
    assert "no group of events has 20" in answers.answer("01_sampling_windows", counts, few, origin).lower()


PEER = {"scheme": "", "modality": "rgb", "seeds": 1}
PRIOR = PEER | {"method": "species prior", "modality": ""} | maps((20.0, 18.0, 23.0), (43.0, 38.0, 48.0))


def table_1(rows, differences, parameters=QUICK, real=()) -> str:
    origin = {"differences": differences, "detectable": LEAST, "blind_on_real_annotation": list(real)}
    return answers.answer("04_state_of_the_art", parameters, rows, origin)


def test_04_tells_better_worse_and_level_systems_apart_by_the_rule_of_the_notebook():
    rows = [PEER | {"method": name} | maps((30.0, 25.0, 35.0), (50.0, 45.0, 55.0)) for name in ("I3D", "MSQNet")]
    rows += [row("sparse", "rgb+flow", macro=(31.0, 26.0, 36.0)), PRIOR]
    against = {"I3D": (-12.0, -18.0, -7.0), "X3D": (-6.0, -9.0, -3.0), "MSQNet": (9.0, 2.0, 16.0)}
    found = [difference(None, "AnimalMotionCLIP", v, NO, method=name) for name, v in against.items()]
    found.append(difference(None, "MSQNet", NO, NO, method="MSQNet + pre-training"))
    found.append(difference(None, "AnimalMotionCLIP", (-17.0, -23.0, -11.0), NO, method="species prior"))
    said = table_1(rows, found, real=[PRIOR])
    assert (
        "AnimalMotionCLIP is better than I3D, is worse than MSQNet and is not found to differ from X3D, in macro"
        in said
    )
    assert "the highest is AnimalMotionCLIP with " in said
    assert "Pre-training: no difference is found (found" in said
    assert "In numbers, MSQNet + pre-training minus MSQNet is macro +0.1 (-2.0 to +2.2) and micro +0.1 (-2.0" in said
    assert "; on Animal Kingdom's own annotation species prior 20.0 (18.0 to 23.0). Species prior against " in said
    assert "AnimalMotionCLIP: a loss is found in macro mAP of species prior. In numbers, species prior minus " in said
    assert "is macro -17.0 (-23.0 to -11.0) and micro +0.1" in said


def test_04_answers_what_it_can_of_a_partial_run():
    said = table_1([PRIOR], [])
    assert said.startswith("No system that sees video was run. AnimalMotionCLIP was not compared with another system.")
    said = table_1([PEER | {"method": "I3D"} | maps((9.0, 7.0, 12.0), (20.0, 15.0, 25.0))], [], SMOKE)
    assert said.startswith("At size smoke the model knows nothing yet") and "Rows without video were not run." in said


def kind(name, rate):
    return {"run": "sparse rgb", "kind": name, "rate": rate, "rate_low": rate - 5, "rate_high": rate + 5}


ERRORS = [
    kind("overlapping actions", 23.0),
    kind("none of these", 120.0),
    kind("none of these", 1.0) | {"run": "other"},
]
JUDGED = {"metric": "map_macro", "against": "truth − annotated", "value": 2.7, "low": 0.4, "high": 5.0}
ORIGIN = {"annotators": (0.2, 0.15, 0.25), "against_truth": [JUDGED], "exactly_right": (0.18, 0.13, 0.23)}
ORIGIN |= {"quality": maps((30.0, 25.0, 35.0), (50.0, 45.0, 55.0))}


def test_05_counts_kinds_and_the_annotators_share():
    said = answers.answer("05_error_analysis", QUICK, ERRORS, ORIGIN)
    assert said.startswith(
        "Per 100 videos the errors are 23 (95 % interval 18 to 28) of overlapping actions and 120 (115"
    )
    assert "20 % (15 to 25) of all errors are the annotator's" in said
    assert "macro mAP is higher, +2.7 (+0.4 to +5.0) points" in said
    assert said.endswith("18 % (13 to 23) of the videos have exactly the annotated labels.")


def test_05_says_when_the_truth_is_unknown_and_when_errors_are_those_of_guessing():
    ignorant = {"annotators": None, "quality": maps((9.0, 7.0, 12.0), (20.0, 15.0, 25.0))}
    said = answers.answer("05_error_analysis", SMOKE, ERRORS, ORIGIN | ignorant)
    assert (
        said.startswith("At size smoke the model knows nothing yet (macro mAP 9.0") and "those of guessing. Per" in said
    )
    assert "How many errors are the annotator's is not known" in said


def test_numbers_that_are_missing_are_not_measurable_and_show_nothing():
    assert phrases.span((None, None, None)) == phrases.span((math.nan,) * 3) == "not measurable"
    assert phrases.span((1.0, math.nan, math.nan)) == "1.0"
    unknown = difference("a", "b", (3.0, None, None), (None, None, None))
    assert phrases.direction(unknown) == 0 and phrases.change(unknown) == "macro +3.0 points"
    assert phrases.change({}) == "not measurable"
    assert not phrases.above_chance(maps((9.0, None, None), (1.0, 1.0, 1.0)))


def test_names_are_listed_as_in_speech():
    assert [phrases.listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "nothing", "a", "a and b", "a, b and c"
    ]  # fmt: skip
    assert (phrases.count(1, "clip"), phrases.count(0, "clip")) == ("1 clip", "0 clips")


def test_the_answer_from_a_record_is_that_of_the_notebook_that_wrote_it(tmp_path, monkeypatch):
    monkeypatch.setenv("AMC_REPORTS", str(tmp_path))
    rows = [row("sparse", "rgb", macro=(math.nan, math.nan, math.nan)), *ROWS[3:]]
    origin = {"differences": [difference("sparse rgb+flow", "sparse rgb", (3.0, math.nan, math.nan), NO)]}
    origin |= {"detectable": LEAST}
    record = results.load(results.write("03_ablation", QUICK, rows, origin))
    again = answers.answer(*(record[key] for key in ("notebook", "parameters", "rows", "provenance")))
    assert again == answers.answer("03_ablation", QUICK, rows, origin)


def test_a_notebook_without_a_question_is_refused():
    with pytest.raises(AmcError, match="choose one of: 000_first_look, 00_quickstart"):
        answers.answer("10_more", {}, [], {})
