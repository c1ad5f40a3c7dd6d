"""What went wrong with a video is said in one sentence that draws its conclusion from the facts."""

from dataclasses import replace

import numpy as np
import pytest
from test_errors import NAMES, PROBS, TRUTH, scores, table

from amc.companion import errors, verdicts


@pytest.fixture
def made() -> errors.Decisions:
    test = scores(PROBS, table(0))
    return errors.decide(test, test, truth=TRUTH)


def test_an_event_between_all_marks_was_seen_by_nobody(made):
    assert verdicts.diagnosis("overlapping actions", made, 0) == "Jumping is missed, no classifier had a frame of it"


def test_what_happens_was_left_out_and_what_does_not_was_invented(made):
    assert verdicts.diagnosis("incomplete annotation", made, 1) == "Keeping still is found, though not annotated"
    assert verdicts.diagnosis("none of these", made, 4) == "Flying is missed, though seen; Jumping is invented"


def test_equal_verdicts_are_said_once(made):
    sentence = verdicts.diagnosis("sensing and its parts", made, 2)
    assert "Keeping still and Attending are found, though not annotated" in sentence


def test_one_who_saw_it_and_was_sure_is_outvoted(made):
    truth = [np.zeros_like(TRUTH[0]), *TRUTH[1:]]
    truth[0][12:, 1] = True  # the jump: only the second classifier, with frames 10 and 19, has one of it
    logits = made.scores.logits.copy()
    logits[0, :, 1] = -4, 2
    other = errors.Decisions(replace(made.scores, logits=logits), 0.6, truth)
    assert verdicts.verdict(other, 0, 1) == ("outvoted", pytest.approx(0.881, abs=1e-3), pytest.approx(0.018, abs=1e-3))
    assert verdicts.said(other, 0, 1) == "MISSED, outvoted (score 0.88 of those that saw it, others 0.02)"
    told = "Jumping is missed, outvoted by classifiers that did not see it; Keeping still is invented"
    assert verdicts.diagnosis("none of these", other, 0) == told


def test_without_truth_nothing_is_concluded(made):
    blind = errors.Decisions(made.scores, made.threshold)
    assert verdicts.diagnosis("overlapping actions", blind, 0) == (
        "Jumping is missed; what really happens is not known"
    )
    assert set(verdicts.case(blind, 0).verdicts) == {""}


def test_a_case_shows_errors_before_what_was_found(made):
    case = verdicts.case(made, 2, fps=24.0)
    assert set(case.names[:3]) == {"Sensing", "Attending", "Keeping still"}
    assert case.verdicts[case.names.index("Attending")] == "FOUND though not annotated"
    assert verdicts.case(made, 1).names == ["Keeping still", "Jumping"]
    assert verdicts.case(made, 1).verdicts[1] == ""
    assert case.probs.shape == (2, len(case.names)) and case.truth.shape == (20, len(case.names))
    assert set(case.names) <= set(NAMES)
