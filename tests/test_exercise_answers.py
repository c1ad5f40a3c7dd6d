"""The truth behind the exercises, on cases small enough to know it; right and wrong functions of learners."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from amc import flow_color, sampling
from amc.companion import coverage, errors, exercises
from amc.companion import exercise_answers as answers
from amc.companion import exercise_rules as rules_of
from amc.ethogram.bouts import Rules
from amc.ethogram.timeline import SlidingWindow
from amc.sampling import Window
from amc.scores import Scores

WINDOWS = (Window((0, 5), ((5, 10),), (1, 4)), Window((5, 10), ((0, 5),), (6, 9)))


def scores(probs: list, labels: list, *, flow_method: str = "dis", ids: str = "ab") -> Scores:
    """Two videos, two behaviours; probs (V, M, C)."""
    logits = np.log(np.array(probs) / (1 - np.array(probs))).astype(np.float32)
    meta = {"experiment": {"size": "smoke", "seed": 0, "sampling": {"scheme": "sparse"}}}
    meta["experiment"]["pixels"] = {"modality": "rgb+flow", "flow_method": flow_method}
    return Scores(
        ids=np.array(list(ids)), names=np.array(["Walking", "Eating"]), labels=np.array(labels, bool), logits=logits,
        frames=np.zeros((2, logits.shape[1], 1), np.int32), num_frames=np.full(2, 9, np.int32),
        species=np.array(["frog", "frog"]), meta=meta,
    )  # fmt: skip


ONE_SAW_IT = scores([[[0.9, 0.2], [0.1, 0.2]], [[0.1, 0.2], [0.1, 0.8]]], [[1, 0], [0, 1]])


def verdict(function, arguments: tuple, rules: dict) -> str:
    return exercises.tried(function, arguments, rules)


def test_classifiers_are_counted_for_each_event_also_if_a_behaviour_occurs_twice():
    events = [("Walking", 4, 6), ("Walking", 5, 7), ("Eating", 1.5, 3.5)]
    assert answers.classifiers_per_event(events, WINDOWS) == [1, 1, 0]


def test_labels_by_the_highest_classifier_have_a_threshold_of_their_own():
    assert answers.labels_by("max", ONE_SAW_IT, ONE_SAW_IT, 0) == {"Walking"}


def test_only_sparse_has_no_main_window():
    found = {scheme: sampling.plan(30, scheme=scheme, num_windows=3, frames=2) for scheme in sampling.SCHEMES}
    assert {scheme: answers.main_windows(plan, 30) for scheme, plan in found.items()} == {
        "dense": 3, "semi-dense": 3, "sparse": 0,
    }  # fmt: skip
    assert answers.in_one_piece(found["semi-dense"]) == {1, 3}


def test_more_frames_and_not_more_windows_raise_the_share_of_classifiers_under_dense():
    known = coverage.scripted(300)
    assert answers.doubled(known, {"num_windows": 3, "frames": 4}, 0.75, 1.25) == "frames"
    assert answers.doubled(known, {"num_windows": 3, "frames": 4}, 900, 1000) is None


def test_a_single_classifier_decides_the_highest_and_the_noisy_or():
    assert answers.followers() == {"max", "noisy-or"}


def test_a_scale_clips_its_share_of_the_vectors():
    vectors = torch.zeros(1, 2, 10, 10)
    vectors[0, 1] = torch.arange(100).view(10, 10)
    assert answers.scale_that_clips(vectors, 0.01) == 98
    assert flow_color.clipped_fraction(vectors, 98) == pytest.approx(0.01)
    assert answers.color_of(0, 0, 4) == [255, 255, 255]


def test_the_best_row_is_that_of_the_asked_table():
    frame = pd.DataFrame({"table": [2, 3, 3, np.nan], "map_macro": [9, 1, 2, 8], "modality": ["a", "b", "c", "d"]})
    assert answers.best(frame, "modality", table=3) == "c"
    assert answers.best(frame, "modality", table=1) is None


def test_scores_of_another_flow_method_are_found_among_others(tmp_path):
    assert answers.gain_from("true", ONE_SAW_IT, tmp_path / "nothing") is None
    better = scores([[[0.9, 0.2]], [[0.1, 0.8]]], [[1, 0], [0, 1]], flow_method="true")
    worse = scores([[[0.1, 0.8]], [[0.9, 0.2]]], [[1, 0], [0, 1]])
    ONE_SAW_IT.save(tmp_path / "a.npz")
    replace(better, ids=np.array(["a", "c"])).save(tmp_path / "b.npz")
    assert answers.gain_from("true", worse, tmp_path) is None
    better.save(tmp_path / "c.npz")
    (tmp_path / "d.npz").write_bytes(b"")
    assert answers.gain_from("true", worse, tmp_path) == pytest.approx(50)  # each AP from 1/2 to 1


def test_two_methods_are_compared_with_their_spread_over_seeds():
    frame = pd.DataFrame({"method": ["a", "b", "c"], "map_macro": [10, 13, 20], "map_macro_sd": [1, 4, np.nan]})
    assert answers.above_seeds(frame, "a", "b") is False
    assert answers.above_seeds(frame.assign(map_macro_sd=1), "a", "c") is True
    assert answers.above_seeds(frame, "a", "c") is None and answers.above_seeds(frame, "a", "d") is None


def test_two_rules_of_errors_read_the_truth():
    assert answers.rules_with_truth(errors.KINDS) == {"overlapping actions", "incomplete annotation"}


def test_all_behaviours_with_the_most_additional_extras_are_named():
    made = errors.decide(ONE_SAW_IT, ONE_SAW_IT)
    assert set(answers.most_more_extras(ONE_SAW_IT, made)) <= {"Walking", "Eating"} and made.names[0] == "Walking"


def test_a_second_animal_is_known_only_in_generated_clips():
    assert answers.with_companion(None, 3).tolist() == [False, True, False]
    scripts = {"a": SimpleNamespace(num_actors=2), "b": SimpleNamespace(num_actors=1)}
    known = SimpleNamespace(drawn=SimpleNamespace(script=scripts.get), clips=[SimpleNamespace(id=i) for i in "ab"])
    assert answers.with_companion(known, 2).tolist() == [True, False]


def test_settings_that_are_longer_than_the_behaviour_are_named():
    sliding, rules = SlidingWindow(seconds=2.0, stride=0.5), Rules(hold=0.8, min_seconds=0.5, max_gap=0.5)
    assert answers.too_short(0.4, rules, sliding) == {"min_seconds", "seconds"}
    assert answers.too_short(1.0, rules, sliding) == {"seconds"}


def test_functions_with_a_seed_draw():
    assert answers.drawn_at_random({"a": coverage.rates, "b": coverage.unseen}) == {"a"}


def test_hidden_behaviours_beside_others_are_counted():
    labels = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1]], bool)
    assert answers.also_others(labels, [0]) == 1 and answers.also_others(labels, [0, 2]) == 2


def test_zeros_for_absent_behaviours_lower_the_mean():
    assert answers.lower_with_zeros(40, np.array([[1, 0, 1, 1]], bool)) == pytest.approx(10)


def test_the_fall_is_that_of_the_asked_system():
    rows = [{"system": s, "group": g, "macro": m} for s, g, m in [("a", "known animals", 30), ("a", "new animals", 25)]]
    assert answers.fall(rows, "a") == 5 and answers.fall(rows, "b") is None and answers.fall([], "") is None


class Tower(torch.nn.Module):
    """Slots that know nothing of each other, and an integration that sees only the first."""

    def __init__(self):
        super().__init__()
        self.positions = torch.nn.Parameter(torch.zeros(1, 3, 4))
        self.other = torch.nn.Parameter(torch.zeros(3, 4))

    def frames(self, pixels):
        return pixels.mean(dim=(2, 3, 4))[..., None], None

    def integration(self, embedded):
        return embedded[:, 0]


def test_the_part_that_sees_the_order_reacts_and_has_the_parameter():
    assert answers.what_reacts(Tower(), torch.rand(1, 3, 3, 2, 2)) == "integration"
    assert answers.made_for(Tower(), 3) == ["positions"]


def test_bouts_are_counted_at_half_of_the_thresholds():
    asked = []
    shown = SimpleNamespace(at=lambda thresholds: asked.append(thresholds) or SimpleNamespace(bouts=[1, 2]))
    assert answers.bouts_at_half(shown, np.array([0.4, 0.2])) == 2 and asked[0].tolist() == [0.2, 0.1]


def late(num_frames, num_windows, frames, places):
    start = 2 * num_frames // 3
    at = start + (np.arange(frames) + 0.5) / frames * (num_frames - start)
    return [Window((start, num_frames), ((0, start),), tuple(at.astype(int).tolist()))] * num_windows


FIELD = torch.randn(2, 2, 3, 4, generator=torch.Generator().manual_seed(0))
SLOTS, IS_FLOW, REST = torch.full((2, 3, 3, 2, 2), 7, dtype=torch.uint8), np.array([0, 1, 0], bool), torch.ones(3, 1, 1)
WRONG, VIDEOS = np.array([[1, 0], [1, 1], [0, 1]], bool), np.array([1, 0, 1], bool)
SPANS, PROBS = [(0, 2), (1, 3)], np.array([[0.2], [0.6]])
CLIPS = SimpleNamespace(clips=[SimpleNamespace(num_frames=n) for n in (9, 5, 9)], names=("a", "b"))
CLIPS = type("Clips", (), {"__len__": lambda self: 3, **vars(CLIPS)})()


def at_rest(slots, is_flow):
    changed = slots.clone()
    changed[:, is_flow] = 1
    return changed


def turned(field):
    return torch.stack([-field[:, 0], field[:, 1]], dim=1).flip(-1)


ROWS = np.array([[0.1, 0.2], [0.3, 0.4], [0.1, 0.2]])
CASES = [  # arguments, rules, a right function, wrong ones with a word of the hint
    ((FIELD[:1],), rules_of.own_scale(FIELD[:1]), lambda f: flow_color.render(f, max_px=float(f.norm(dim=1).max())),
     {"full colour": lambda f: flow_color.render(f, max_px=9), "shape": lambda f: f}),
    ((30, 2, 3, None), rules_of.last_third(30, 2, 3), late,
     {"before the last third": lambda n, m, p, u: late(n - 5, m, p, u), "for each": lambda n, m, p, u: [1, 2],
      "frames` frames": lambda n, m, p, u: late(n, m, 2, u),
      "spread": lambda n, m, p, u: [Window((20, 30), (), (25,) * p)] * m,
      "order of time": lambda n, m, p, u: [Window((20, 30), (), (25, 21, 29))] * m}),
    ((FIELD,), rules_of.mirrored(FIELD), turned,
     {"change their places": lambda f: f, "a mirror does": lambda f: f.flip(-1), "same shape": lambda f: f[:1]}),
    ((), rules_of.small_batches(), lambda: ([[1], [0], [1], [0]], [[0.9], [0.8], [0.3], [0.2]]),
     {"not higher": lambda: ([[1], [0], [1], [0]], [[0.9], [0.2], [0.8], [0.3]]), "four clips": lambda: ([1], [1]),
      "needs a label": lambda: ([[1], [1], [0], [0]], [[0.9], [0.2], [0.8], [0.3]])}),
    ((CLIPS, "test"), rules_of.by_length(CLIPS), lambda table, split: (ROWS, {}),
     {"of shape": lambda table, split: ROWS, "no difference": lambda table, split: (ROWS[[0, 0, 0]], {}),
      "the same length": lambda table, split: (ROWS[[0, 0, 1]], {}),
      "between 0 and 1": lambda table, split: (ROWS * 9, {})}),
    ((WRONG, VIDEOS), rules_of.only_in(WRONG, VIDEOS), lambda wrong, several: wrong & several[:, None],
     {"is no error": lambda w, s: ~w, "one animal": lambda w, s: w, "missing": lambda w, s: w & False,
      "a table": lambda w, s: s}),
    ((SLOTS, IS_FLOW), rules_of.without_motion(SLOTS, IS_FLOW, REST), at_rest,
     {"zero flow": lambda slots, is_flow: slots, "stay as they are": lambda slots, is_flow: slots * 0 + 1,
      "same shape": lambda slots, is_flow: slots[0]}),
    ((SPANS, PROBS, 3), rules_of.highest(SPANS, PROBS, 3), lambda *_: np.array([[0.2], [0.6], [0.6]]),
     {"less than": lambda *_: np.array([[0.2], [0.4], [0.6]]), "more than": lambda *_: np.ones((3, 1)),
      "one row": lambda *_: PROBS}),
    ((("robin", "songbird", "bird"),), rules_of.nearest_group(), lambda path: path[1:2],
     {"alone": lambda path: path[1:]}),
    ((("a", "b", "c"), [1]), rules_of.reworded(("a", "b", "c"), [1]), lambda names, hidden: ["a", "B", "c"],
     {"no hidden": lambda names, hidden: list(names), "not hidden": lambda names, hidden: ["A", "B", "c"],
      "as many": lambda names, hidden: ["a", "a", "c"]}),
]  # fmt: skip


@pytest.mark.parametrize("arguments, rules, right, wrong", CASES)
def test_a_right_function_is_accepted_and_each_wrong_one_is_told_its_fault(arguments, rules, right, wrong):
    assert verdict(right, arguments, rules) == exercises.RIGHT
    assert len(wrong) == len(rules)  # every rule has a function that breaks it
    for word, function in wrong.items():
        said = verdict(function, arguments, rules)
        assert said.startswith("Not yet: ") and word in said
