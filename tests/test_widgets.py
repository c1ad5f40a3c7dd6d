"""A control moves the figure; what goes wrong is said in its place; a slow figure waits for its button."""

import ipywidgets
import pytest
from matplotlib.figure import Figure

from amc.base.errors import AmcError
from amc.companion import widgets


def draw(*, scheme: str, size: int) -> Figure:
    """A figure whose picture depends on both values; size 3 is a mistake of the user's, 4 one of the code's."""
    if size == 3:
        raise AmcError("size: 3 is not allowed")
    figure = Figure((size, 1))
    figure.text(0.1, 0.1, scheme, fontsize=10 * size)
    return figure if size != 4 else 1 / 0


@pytest.fixture
def controls() -> dict:
    schemes = widgets.choose("Scheme", ["dense", "sparse"], "dense")
    return {"scheme": schemes, "size": widgets.count("Size", 1, 4, 1)}


def shown(panel: ipywidgets.VBox) -> dict:
    [output] = panel.children[-1].outputs
    return output


def test_the_figure_is_there_at_once_with_its_alternative_text(controls):
    output = shown(widgets.explore(draw, controls, alt='a "scheme"'))
    assert 'alt="a &quot;scheme&quot;"' in output["data"]["text/html"]
    assert '<img src="data:image/png;base64,' in output["data"]["text/html"]


def test_a_moved_control_changes_the_picture_and_back_again(controls):
    panel = widgets.explore(draw, controls, alt="a scheme")
    pictures = [shown(panel)["data"]["text/html"]]
    for control, value in (("size", 2), ("scheme", "sparse"), ("scheme", "dense"), ("size", 1)):
        controls[control].value = value
        pictures.append(shown(panel)["data"]["text/html"])
    assert len(set(pictures[:3])) == 3
    assert pictures[3] == pictures[1] and pictures[4] == pictures[0]


def test_an_error_is_said_in_place_of_the_figure_and_the_next_figure_replaces_it(controls):
    panel = widgets.explore(draw, controls, alt="a scheme")
    controls["size"].value = 3
    assert shown(panel)["text"] == "size: 3 is not allowed\n"
    controls["size"].value = 4
    assert shown(panel)["text"] == "ZeroDivisionError: division by zero\n"
    controls["size"].value = 2
    assert "data" in shown(panel)


def test_a_slow_figure_is_drawn_by_its_button_only_and_says_at_once_that_it_is_being_drawn(controls):
    panel = widgets.explore(draw, controls, alt="a scheme", slow=True)
    controls["size"].value = 2
    assert "press Run" in shown(panel)["text"]
    [button] = [child for child in panel.children if isinstance(child, ipywidgets.Button)]
    said = []
    panel.children[-1].observe(lambda change: said.append(change.new[0].get("text", "a figure")), names="outputs")
    button.click()
    assert said == ["Drawing …\n", "a figure"] and "data" in shown(panel)


def test_every_control_has_a_label_and_waits_until_it_rests():
    level = widgets.level("Threshold", 0, 1, 0.5, step=0.1)
    assert (level.description, level.continuous_update, level.step) == ("Threshold", False, 0.1)
    whole = widgets.count("M", 1, 8, 3)
    assert (whole.description, whole.continuous_update, whole.min, whole.max) == ("M", False, 1, 8)
    chosen = widgets.choose("Clip", {"a fox": 7, "a frog": 8}, 8)
    assert (chosen.description, chosen.label, chosen.value) == ("Clip", "a frog", 8)
    assert isinstance(chosen, ipywidgets.RadioButtons)
    assert isinstance(widgets.choose("Clip", range(6), 0), ipywidgets.Dropdown), "too many to show all of them"
