"""The four kinds of errors are found where they were put, counted with intervals, and told in a sentence of facts."""

import subprocess
import sys

import numpy as np
import pytest

from amc import metrics
from amc.base.errors import AmcError
from amc.companion import errors
from amc.scores import Scores

NAMES = ("Keeping still", "Jumping", "Sensing", "Attending", "Grooming", "Licking", "Flying")
# Written, predicted and true labels of six videos, one story each.
STORIES = [
    ("Jumping", "Keeping still", "Jumping, Keeping still"),  # the frog: its jump is overlapped by sitting
    ("Jumping", "Jumping, Keeping still", "Jumping, Keeping still"),  # the annotator left out the sitting
    ("Sensing", "Attending, Keeping still", "Sensing, Attending, Keeping still"),
    ("Grooming", "Licking", "Grooming, Licking"),
    ("Flying", "Jumping", "Flying"),  # a plain mistake
    ("Flying", "Flying", "Flying"),  # right
]


def table(column: int) -> np.ndarray:
    return np.array([[name in story[column].split(", ") for name in NAMES] for story in STORIES])


def scores(probs: np.ndarray, labels: np.ndarray, **meta) -> Scores:
    """Two classifiers who agree, four frames of twenty."""
    count = len(probs)
    logits = np.log(probs / (1 - probs)).astype(np.float32)
    return Scores(
        ids=np.array([f"v{k}" for k in range(count)]), names=np.array(NAMES), labels=labels,
        logits=np.repeat(logits[:, None], 2, axis=1), frames=np.tile(np.int32([[0, 5], [10, 19]]), (count, 1, 1)),
        num_frames=np.full(count, 20, np.int32), species=np.array(["frog"] * count), meta=meta,
    )  # fmt: skip


PROBS = np.where(table(1), 0.8, 0.1)
TRUTH = [np.tile(row, (20, 1)) for row in table(2)]
TRUTH[0][:, 1] = np.arange(20) // 2 == 3  # the jump: frames 6 and 7, which nobody looks at


@pytest.fixture
def made() -> errors.Decisions:
    test = scores(PROBS, table(0))
    return errors.decide(test, test, truth=TRUTH)


def told(found: np.ndarray) -> set[tuple[int, str]]:
    return {(int(v), NAMES[c]) for v, c in zip(*np.nonzero(found), strict=True)}


def test_each_kind_is_found_in_its_story_and_nowhere_else(made):
    found = {kind: told(mask) for kind, mask in errors.find(made).items()}
    assert found == {
        "overlapping actions": {(0, "Jumping")},
        "incomplete annotation": {
            (0, "Keeping still"), (1, "Keeping still"), (2, "Attending"), (2, "Keeping still"), (3, "Licking")
        },
        "sensing and its parts": {(2, "Sensing"), (2, "Attending"), (2, "Keeping still")},
        "composite actions": {(3, "Grooming"), (3, "Licking")},
        "none of these": {(4, "Flying"), (4, "Jumping")},
    }  # fmt: skip


def test_without_truth_the_annotators_omissions_are_suspected_by_name(made):
    blind = errors.Decisions(made.scores, made.threshold)
    assert told(errors.incomplete(blind)) == {(0, "Keeping still"), (1, "Keeping still"), (2, "Keeping still")}
    assert "part" not in errors.tally(blind)[0]


def test_what_is_predicted_around_a_missed_action_has_to_be_true_where_truth_is_known(made):
    never = [np.zeros_like(TRUTH[0]), *TRUTH[1:]]
    always = [np.ones_like(TRUTH[0]), *TRUTH[1:]]  # the jump fills the clip, so nothing goes on before or after it
    for truth in (never, always):
        assert not told(errors.overlapping(errors.Decisions(made.scores, made.threshold, truth)))


def test_the_right_ones_are_those_without_an_error(made):
    assert errors.right(made).tolist() == [5]


def test_the_most_typical_clip_has_mostly_errors_of_its_kind_and_the_widest_margin():
    probs = PROBS.copy()
    probs[1, 0] = 0.99  # as pure as before, further from the threshold than any other
    test = scores(probs, table(0))
    made = errors.decide(test, test, truth=TRUTH)
    assert errors.typical(made, errors.incomplete(made)).tolist()[0] == 1
    assert errors.typical(made, errors.overlapping(made)).tolist() == [0]


def test_a_kind_is_counted_with_the_annotators_part(made):
    rows = {row["kind"]: row for row in errors.tally(made)}
    assert rows["sensing and its parts"]["errors"] == 3 and rows["sensing and its parts"]["videos"] == 1
    assert rows["sensing and its parts"]["rate"] == pytest.approx(50)  # 3 in 6 videos
    parts = {kind: row["part"] for kind, row in rows.items()}
    assert parts == pytest.approx({  # Attending and Keeping still of 3; Licking of Grooming and Licking
        "overlapping actions": 0, "incomplete annotation": 100, "sensing and its parts": 200 / 3,
        "composite actions": 50, "none of these": 0,
    })  # fmt: skip
    assert rows["none of these"]["rate_low"] == 0 < rows["none of these"]["rate"] < rows["none of these"]["rate_high"]


def test_the_annotators_part_of_all_errors_is_what_happens_and_was_not_written(made):
    assert errors.annotators(made, made.missed | made.extra)[0] == pytest.approx(5 / 10)


def test_runs_differ_by_pairs_of_the_same_videos(made):
    one = scores(PROBS, table(0), experiment={"sampling": {"scheme": "sparse"}, "pixels": {"modality": "rgb"}})
    probs = PROBS.copy()
    probs[:, NAMES.index("Licking")] = 0.9  # in all videos, though never written: one more error in five of six
    other = scores(probs, table(0), experiment={"sampling": {"scheme": "dense"}, "pixels": {"modality": "rgb"}})
    rows = errors.differences({"a": (one, one), "b": (one, other)}, TRUTH, reference="a")
    assert all(row["more"] == row["more_low"] == row["more_high"] == 0 for row in rows if row["run"] == "a")
    more = {row["kind"]: row for row in rows if row["run"] == "b"}
    assert more["none of these"]["more"] == pytest.approx(100 * 5 / 6)
    assert (
        errors.beyond_chance(rows, "a")
        == "Significantly fewer than a: none. Significantly more than a: b: none of these."
    )


def test_a_difference_is_judged_by_its_interval():
    row = {"metric": "map_micro", "against": "truth − annotated", "value": 2.0}
    ends = {
        "higher against the truth": (1, 3),
        "lower against the truth": (-3, -1),
        "not significant": (-1, 3),
    }
    for word, (low, high) in ends.items():
        assert errors.judged(row | {"low": low, "high": high}).endswith(word)


def test_a_ratio_is_of_sums_and_its_interval_is_over_videos():
    part, whole = np.array([1, 0] * 200), np.full(400, 2)
    value, low, high = metrics.ratio(part, whole)
    assert value == 0.25
    # Half of 400 independent coins: 1.96 * sqrt(0.25 / 400) = 0.049, halved as each counts of two.
    assert (high - low) / 2 == pytest.approx(0.0245, abs=0.003)
    assert np.isnan(metrics.ratio(np.zeros(3), np.zeros(3))).all()


def test_scores_that_follow_the_truth_gain_when_measured_against_it():
    rng = np.random.default_rng(0)
    happens = rng.random((80, len(NAMES))) < 0.4
    written = happens & (rng.random(happens.shape) < 0.6)
    test = scores(np.where(happens, 0.7, 0.2) + rng.random(happens.shape) / 10, written)
    made = errors.Decisions(test, 0.5, [row[None] for row in happens])
    rows = {(row["metric"], row["against"]): row for row in errors.against_truth(made)}
    assert rows["map_micro", "truth"]["value"] == pytest.approx(100)
    assert rows["map_micro", "truth − annotated"]["low"] > 10
    for metric in ("map_macro", "map_micro"):
        gain = rows[metric, "truth"]["value"] - rows[metric, "annotated"]["value"]
        assert rows[metric, "truth − annotated"]["value"] == pytest.approx(gain)


def test_confusions_are_parts_of_the_videos_in_which_a_behaviour_was_missed(made):
    matrix = errors.confusions(made)
    assert matrix[NAMES.index("Sensing"), NAMES.index("Attending")] == 1
    assert matrix[NAMES.index("Flying"), NAMES.index("Jumping")] == 1
    assert matrix[NAMES.index("Flying")].sum() == 1


def test_a_score_file_needs_its_validation_file_beside_it(made, tmp_path):
    path = made.scores.save(tmp_path / "run.npz")
    with pytest.raises(AmcError, match=r"has no run-val.npz beside it"):
        errors.read(path)
    made.scores.save(tmp_path / "run-val.npz")
    assert all(part.ids.tolist() == made.scores.ids.tolist() for part in errors.read(path))


def test_the_rules_need_no_torch():
    code = "import sys, amc.companion.verdicts, amc.figures.errors; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
