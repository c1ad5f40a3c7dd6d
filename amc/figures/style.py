"""The common style of all figures: one look, one meaning per colour, pictures with alternative text.

Matplotlib Figures in; no tensor, model or pyplot state. Most colours are Paul Tol's, safe for the colour-blind;
those of one group are distinct in grey. A figure takes all its colours from here.
"""

import io
import textwrap
from base64 import b64encode
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from IPython import display
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.transforms import ScaledTranslation
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from amc.base import paths
from amc.base.errors import AmcError

SCHEME_COLORS = {"dense": "#DDAA33", "semi-dense": "#AA4499", "sparse": "#004488"}
MODALITY_COLORS = {"rgb": "#88CCEE", "flow": "#CC6677", "rgb+flow": "#332288"}
FLOW_COLORS = {  # methods of one family in one hue
    "dis": "#663311", "dis-fast": "#AA7744", "dis-ultrafast": "#DDBB99",
    "raft-large": "#225555", "raft-small": "#448888", "raft-synth": "#99CCBB",
}  # fmt: skip
BAND_COLORS = {"head": "#666622", "middle": "#999933", "tail": "#CCCC88"}  # of behaviours, by training clips
MODEL, HUMAN, TRUTH, WARNING, ATTENTION = "#009988", "#EE7733", "#117733", "#AA1133", "#EE3377"
INK, SHADE, PALE = "#222222", "#777777", "#E4E4E4"
MARKERS = {"macro": "o", "micro": "s"}  # the averaging of an mAP
WIDTH = 11  # inches, the same for all figures, so that fonts look the same in all of them
DPI = 100  # dots per inch of every figure, on disk and in a notebook
SHOWN_DPI = 88  # screen pixels per inch in a notebook
JPEG = {"quality": 88, "subsampling": 0}  # colours at full resolution; ΔE below 1 on average (CIE 1976)
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
STYLE = {
    "font.size": 13, "axes.titlesize": 14, "axes.labelsize": 13, "xtick.labelsize": 12, "ytick.labelsize": 12,
    "legend.fontsize": 12, "axes.edgecolor": SHADE, "axes.spines.top": False, "axes.spines.right": False,
    "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "hatch.color": SHADE,
    "text.parse_math": False,  # a behaviour's name may hold dollar signs
}  # fmt: skip
styled = mpl.rc_context(STYLE)


def show(figure: Figure, alt: str, *, name: str = "") -> display.Image:
    """The figure as Jupyter displays it, with `alt` for those who cannot see it; the last line of a cell.

    A lossless PNG or, for a figure with pictures, a JPEG with colours at full resolution if that is smaller.
    JupyterLab, nbconvert and GitHub show both. Never a palette.
    name: also `save` it under this name. Raises AmcError when `alt` is empty.
    """
    if not alt.strip():
        raise AmcError("alt: empty; write a sentence on what the figure shows")
    drawn = _draw(figure)
    if name:
        _save(figure, drawn, name, alt)
    kept = {"png": _png(drawn)}
    if _has_pictures(figure):
        kept["jpeg"] = _jpeg(drawn)
    kind = min(kept, key=lambda kind: len(kept[kind]))
    width = round(SHOWN_DPI * figure.get_figwidth())  # the same width at any resolution
    return display.Image(data=kept[kind], format=kind, alt=alt, width=width)


@styled
def preview(figure: Figure, alt: str) -> display.Image:
    """The figure for a control, which draws it again and again: at screen resolution, drawn and encoded once.

    It costs half as much as `show`: what a layout engine does not know of is not searched for, and may be cut off.
    """
    figure.set_dpi(SHOWN_DPI)
    canvas, stored = FigureCanvasAgg(figure), io.BytesIO()
    canvas.draw()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    kind = "jpeg" if _has_pictures(figure) else "png"
    drawn.save(stored, format=kind, **(JPEG if kind == "jpeg" else {"compress_level": 3}))
    return display.Image(stored.getvalue(), format=kind, alt=alt, width=drawn.width)


def _has_pictures(figure: Figure) -> bool:
    """Whether the figure has pictures, which are no heat maps."""
    return any(image.get_array().ndim == 3 for image in figure.findobj(AxesImage))


def source(picture: display.Image) -> str:
    """A picture from `show` as the source of an HTML image: a data URI."""
    return f"data:image/{picture.format};base64,{b64encode(picture.data).decode()}"


def save(figure: Figure, name: str, alt: str) -> Path:
    """Write `<name>.png`, lossless, and `.pdf` into `figures` of `paths.reports()`, atomically; returns the PNG's path.

    alt: stored in both (the PNG's text `Description`, the PDF's subject), for the index of the reports.
    """
    return _save(figure, _draw(figure), name, alt)


def _save(figure: Figure, drawn: Image.Image, name: str, alt: str) -> Path:
    path = _store(drawn, paths.reports() / "figures" / f"{name}.png", alt)
    with mpl.rc_context(STYLE), paths.atomic(path.with_suffix(".pdf")) as temporary:
        about = {"Title": name, "Subject": alt, "CreationDate": None}
        figure.savefig(temporary, format="pdf", bbox_inches="tight", pad_inches=0.1, metadata=about)
    return path


def write(figure: Figure, path: Path, alt: str) -> Path:
    """Write the figure to `path` as a lossless PNG that contains `alt`, atomically."""
    return _store(_draw(figure), path, alt)


def _store(drawn: Image.Image, path: Path, alt: str) -> Path:
    with paths.atomic(path) as temporary:
        temporary.write_bytes(_png(drawn, alt))
    return path


@styled  # ticks are made when a figure is drawn
def _draw(figure: Figure) -> Image.Image:
    stored = io.BytesIO()
    look = {"dpi": DPI, "facecolor": "white", "bbox_inches": "tight", "pad_inches": 0.1}
    figure.savefig(stored, format="png", pil_kwargs={"compress_level": 0}, **look)
    return Image.open(stored).convert("RGB")


def _png(drawn: Image.Image, description: str = "") -> bytes:
    about, stored = PngInfo(), io.BytesIO()
    about.add_itxt("Description", description)
    drawn.save(stored, format="png", optimize=True, pnginfo=about)
    return stored.getvalue()


def _jpeg(drawn: Image.Image) -> bytes:
    stored = io.BytesIO()
    try:  # a sixth smaller with the same pixels
        drawn.save(stored, format="jpeg", optimize=True, progressive=True, **JPEG)
    except OSError:  # Pillow's buffer for this is too small for noise
        stored = io.BytesIO()
        drawn.save(stored, format="jpeg", **JPEG)
    return stored.getvalue()


class Key(NamedTuple):
    """The meaning of flow colours in a figure."""

    wheel: np.ndarray  # `flow_color.legend`, whose rim is `max_px`
    max_px: float  # motion at which colours are saturated, pixels per frame
    full: str = ""  # other words for this motion

    @property
    def said(self) -> str:
        """What the colours mean."""
        full = self.full or f"from {self.max_px:.2g}\npixels per frame on"
        return f"colour: direction\nwhite: no motion\nfull colour: {full}"


def key(axes: Axes, shown: Key, *, more: str = "") -> None:
    """Draw the colour wheel of flow to the right of `axes`, with directions at its rim, what it means, and `more`."""
    inches = axes.figure.dpi_scale_trans + ScaledTranslation(1, 1, axes.transAxes)  # from the top of `axes` on
    inset = axes.inset_axes((0.55, -0.95, 0.7, 0.7), transform=inches)
    inset.imshow(pictures(np.asarray(shown.wheel)[None])[0])
    inset.set(xticks=[], yticks=[])
    inset.spines[:].set_visible(False)
    inset.set_title("up", fontsize=11, pad=1)
    inset.set_xlabel("\n".join(["down", shown.said, *["", more] * bool(more)]), fontsize=11, labelpad=1)
    for x, word, side in ((-0.04, "left", "right"), (1.04, "right", "left")):
        inset.text(x, 0.5, word, fontsize=11, ha=side, va="center", transform=inset.transAxes)


def slot(letter: str, number: int) -> str:
    """The name of a slot, such as `F₁₂`: plain text, because a formula takes ten times as long to draw."""
    return letter + str(number).translate(SUBSCRIPTS)


def headline(figure: Figure, text: str) -> None:
    """Write what a figure shows above it, in lines of about equal length, not wider than the figure."""
    wrapped = []
    for part in text.replace(" %", "\N{NO-BREAK SPACE}%").split("\n"):
        lines = len(textwrap.wrap(part, int(9.6 * figure.get_figwidth())))  # about 9.6 letters per inch
        wrapped += textwrap.wrap(part, len(part) // max(lines, 1) + 9)
    figure.suptitle("\n".join(wrapped).replace("\N{NO-BREAK SPACE}", " "), fontsize=14)


def scale(axes: Axes, drawn: AxesImage, label: str, *, x: float = 1.05, side: str = "right") -> None:
    """The scale of the colours of `drawn`, up to its highest value or more, as high as `axes` and beside them, at `x`.

    side: on which its numbers are.
    """
    beside = axes.inset_axes((x, 0, 0.06, 1))
    axes.figure.colorbar(drawn, cax=beside, label=label, extend="max", ticklocation=side)
    low, high = drawn.get_clim()
    ticks = [tick for tick in beside.get_yticks() if low <= tick < 0.9 * high]
    beside.set_yticks([*ticks, high], [*(f"{tick:g}" for tick in ticks), f"{high:.2g} or more"])


def stamped(figure: Figure, axes: Axes, text: str, stamp: str) -> None:
    """Write what a figure of one panel shows above it, and below that the stamp, which warns of limits."""
    wide = figure.get_figwidth() - 1.9  # inches: names are left of the axes
    lines = textwrap.wrap(stamp, max(24, int(8 * wide)))  # letters of a line
    title = textwrap.wrap(text, max(24, int(9.4 * wide)))
    axes.set_title("\n".join(title), loc="left", pad=6 + 18 * len(lines))
    more = 18 * len(lines) + 20 * (len(title) - 1)  # points: small axes would be left without room
    figure.set_figheight(figure.get_figheight() + more / 72)
    if stamp:
        look = {"color": WARNING, "fontsize": 11.5, "va": "bottom"}
        axes.annotate("\n".join(lines), (0, 1), (0, 5), xycoords="axes fraction", textcoords="offset points", **look)


def image(axes: Axes, picture: np.ndarray, edge: str | None = None) -> None:
    """Draw one picture (H, W, 3) without ticks, with unchanged pixels, in a thin frame or one of colour `edge`."""
    axes.imshow(picture, interpolation="nearest")  # pixels as they are, which a PNG also stores best
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=edge or SHADE, linewidth=4 if edge else 0.8)


def pictures(frames: np.ndarray) -> np.ndarray:
    """`frames` (T, H, W, 3) or (T, 3, H, W) with their channels last. Raises AmcError for another shape."""
    frames = np.asarray(frames)
    if frames.ndim != 4 or not len(frames) or 3 not in (frames.shape[1], frames.shape[-1]):
        raise AmcError(f"frames: shape {frames.shape}; expected (T, H, W, 3) or (T, 3, H, W), T at least 1")
    return frames if frames.shape[-1] == 3 else np.moveaxis(frames, 1, -1)
