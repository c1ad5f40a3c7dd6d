"""Answers of the other notebooks: known records in, sentences out, the disappointing and the partial ones too."""

import pytest

from amc.companion import answers

SMOKE, QUICK = {"size": "smoke"}, {"size": "quick"}


def values(name, value, low, high) -> dict:
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def method(name, epe, **more) -> dict:
    return {"method": name, "epe": epe, "low": epe - 0.2, "high": epe + 0.2, "clips": 24} | more


FLOW = {"flow_method": "dis", "max_px": 4.0}
STEPS = [method(name, epe, step=step) for step, name, epe in ((1, "nothing moves", 1.0), (1, "dis", 0.4))]
STEPS += [method("nothing moves", 10.0, step=16), method("dis", 9.0, step=16)]
MEASURED = {"steps": STEPS, "effect": [], "source": "a.mp4", "gain": {"epe": -1.0, "low": -1.5, "high": -0.6}}


def test_02_compares_the_estimate_with_zero_flow_and_says_what_was_not_measured():
    rows = [method("nothing moves", 1.6), method("dis", 0.6), method("raft-synth", 0.3)]
    said = answers.answer("02_flow_interleaving", FLOW, rows, MEASURED)
    assert said.startswith(
        "The flow of dis is off by 0.60 (95 % interval 0.40 to 0.80) px per frame over 24 clips, better than zero flow "
        "(nothing moves, 1.60 px) by 1.00 (0.60 to 1.50) px; the best is raft-synth with 0.30 px; dis removes 60 % of "
        "zero flow's error between neighbouring frames, 10 % between frames 16 apart. "
    )
    assert "full colour at 4 px per frame" in said
    assert said.endswith("What it is worth for recognition was not measured in this run (parameter effect).")


@pytest.mark.parametrize(
    "gain, words", [((1.0, 0.5, 1.5), "worse than zero flow (nothing moves, 1.60 px) by 1.00"),
                    ((0.1, -0.5, 0.7), "not significantly different from zero flow (nothing moves, 1.60 px)")]
)  # fmt: skip
def test_02_says_when_the_estimate_is_no_better_than_none(gain, words):
    origin = MEASURED | {"gain": dict(zip(("epe", "low", "high"), gain))}
    assert words in answers.answer(
        "02_flow_interleaving", FLOW, [method("nothing moves", 1.6), method("dis", 1.7)], origin
    )


def test_02_of_a_video_without_truth_and_with_an_effect():
    effect = [{"modality": "rgb+flow", "flow": "dis"} | values("more", 9.7, 3.1, 16.3)]
    said = answers.answer("02_flow_interleaving", FLOW, [], MEASURED | {"steps": [], "gain": {}, "effect": effect})
    assert said.startswith("No true flow is known of a.mp4, so the error of the estimate is not measured here.")
    assert "Frames with the flow of dis have +9.7 (95 % interval +3.1 to +16.3) points of macro mAP" in said
    effect = [{"modality": "rgb+flow", "flow": "true"} | values("more", 1.0, -3.0, 5.0)]
    assert "not significant" in answers.answer(
        "02_flow_interleaving", FLOW, [], MEASURED | {"gain": {}, "effect": effect}
    )


def changed(name, angle, rank, macro) -> dict:
    found = {"change": name, "clips": 24} | values("angle", *angle) | values("rank", *rank)
    return found | values("map_macro_change", *macro)


STILL = ((0.003, 0.002, 0.004), (1.0, 1.0, 1.0), (0.0, -0.1, 0.1))
INTACT = {"change": "intact", "clips": 24, "chance_macro": 22.8} | values("map_macro", 61.0, 48.0, 72.0)
OTHER = changed("another video", (60.0, 55.0, 65.0), (0.5, 0.4, 0.6), (-40.0, -52.0, -27.0))


def inside(reversed_by=STILL, rest=STILL, *, intact=INTACT, size="quick", trained=True) -> str:
    rows = [intact, changed("slots reversed", *reversed_by), OTHER]
    rows += [changed("flow at rest", *rest)] if rest else []
    origin = {"weights": "bundled weights", "sensitivity": rows}
    return answers.answer("06_inside_the_model", {"size": size, "trained": trained}, [], origin)


def test_06_says_that_an_order_that_changes_nothing_is_hardly_used_and_what_this_means():
    said = inside()
    assert said.startswith(
        "24 test clips, bundled weights, macro mAP 61.0 (95 % interval 48.0 to 72.0), chance 22.8; the"
    )
    assert "Order: reversing the slots turns it by 0.003 degrees (0.002 to 0.004)" in said
    assert "so their order is hardly used: to this model, the slots are a set of pictures, not a sequence." in said
    assert said.endswith("so motion is hardly used.")


def test_06_tells_a_use_that_mAP_shows_from_one_that_it_does_not():
    far = ((26.0, 20.0, 32.0), (0.8, 0.7, 0.9))
    assert "so motion is used, and its loss costs mAP." in inside(rest=(*far, (-6.0, -9.0, -3.0)))
    assert "so motion is used, but mAP is higher without it." in inside(rest=(*far, (6.0, 3.0, 9.0)))
    unclear = inside((*far, (-6.0, -20.0, 9.0)))
    assert "their order moves the embedding or the ranking, but no effect on mAP is shown." in unclear
    assert "set of pictures" not in unclear
    assert "so their order is used" in inside((*STILL[:2], (-1.0, -1.5, -0.5)))  # still, and yet it costs mAP


def test_06_names_the_attention_between_frames_and_flow_where_there_are_both():
    rows = [{"layer": 4, "frame → flow": 0.3, "flow → frame": 1.6}]
    record = {"weights": "w", "sensitivity": [INTACT, changed("slots reversed", *STILL), OTHER]}
    said = answers.answer("06_inside_the_model", QUICK | {"trained": True}, rows, record)
    assert "in the last layer, frames attend to flow with 0.30 of uniform attention, flow to frames with 1.60." in said
    rows = [{"layer": 4, "frame → frame": 1.0}]
    assert "attend" not in answers.answer("06_inside_the_model", QUICK | {"trained": True}, rows, record)


def test_06_says_when_the_model_knows_nothing_and_when_its_slots_hold_no_flow():
    ignorant = INTACT | values("map_macro", 24.0, 10.0, 40.0)
    said = inside(intact=ignorant, size="smoke")
    assert said.startswith("At size smoke the model knows nothing yet, so what they use"[:45])
    assert "These weights know nothing, so what" in inside(intact=ignorant, trained=False)
    assert inside(rest=None).endswith("Motion: these slots hold no flow.")


def bout(behaviour, start, stop) -> dict:
    return {"behaviour": behaviour, "start_s": start, "stop_s": stop, "duration_s": stop - start}


CURVE = [
    {"clips": n, "chance_macro": 7.1} | values("map_macro", *m) for n, m in ((8, (34, 32, 41)), (512, (36, 33, 42)))
]
FILM = {"stamp": "", "length_s": 20.0, "agreement": [], "out_of_distribution": 0.08, "learning_curve": CURVE}
FILM |= {
    "recovered": [
        {"name": n, "value": v, "low": v - 0.1, "high": v + 0.1, "films": 6}
        for n, v in (("bout F1", 0.2), ("frame F1", 0.5))
    ]
}


def test_07_names_the_longest_behaviours_and_how_far_to_trust_them():
    said = answers.answer("07_your_own_video", QUICK, [bout("Eating", 4, 14), bout("Walking", 0, 5)], FILM)
    assert said.startswith(
        "The model finds 2 bouts of 2 behaviours in 20.0 s, the longest are Eating 50 % and Walking 25 % of the time; "
        "the first is Walking from 0.0 to 5.0 s. On 6 films of known events bout F1 is 0.20 (95 % interval "
        "0.10 to 0.30) and frame F1 is 0.50 (0.40 to 0.60); "
    )
    assert "8 % of the frames are unlike the training clips" in said
    assert said.endswith("the intervals overlap, so no gain by more labels is shown.")
    more = [CURVE[0], CURVE[1] | values("map_macro", 60, 50, 70)]
    assert answers.answer("07_your_own_video", QUICK, [], FILM | {"learning_curve": more}).endswith("more labels help.")


def test_07_says_when_no_behaviour_is_found_and_nothing_is_known_of_its_accuracy():
    own = FILM | {"recovered": [], "stamp": "ZERO-SHOT", "out_of_distribution": None}
    said = answers.answer("07_your_own_video", SMOKE, [], own)
    assert said.startswith("No behaviour reaches its threshold, so the model says nothing about this video.")
    assert "The weights are stamped: ZERO-SHOT; its accuracy on this video is not known" in said
    agreed = [{"kappa": 0.2}, {"kappa": None}, {"kappa": 0.4}]
    assert "the mean kappa with the given annotation is 0.30" in answers.answer(
        "07_your_own_video", SMOKE, [], own | {"agreement": agreed}
    )


SPECIES = {"method": "species"} | values("map_macro", 28.9, 28.4, 32.5) | values("map_micro", 51.3, 50.0, 52.4)
AUDIT = {"above": {}, "leakage": {"test_clips_concerned": 0}, "effect": 0.7, "shared_noise": 0.84}
AUDIT |= {"smallest_differences": [{"share": s, "map_macro": 2.0 - s, "map_micro": 1.0 - s} for s in (0.8, 0.9)]}
AUDIT |= {
    "small_split_bias": [{"bias": 1.5, "error": 0.1}],
    "source_gain": {"difference": 0.4, "low": 0.1, "high": 0.7},
}


def test_08_without_leaderboard_or_leak():
    said = answers.answer("08_benchmark_audit", {"dataset": "synth"}, [SPECIES], AUDIT)
    assert said.startswith(
        "On the labels of synth, a predictor that knows only the species has 28.9 (95 % interval 28.4"
    )
    assert "published" not in said and "No test clip shares a source with training" in said
    assert "from 1.2 points of macro and 0.2 of micro mAP on" in said
    assert "the paper's effect of flow, 0.7 points, would be more than noise in micro mAP" in said
    large = answers.answer("08_benchmark_audit", {"dataset": "synth"}, [SPECIES], AUDIT | {"effect": 0.1})
    assert "0.1 points, would be not more than noise in either" in large
    assert said.endswith("macro mAP of such a split is +1.5 (+1.3 to +1.7) points off that of all clips there are.")


def test_08_with_a_leaderboard_and_a_leak():
    leak = {"test_clips_concerned": 5375, "test_clips": 6096, "gap": (0.023, 0.01, 0.036)}
    above = {"species, macro": ["X3D", "I3D, its best variant"], "species, micro": ["no published system"]}
    said = answers.answer(
        "08_benchmark_audit", {"dataset": "animal-kingdom"}, [SPECIES], AUDIT | {"leakage": leak, "above": above}
    )
    assert "above the published macro numbers of X3D and I3D (its best variant) and the micro numbers of no pu" in said
    assert (
        "5375 of 6096 test clips seem to share a source with training, whose labels are more alike than those" in said
    )
    assert "knowing the source adds +0.4 (+0.1 to +0.7) points of macro mAP to the species, a gain." in said


def system(question, name, macro, low, high, **more) -> dict:
    return {"question": question, "system": name, "macro": macro, "low": low, "high": high} | more


NAMED = [
    system("behaviours", "trained on it", 40, 33, 48, chance=6.0),
    system("behaviours", "held out", 25, 18, 33, chance=6.0),
]
GAINS = {
    name: {"difference": d, "low": d - 5, "high": d + 5}
    for name, d in (("training on others", -2), ("their labels", 15))
}


FOUND = {"gains": GAINS, "behaviours": [{"videos": 23}, {"videos": 4}]}


def test_09_judges_new_animals_and_names_by_intervals():
    groups = (("known animals", 49, 45, 57), ("new animals", 44, 42, 63))
    rows = [
        system("animals", name, m, low, high, group=g)
        for name in ("AnimalMotionCLIP", "species prior")
        for g, m, low, high in groups
    ]
    said = answers.answer("09_unseen", QUICK, rows + NAMED, FOUND)
    assert (
        "AnimalMotionCLIP has 49.0 (95 % interval 45.0 to 57.0) macro mAP on known animals and 44.0 (42.0 to 63.0) on"
        in said
    )
    assert said.count("no decrease is shown") == 2
    assert "By name alone, the 2 held-out behaviours have 25.0 (18.0 to 33.0) macro mAP, above chance, 6.0." in said
    assert "Training on the other behaviours changes this by -2.0 (-7.0 to +3.0) points, not significant" in said
    assert "having their labels changes it by +15.0 (+10.0 to +20.0) points, a gain" in said
    rows[1] = system("animals", "AnimalMotionCLIP", 30, 25, 36, group="new animals")
    assert "30.0 (25.0 to 36.0) on new ones, lower on new ones" in answers.answer(
        "09_unseen", QUICK, rows + NAMED, FOUND
    )


def test_09_without_new_animals_and_with_a_model_that_knows_nothing():
    ignorant = [system("behaviours", name, 6, 4, 9, chance=6.0) for name in ("trained on it", "held out")]
    said = answers.answer("09_unseen", SMOKE, ignorant, FOUND)
    assert said.startswith(
        "No test clip shows a new animal, so these are not measured. At size smoke the model knows nothing"
    )
    assert "macro mAP, not significantly different from chance, 6.0." in said
    rare = answers.answer("09_unseen", QUICK, NAMED, FOUND | {"behaviours": [{"videos": 4}, {"videos": 1}]})
    assert "above chance, 6.0, but none of them has 5 clips, too few to conclude from." in rare
