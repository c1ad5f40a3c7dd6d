"""Rows of the paper's tables from score files, differences, and the README's table."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from amc import intervals, metrics
from amc.base.errors import AmcError
from amc.runs import tables
from amc.runs.ablation import ablation
from amc.scores import Scores

V, M, C = 60, 3, 5


def scores(scheme: str = "sparse", modality: str = "rgb", *, seed: int = 0, skill: float = 1.5) -> Scores:
    """Scores of 60 videos whose logits follow the labels as far as `skill` says; the last behaviour never occurs."""
    rng = np.random.default_rng(0)
    labels = rng.random((V, C)) < [0.5, 0.3, 0.2, 0.1, 0]
    labels[0, 0] = True
    noise = np.random.default_rng(seed).normal(size=(V, M, C))
    experiment = ablation(scheme=scheme, modality=modality)[0].asdict()
    fit = {"losses": [0.5, 0.3], "validation": [0.2, 0.4], "best_epoch": 2, "is_improving": True, "seconds": 9.0}
    cost = {"frames_decoded": 12.0, "flow_pairs": 0.0, "seconds_per_video": 0.1}
    return Scores(
        ids=np.array([f"clip{v}" for v in range(V)]),
        names=np.array(list("abcde")),
        labels=labels,
        logits=(skill * (labels[:, None] - 0.5) + noise).astype(np.float32),
        frames=np.zeros((V, M, 4), np.int32),
        num_frames=np.full(V, 48, np.int32),
        species=np.array(["zebra", "lion", "zebra;lion"] * (V // 3)),
        meta={
            "experiment": experiment,
            "fit": fit,
            "cost": cost,
            "pretraining": {"weights": "", "seconds": 0.0},
            "train_positives": [400, 50, 30, 10, 2],
            "train_species": ["zebra", "fox"],
        },
    )


def test_a_cell_stands_in_every_table_that_the_paper_has_it_in():
    both = tables.rows(scores(), scores())
    assert [(row["table"], row["paper"]) for row in both] == [(2, 73.93), (3, 73.93)]
    (dense,) = tables.rows(scores("dense"), scores("dense"))
    assert (dense["table"], dense["paper"], dense["paper_metric"]) == (2, 68.0, "micro by inference")
    (extra,) = tables.rows(scores("dense", "flow"), scores("dense", "flow"))
    assert (extra["table"], extra["paper"]) == (None, None)


def test_numbers_of_a_row_are_those_of_scikit_learn_on_the_mean_of_the_classifiers():
    test = scores(seed=1)
    row, probs = tables.rows(scores(seed=2), test)[0], test.probs.mean(axis=1)
    macro = average_precision_score(test.labels[:, :4], probs[:, :4], average="macro")  # the fifth has no positive
    assert row["map_macro"] == pytest.approx(100 * macro, abs=1e-9)
    assert row["map_micro"] == pytest.approx(
        100 * average_precision_score(test.labels, probs, average="micro"), abs=1e-9
    )
    assert row["map_macro_low"] < row["map_macro"] < row["map_macro_high"]
    chance = metrics.expected_ap(test.labels[:, :4].sum(axis=0), len(test.labels)).mean()
    assert row["chance_macro"] == pytest.approx(100 * chance, abs=1e-9)
    predicted = probs >= row["threshold"]
    assert row["f1_micro"] == pytest.approx(100 * f1_score(test.labels, predicted, average="micro"), abs=1e-9)
    assert row["behaviours"] == 4


def test_the_threshold_comes_from_the_validation_scores_alone():
    test, shifted = scores(seed=1), scores(seed=2)
    shifted.logits[:] += 3
    plain = tables.rows(scores(seed=2), test)[0]["threshold"]
    assert tables.rows(shifted, test)[0]["threshold"] > plain
    assert tables.rows(scores(seed=2), shifted)[0]["threshold"] == plain


def test_species_kept_for_the_test_are_told_apart():
    assert tables.is_unseen(scores()).tolist() == [False, True, True] * (V // 3)


def test_a_difference_is_second_minus_first_and_is_read_with_its_interval():
    weak, strong = scores(seed=1, skill=0), scores(seed=1, skill=3)
    better = tables.compare(weak, strong)
    assert better["map_macro_difference"] > 10
    assert tables.reading("x", better).endswith("more.") and "macro mAP, 95 % interval" in tables.reading("x", better)
    assert "micro mAP, 95 % interval" in tables.reading("x", better, "map_micro")
    assert tables.reading("x", tables.compare(strong, weak)).endswith("less.")
    size = better["map_macro_difference"]
    assert "not found, being below" in tables.reading("x", better, least=size + 0.1)
    assert tables.reading("x", better, least=size - 0.1) == tables.reading("x", better)
    signs = [tables.direction(found) for found in (better, tables.compare(strong, weak))]
    assert signs == [1, -1] and tables.direction(better, least=size + 0.1) == 0
    nothing = tables.compare(weak, scores(seed=2, skill=0))
    assert tables.direction(nothing) == 0
    assert tables.reading("x", nothing).endswith("not significant (the 95 % interval includes 0).")


def test_seeds_of_a_system_are_compared_together_and_widen_the_interval():
    weak, strong = ([scores(seed=s, skill=skill) for s in range(3)] for skill in (1, 1.2))
    together = tables.compare(weak, strong)
    each = [tables.compare(a, b) for a, b in zip(weak, strong, strict=True)]
    assert together["map_macro_difference"] == pytest.approx(np.mean([found["map_macro_difference"] for found in each]))
    probs = [np.stack([one.probs.mean(axis=1) for one in system]) for system in (strong, weak)]
    assert together["map_micro_low"] == pytest.approx(
        100 * intervals.difference(weak[0].labels, *probs)["map_micro"]["low"]
    )
    same = tables.compare(weak[0], strong[0])
    assert tables.compare(weak[:1], strong[:1]) == same and together["map_micro_p"] != same["map_micro_p"]


def test_the_row_of_several_seeds_is_their_mean_with_an_interval_over_seeds_and_videos():
    val, tests = scores(seed=9), [scores(seed=s) for s in range(3)]
    tests[1].meta["fit"] |= {"is_improving": False, "seconds": 12.0}
    each = [tables.rows(val, test)[0] for test in tests]
    row = tables.rows([val] * 3, tests)[0]
    assert (row["seed"], row["seeds"], each[1]["seed"], each[1]["seeds"]) == (None, 3, 0, 1)
    for name in (*metrics.MAPS, "f1_micro", "head", "threshold", "training_seconds"):
        assert row[name] == pytest.approx(np.mean([one[name] for one in each]), abs=1e-12), name
    assert row["map_macro_sd"] == pytest.approx(np.std([one["map_macro"] for one in each], ddof=1), abs=1e-12)
    assert each[0]["map_macro_sd"] is None and row["still_improving"] is True and row["paper"] == each[0]["paper"]
    stacked = intervals.estimates(tests[0].labels, np.stack([test.probs.mean(axis=1) for test in tests]))
    assert (row["map_micro_low"], row["map_micro_high"]) == pytest.approx(
        [100 * end for end in stacked["map_micro"].interval()], abs=1e-12
    )


def test_score_files_of_other_videos_are_not_compared():
    other = scores()
    other.ids[0] = "another"
    with pytest.raises(AmcError, match="of different videos"):
        tables.compare(scores(), other)


def named(method: str, **changes) -> Scores:
    """Scores of another method of Table 1; the experiment of a blind one says as much, but it was never trained."""
    made = scores("sparse", "rgb+flow" if method == "AnimalMotionCLIP" else "rgb")
    made.meta["experiment"] |= {"method": method, **changes}
    return made


def test_rows_of_table_1_are_found_by_their_method_whatever_its_scheme():
    (ours,) = tables.rows(named("AnimalMotionCLIP"), named("AnimalMotionCLIP"), tables=(1,))
    assert (ours["table"], ours["paper"], ours["weights"]) == (1, 74.63, "synth-clip bundled")
    x3d = named("X3D", network="x3d-xs", sampling={"scheme": "clip", "num_windows": 3, "frames": 4, "stride": 12})
    (row,) = tables.rows(x3d, x3d, tables=(1,))
    assert (row["table"], row["paper"], row["paper_metric"]) == (1, 25.25, "macro")
    assert row["weights"] == "x3d-xs random" and (row["views"], row["frames"], row["stride"]) == (3, 4, 12)
    msqnet = named("MSQNet + pre-training", network="timesformer-small", init_from="synth-menagerie")
    assert tables.rows(msqnet, msqnet, tables=(1,))[0]["weights"] == (
        "timesformer-small synth-menagerie, synth-clip bundled"
    )


def test_a_blind_row_stands_in_no_table_of_the_papers_and_cost_nothing():
    blind = named("species prior")
    for key in ("fit", "cost", "pretraining"):
        del blind.meta[key]
    (row,) = tables.rows(blind, blind, tables=(1,))
    assert (row["table"], row["paper"], row["gflops"], row["scheme"], row["modality"]) == (None, None, None, "", "")
    assert "training_seconds" not in row and row["map_micro"] > 0
