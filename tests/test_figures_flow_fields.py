"""Pictures of flow fields show what they were given, with errors on one scale and a key in pixels."""

import numpy as np

from amc.figures import Key
from amc.figures import flow_fields as drawn

FRAME = np.zeros((3, 8, 12), np.uint8)


def test_errors_stand_below_their_pictures_on_one_scale():
    errors = {"dis": np.full((8, 12), 0.5), "raft-small": np.full((8, 12), 2.0)}
    key = Key(FRAME, 4.0)
    figure = drawn.fields(FRAME, {"true": FRAME, "dis": FRAME, "raft-small": FRAME}, errors, label="an error", key=key)
    maps = [axes for axes in figure.axes if axes.get_xlabel().startswith("picture")]
    assert [axes.get_xlabel() for axes in maps] == ["picture 0.50", "picture 2.00"]
    assert {axes.images[0].get_clim() for axes in maps} == {(0, 2.0)}
    told = "Smallest an error on this frame, on average: 0.50 pixels on the whole picture by DIS"
    assert figure.get_suptitle().replace("\n", " ") == told
    [scale] = figure.axes[5].child_axes  # left of the first map
    assert scale.get_yticklabels()[-1].get_text() == "2 or more"
    [inset] = figure.axes[3].child_axes
    assert inset.get_xlabel().endswith("full colour: from 4\npixels per frame on")
    assert scale.get_ylabel() == "an error,\npixels"


def test_worst_cases_share_one_scale_of_errors():
    rows = {"night": (FRAME, FRAME, FRAME, np.full((8, 12), 1.0)), "occlusion": (FRAME,) * 3 + (np.full((8, 12), 3.0),)}
    figure = drawn.worst_cases(rows, method="dis")
    told = "In its worst cases DIS is wrong by 1.0 to 3.0 pixels on average: night and hidden parts"
    assert figure.get_suptitle().replace("\n", " ") == told
    axes = figure.axes
    assert [a.get_ylabel() for a in (axes[0], axes[4])] == ["night\nerror 1.0 pixels", "hidden parts\nerror 3.0 pixels"]
    assert {a.images[0].get_clim() for a in (axes[3], axes[7])} == {(0, 3.0)}


def test_infinite_errors_do_not_spoil_the_mean():
    error = np.full((8, 12), 0.25)
    error[0] = np.inf
    figure = drawn.fields(FRAME, {"dis": FRAME}, {"dis": error})
    assert "picture 0.25" in [axes.get_xlabel() for axes in figure.axes]


def test_the_error_of_the_animal_alone_is_told_where_it_is_known():
    animal = np.zeros((8, 12), bool)
    animal[:2, :2] = True
    errors = {"dis": np.where(animal, 3.0, 0.5), "raft-small": np.where(animal, 1.0, 2.0)}
    figure = drawn.fields(FRAME, {"dis": FRAME, "raft-small": FRAME}, errors, animal=animal)
    labels = [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()]
    assert labels == ["picture 0.60\nanimal 3.00", "picture 1.96\nanimal 1.00"]
    told = "0.60 pixels on the whole picture by DIS, 1.00 pixels on the animal by RAFT small"
    assert figure.get_suptitle().replace("\n", " ").endswith(told)


def test_a_field_tells_the_motion_of_background_and_animal_apart_where_it_is_known():
    vectors, animal = np.zeros((2, 8, 12)), np.zeros((8, 12), bool)
    vectors[0], animal[:2, :2] = -4, True
    vectors[:, :2, :2] = [[[0]], [[1]]]
    key = Key(FRAME, 4.0)
    told = drawn.motion_field(FRAME, vectors, {"flow": FRAME}, key, animal=animal).get_suptitle().replace("\n", " ")
    moves = "the background moves 4.0 pixels left, most of the animal moves 1.0 pixels down"
    assert told == f"Until the next frame, {moves}"
    known = drawn.motion_field(FRAME, vectors, {"flow": FRAME}, key, animal=animal, true=0 * vectors)
    assert known.get_supxlabel() == f"estimate: {moves}\ntruth: the background rests, most of the animal rests"


def test_scales_tell_how_much_the_pictures_of_two_motions_differ():
    rows = {"on its own": {"slow": FRAME, "fast": FRAME}, "on one": {"slow": FRAME + 51, "fast": FRAME}}
    figure = drawn.scales(FRAME, rows, keys=[Key(FRAME, 4.0, "much"), Key(FRAME, 4.0)])
    assert [axes.get_title() for axes in figure.axes[1:]] == ["slow", "fast"] * 2
    told = figure.get_suptitle().replace("\n", " ")
    assert told.endswith("on its own they look the same; on one they differ")
    keys = [axes.child_axes[0].get_xlabel() for axes in figure.axes[2::2]]
    assert [key.partition("full colour: ")[2] for key in keys] == ["much", "from 4\npixels per frame on"]
