"""Interactive figures for the notebooks: a pure function that draws, and controls for its arguments.

Every control has a label, is reached with Tab and moved with the arrow keys. It does not pass on the keys pressed in
it: JupyterLab would take them as shortcuts that delete and insert cells. A figure is drawn when a control is released,
or, if drawing is slow, when the Run button is pressed. An error while drawing is shown in place of the figure: an
exception in a callback would otherwise only be in a log.
"""

import html
from collections.abc import Callable, Mapping, Sequence

import ipywidgets
from IPython.display import Image
from matplotlib.figure import Figure

from amc.base.errors import AmcError
from amc.figures.style import preview, source

LABEL = {"description_width": "10em"}
LAYOUT = {"width": "30em"}
FEW = 5  # options that are all shown
PANEL = "amc-controls"
# JupyterLab listens for shortcuts at the document: a key whose propagation is stopped never gets there. Keys with Ctrl,
# Alt or ⌘ do, so that Ctrl S still saves the notebook. An attribute, `onkeydown`, of the controls' container.
KEEP_KEYS = "if (!(event.ctrlKey || event.altKey || event.metaKey)) event.stopPropagation()"
# A slider's handle has no name for screen readers, its label stands beside it. It may come after this code.
NAME_SLIDERS = (
    "panel.querySelectorAll('.widget-slider').forEach(slider => slider.querySelector('.noUi-handle')"
    ".setAttribute('aria-label', slider.querySelector('.widget-label').innerText))"
)
# From Python, widgets can get classes but no attributes: this code in the panel sets them once it is on the page.
SET_ON_PANEL = (
    f"<style onload=\"const panel = this.closest('.{PANEL}'); panel.setAttribute('onkeydown', '{KEEP_KEYS}'); "
    f'setTimeout(() => {NAME_SLIDERS}, 1000)">.{PANEL} > .widget-html {{ display: none }}</style>'
)


def choose(
    label: str, options: Sequence | Mapping[str, object], value: object
) -> ipywidgets.RadioButtons | ipywidgets.Dropdown:
    """Radio buttons, or a drop-down list for more than FEW options; for a mapping: shows keys, returns values."""
    shared = {"description": label, "options": options, "value": value, "style": LABEL}
    if len(options) > FEW:
        return ipywidgets.Dropdown(layout=LAYOUT, **shared)
    return ipywidgets.RadioButtons(orientation="horizontal", layout={"width": "auto", "min_width": "30em"}, **shared)


def count(label: str, low: int, high: int, value: int) -> ipywidgets.IntSlider:
    """A slider of whole numbers from `low` to `high`."""
    bounds = {"min": low, "max": high, "value": value}
    return ipywidgets.IntSlider(description=label, continuous_update=False, style=LABEL, layout=LAYOUT, **bounds)


def level(label: str, low: float, high: float, value: float, *, step: float) -> ipywidgets.FloatSlider:
    """A slider of numbers from `low` to `high`, `step` apart."""
    bounds = {"min": low, "max": high, "value": value, "step": step}
    return ipywidgets.FloatSlider(description=label, continuous_update=False, style=LABEL, layout=LAYOUT, **bounds)


def explore(
    draw: Callable[..., Figure], controls: Mapping[str, ipywidgets.Widget], *, alt: str, slow: bool = False
) -> ipywidgets.VBox:
    """`controls` above the figure that `draw` returns for their values, each under the name of its argument.

    alt: what the figure shows, for those who cannot see it; slow: draw when Run is pressed, not at every change.
    """
    place = ipywidgets.Output()

    def redraw(_: object = None) -> None:
        """Replace the figure by that of the current values, or by an error message."""
        if slow:
            place.outputs = (_line("Drawing …"),)
        try:
            figure = draw(**{name: control.value for name, control in controls.items()})
            shown = {"output_type": "display_data", "data": _picture(preview(figure, alt), alt), "metadata": {}}
        except AmcError as error:
            shown = _line(str(error))
        except Exception as error:  # a callback has no caller to catch it
            shown = _line(f"{type(error).__name__}: {error}")
        place.outputs = (shown,)

    rows = [ipywidgets.HBox(list(controls.values()), layout={"flex_flow": "row wrap"})]
    if slow:
        button = ipywidgets.Button(description="Run", tooltip="Draw the figure for these values", icon="play")
        button.on_click(redraw)
        rows.append(button)
        place.outputs = (_line("Set the controls, then press Run."),)
    else:
        for control in controls.values():
            control.observe(redraw, names="value")
        redraw()
    panel = ipywidgets.VBox([ipywidgets.HTML(SET_ON_PANEL), *rows, place])
    return panel.add_class(PANEL)


def _picture(picture: Image, alt: str) -> dict:
    """The picture as HTML: JupyterLab ignores the alternative text in an image's metadata."""
    shown = f'<img src="{source(picture)}" alt="{html.escape(alt, quote=True)}" width="{picture.width}">'
    return {"text/html": shown, "text/plain": alt}


def _line(text: str) -> dict:
    return {"output_type": "stream", "name": "stdout", "text": f"{text}\n"}
