"""Terms are explained in the picture, and everything that a figure names has a name."""

import inspect

from matplotlib.figure import Figure

from amc import flow, interleave, sampling
from amc.baselines import species_prior
from amc.companion import controls, errors
from amc.ethogram import evidence
from amc.figures import style, words


def test_terms_are_explained_with_the_keys_of_a_legend_or_below_the_figure():
    figure = Figure((style.WIDTH, 3))
    figure.supxlabel("a row: a clip")
    words.explain(figure, "F1", "mAP")
    row, *told = figure.get_supxlabel().split("\n")
    assert row == "a row: a clip" and [line.partition(":")[0] for line in told] == ["F1", "mAP"]
    figure = Figure((style.WIDTH, 3))
    figure.subplots().plot([0, 1], label="a line")
    legend = figure.legend()
    words.explain(figure, "classifier")
    assert legend.get_title().get_text() == f"classifier: {words.MEANINGS['classifier']}"
    assert figure.get_supxlabel() == ""


def test_every_term_is_one_line_in_the_widest_figure():
    for term in words.MEANINGS:
        figure = Figure((style.WIDTH, 3))
        words.explain(figure, term)
        assert "\n" not in figure.get_supxlabel()


def test_a_stamp_names_on_a_picture_what_it_shows_in_plain_words():
    stamp = "RANDOM WEIGHTS, FEW CLIPS to train on: Licking 2, Eating 4 and 3 more, NOT ABOVE CHANCE: mAP 3 %"
    told = words.doubts(stamp, ["Eating", "Walking"]).split("; ")
    assert told[:2] == ["RANDOM WEIGHTS", "too few clips to trust: Eating"]
    assert told[2:] == ["NOT ABOVE CHANCE: mAP 3 %", "more such behaviours: see the tables"]
    alone = "THRESHOLDS AT CHANCE: Eating"
    assert words.doubts(alone, ["Eating"]) == "found no better than by chance: Eating"
    assert words.doubts(alone) == "some behaviours: found no better than by chance (see the tables)"
    assert words.doubts("") == ""


def test_every_warning_that_names_behaviours_has_plain_words():
    text = inspect.getsource(evidence)
    for kind in words.DOUBTS:
        assert kind.replace("train on", "{use} on").replace("validate on", "{use} on") in text


def test_every_scheme_modality_flow_method_and_kind_of_error_has_a_name():
    assert set(words.SCHEMES) == set(sampling.SCHEMES)
    assert set(words.INPUTS) == set(interleave.MODALITIES)
    assert set(words.FLOW) >= set(flow.METHODS)
    assert set(words.CONTROLS) == set(controls.CONTROLS)
    assert set(words.BLIND) == set(species_prior.BLIND)
    assert set(words.ERRORS) == {*errors.KINDS, "none of these"}
