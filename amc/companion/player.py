"""A video player beside the ethogram, with a moving cursor; a click or an arrow key there seeks. It needs no server.

A short video file and a figure in, HTML out. Both are embedded, so it works wherever a notebook's output is shown.
"""

import html
from base64 import b64encode
from pathlib import Path

from IPython.display import HTML
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from amc.base.errors import AmcError
from amc.companion.widgets import KEEP_KEYS
from amc.figures import show
from amc.figures.style import source, styled

TALL = "max-height:60vh"  # so that both are in sight together, on small screens too
MOST_BYTES = 20_000_000  # of a video in a notebook; for a larger one, open the annotated copy on disk


def player(path: Path, figure: Figure, seconds: float, *, alt: str) -> HTML:
    """The video, H.264, beside the figure, whose first axes show time from 0 to `seconds` in any unit.

    Where there is little room the figure is below it. A click on the figure moves the video to that time; with the
    focus on the figure, arrow keys move it by a second, Home and End to its ends.

    Raises AmcError for a video that is too large for a notebook.
    """
    if (size := path.stat().st_size) > MOST_BYTES:
        raise AmcError(f"{path}: {size / 1e6:.0f} MB is too large for a player in a notebook; open it on disk")
    picture = show(figure, alt)
    left, right = _extent(figure)
    video = b64encode(path.read_bytes()).decode()
    alt = html.escape(alt, quote=True)
    # One handler on the video moves the line; it needs no name, which could clash with a second player's.
    move = (
        f"const bar = this.parentElement.querySelector('[role=slider]'); "
        f"bar.setAttribute('aria-valuenow', this.currentTime.toFixed(1)); bar.querySelector('i').style.left = "
        f"(100 * ({left:.5f} + {right - left:.5f} * this.currentTime / {seconds:.6f})) + '%'"
    )
    seek = (
        f"const box = this.getBoundingClientRect(); "
        f"const part = ((event.clientX - box.left) / box.width - {left:.5f}) / {right - left:.5f}; "
        f"this.closest('.amc-player').querySelector('video').currentTime = "
        f"{seconds:.6f} * Math.min(1, Math.max(0, part))"
    )
    keys = (
        f"const video = this.closest('.amc-player').querySelector('video'); const now = video.currentTime; "
        f"const to = {{ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, Home: 0, "
        f"End: {seconds:.6f}}}[event.key]; if (to !== undefined) {{ event.preventDefault(); "
        f"video.currentTime = Math.min({seconds:.6f}, Math.max(0, to)) }}"
    )
    slider = (
        f'role="slider" tabindex="0" aria-label="Time of the video, seconds" aria-valuemin="0" '
        f'aria-valuemax="{seconds:.1f}" aria-valuenow="0" onclick="{seek}" onkeydown="{keys}"'
    )
    line = "position:absolute;top:0;bottom:0;width:2px;background:#AA1133;pointer-events:none"
    return HTML(
        f'<div class="amc-player" style="display:flex;flex-wrap:wrap;gap:8px;align-items:start" '
        f'onkeydown="{KEEP_KEYS}">'
        f'<video controls muted style="flex:1 1 240px;min-width:0;{TALL}" src="data:video/mp4;base64,{video}" '
        f'aria-label="{alt}" ontimeupdate="{move}" onseeking="{move}"></video>'
        # The box that is clicked is as wide as the picture, also where its height is what limits it.
        f'<div style="flex:2 1 480px;min-width:0"><div {slider} style="position:relative;width:fit-content;'
        f'cursor:pointer"><img style="display:block;max-width:100%;{TALL}" alt="{alt}" src="{source(picture)}">'
        f'<i style="{line};left:{100 * left:.3f}%"></i></div></div></div>'
    )


@styled  # the position of the axes depends on fonts
def _extent(figure: Figure) -> tuple[float, float]:
    """Where the first axes begin and end in the picture that `figures.show` makes, as parts of its width."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    tight = figure.get_tightbbox(canvas.get_renderer()).padded(0.1)  # inches, as figures.style saves it
    box = figure.axes[0].get_position()
    wide = figure.get_figwidth()
    return (box.x0 * wide - tight.x0) / tight.width, (box.x1 * wide - tight.x0) / tight.width
