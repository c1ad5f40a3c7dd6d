"""What all figures share: one look, one colour a scheme and a modality, and PNGs with alternative text.

Matplotlib Figures in; no tensor, model or pyplot state. The colours are Paul Tol's, safe for the colour-blind and apart
in grey too.
"""

import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
from IPython import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from amc import paths
from amc.errors import AmcError

SCHEME_COLORS = {"dense": "#DDAA33", "semi-dense": "#BB5566", "sparse": "#004488"}
MODALITY_COLORS = {"rgb": "#88CCEE", "flow": "#CC6677", "rgb+flow": "#332288"}
INK, SHADE, PALE = "#222222", "#777777", "#E4E4E4"
MARKERS = {"macro": "o", "micro": "s"}  # the averaging of an mAP
WIDTH = 11  # inches, the same for all figures, so that fonts look the same in all of them
DPIS = (130, 110, 90, 75, 60)  # tried until a figure is small enough
SHOWN_DPI = 88  # screen pixels an inch in a notebook
REPORT_BYTES, NOTEBOOK_BYTES = 200_000, 32_000  # a figure on disk; one in an executed notebook of at most 500 kB
STYLE = {
    "font.size": 13, "axes.titlesize": 14, "axes.labelsize": 13, "xtick.labelsize": 12, "ytick.labelsize": 12,
    "legend.fontsize": 12, "axes.edgecolor": SHADE, "axes.spines.top": False, "axes.spines.right": False,
    "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "hatch.color": SHADE,
}  # fmt: skip
styled = mpl.rc_context(STYLE)


def show(figure: Figure, alt: str, *, name: str = "") -> display.Image:
    """The figure as a PNG that Jupyter displays, with `alt` for those who cannot see it; the last line of a cell.

    name: also `save` it under this name. Raises AmcError when `alt` says nothing.
    """
    if not alt.strip():
        raise AmcError("alt: empty; say in a sentence what the figure shows")
    if name:
        save(figure, name, alt)
    width = round(SHOWN_DPI * figure.get_figwidth())  # as wide as its neighbours, whatever its resolution
    return display.Image(data=_png(figure, NOTEBOOK_BYTES), format="png", alt=alt, width=width)


def save(figure: Figure, name: str, alt: str) -> Path:
    """Write `reports/figures/<name>.png`, at most 200 kB, and `.pdf`, each whole or not at all; returns the PNG's path.

    alt: kept inside both (the PNG's text `Description`, the PDF's subject), where the index of the reports finds it.
    """
    path = write(figure, paths.reports() / "figures" / f"{name}.png", alt)
    with mpl.rc_context(STYLE), paths.atomic(path.with_suffix(".pdf")) as temporary:
        about = {"Title": name, "Subject": alt, "CreationDate": None}
        figure.savefig(temporary, format="pdf", bbox_inches="tight", pad_inches=0.1, metadata=about)
    return path


def write(figure: Figure, path: Path, alt: str) -> Path:
    """Write the figure to `path` as a PNG of at most 200 kB that holds `alt`, whole or not at all."""
    with paths.atomic(path) as temporary:
        temporary.write_bytes(_png(figure, REPORT_BYTES, alt))
    return path


@styled  # ticks are made when a figure is drawn
def _png(figure: Figure, limit: int, description: str = "") -> bytes:
    """PNG at the highest resolution that stays within `limit` bytes, with 33 levels a colour channel.

    Fewer levels before a palette: one large enough for an animal leaves few colours for the wheel. Only where the
    lowest resolution is still too large it gets one, of 256 colours.
    """
    about = PngInfo()
    about.add_itxt("Description", description)
    for dpi in DPIS:
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=dpi, facecolor="white", bbox_inches="tight", pad_inches=0.1)
        picture = Image.open(drawn).convert("RGB").point(lambda level: min((level + 4) // 8 * 8, 255))
        if len(data := _bytes(picture, about)) <= limit:
            return data
    return _bytes(picture.quantize(256, dither=Image.Dither.NONE), about)


def _bytes(picture: Image.Image, about: PngInfo) -> bytes:
    stored = io.BytesIO()
    picture.save(stored, format="png", optimize=True, pnginfo=about)
    return stored.getvalue()


def image(axes: Axes, picture: np.ndarray, edge: str | None = None) -> None:
    """Draw one picture (H, W, 3) without ticks, its pixels as they are, in a frame of colour `edge` if given."""
    axes.imshow(picture, interpolation="nearest")  # pixels as they are, which a PNG also stores best
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=edge is not None, color=edge or INK, linewidth=4)


def pictures(frames: np.ndarray) -> np.ndarray:
    """`frames` (T, H, W, 3) or (T, 3, H, W) with their channels last. Raises AmcError for another shape."""
    frames = np.asarray(frames)
    if frames.ndim != 4 or not len(frames) or 3 not in (frames.shape[1], frames.shape[-1]):
        raise AmcError(f"frames: shape {frames.shape}; expected (T, H, W, 3) or (T, 3, H, W), T at least 1")
    return frames if frames.shape[-1] == 3 else np.moveaxis(frames, 1, -1)
