"""What all figures share: one look, one colour a scheme and a modality, and PNGs with alternative text.

Matplotlib Figures in; no tensor, model or pyplot state. The colours are Paul Tol's, safe for the colour-blind and apart
in grey too.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from IPython import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from amc import paths
from amc.errors import AmcError

SCHEME_COLORS = {"dense": "#DDAA33", "semi-dense": "#BB5566", "sparse": "#004488"}
MODALITY_COLORS = {"rgb": "#88CCEE", "flow": "#CC6677", "rgb+flow": "#332288"}
INK, SHADE, PALE = "#222222", "#777777", "#E4E4E4"
MARKERS = {"macro": "o", "micro": "s"}  # the averaging of an mAP
WIDTH = 11  # inches, the same for all figures, so that fonts look the same in all of them
DPIS = (130, 110, 90)  # tried until a figure is small enough; fewer pixels would be blurred on a screen
SHOWN_DPI = 88  # screen pixels an inch in a notebook
REPORT_BYTES, NOTEBOOK_BYTES = 200_000, 30_000  # a figure on disk; one in an executed notebook of at most 500 kB
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
    drawn = {}  # pictures by resolution, each made once for both files
    if name:
        save(figure, name, alt, drawn=drawn)
    width = round(SHOWN_DPI * figure.get_figwidth())  # as wide as its neighbours, whatever its resolution
    return display.Image(data=_png(figure, NOTEBOOK_BYTES, drawn), format="png", alt=alt, width=width)


def save(figure: Figure, name: str, alt: str, *, drawn: dict[int, Image.Image] | None = None) -> Path:
    """Write `<name>.png`, at most 200 kB, and `.pdf` into `figures` of `paths.reports()`, each whole or not at all;
    returns the PNG's path.

    alt: kept inside both (the PNG's text `Description`, the PDF's subject), where the index of the reports finds it;
    drawn: the figure as pictures by resolution, where `show` keeps what it has made.
    """
    path = write(figure, paths.reports() / "figures" / f"{name}.png", alt, drawn=drawn)
    with mpl.rc_context(STYLE), paths.atomic(path.with_suffix(".pdf")) as temporary:
        about = {"Title": name, "Subject": alt, "CreationDate": None}
        figure.savefig(temporary, format="pdf", bbox_inches="tight", pad_inches=0.1, metadata=about)
    return path


def write(figure: Figure, path: Path, alt: str, *, drawn: dict[int, Image.Image] | None = None) -> Path:
    """Write the figure to `path` as a PNG of at most 200 kB that holds `alt`, whole or not at all; `drawn` as above."""
    with paths.atomic(path) as temporary:
        temporary.write_bytes(_png(figure, REPORT_BYTES, {} if drawn is None else drawn, alt))
    return path


@styled  # ticks are made when a figure is drawn
def _png(figure: Figure, limit: int, drawn: dict[int, Image.Image], description: str = "") -> bytes:
    """PNG of at most `limit` bytes: lossless if that fits at any resolution, else with 33 levels a colour channel.

    Fewer levels before a palette: one large enough for an animal leaves few colours for the wheel. Only where the
    lowest resolution is still too large it is made light and gets one, of 128 colours at least, whatever its size is
    then. drawn: pictures by resolution, filled as needed.
    """
    about = PngInfo()
    about.add_itxt("Description", description)
    for step in (1, 8):
        density = 0.0  # bytes a dot, of the resolution before: what is far too large is not tried
        for dpi in DPIS:
            if density * dpi**2 > 1.4 * limit:
                continue
            if dpi not in drawn:
                drawn[dpi] = _draw(figure, dpi)
            if len(data := _bytes(_rounded(drawn[dpi], step), about)) <= limit:
                return data
            density = len(data) / dpi**2
    with _light(figure):
        light = _draw(figure, DPIS[-1])
    data = _bytes(light.quantize(256, dither=Image.Dither.NONE), about)
    return data if len(data) <= 1.5 * limit else _bytes(light.quantize(128, dither=Image.Dither.NONE), about)


def _draw(figure: Figure, dpi: int) -> Image.Image:
    stored = io.BytesIO()
    look = {"dpi": dpi, "facecolor": "white", "bbox_inches": "tight", "pad_inches": 0.1}
    figure.savefig(stored, format="png", pil_kwargs={"compress_level": 0}, **look)
    return Image.open(stored).convert("RGB")


def _rounded(picture: Image.Image, step: int) -> Image.Image:
    return picture.point(lambda level: min((level + step // 2) // step * step, 255))


@contextmanager
def _light(figure: Figure) -> Iterator[None]:
    """The figure with fewer levels in its pictures, and those that are drawn smaller than they are at half their size:
    half of the bytes. Afterwards it is as it was."""
    images = [shown for shown in figure.findobj(AxesImage) if shown.get_array().dtype == np.uint8]  # not heat
    kept = [shown.get_array() for shown in images]
    for shown, pixels in zip(images, kept, strict=True):
        shown.set_extent(shown.get_extent())  # or it would follow the size
        size = pixels.shape[1::-1]
        is_small = shown.get_window_extent().width * DPIS[-1] / figure.dpi < 0.8 * size[0]
        picture = Image.fromarray(np.asarray(pixels)).resize(
            [side // (1 + is_small) for side in size], Image.Resampling.BOX
        )
        shown.set_data(np.asarray(_rounded(picture, 16 if is_small else 8)))
    try:
        yield
    finally:
        for shown, pixels in zip(images, kept, strict=True):
            shown.set_data(pixels)


def _bytes(picture: Image.Image, about: PngInfo) -> bytes:
    stored = io.BytesIO()
    picture.save(stored, format="png", optimize=True, pnginfo=about)
    return stored.getvalue()


class Key(NamedTuple):
    """What the colours of flow mean in a figure."""

    wheel: np.ndarray  # `flow_color.legend`, whose rim is `max_px`
    max_px: float  # motion at which colours are full, pixels a frame
    at: str = ""  # the size at which these pixels count, such as "72 px high"


def key(axes: Axes, shown: Key, *, left: float = 1.1, width: float = 0.75) -> None:
    """Draw the colour key of flow, small, to the right of `axes`, with its scale; left, width: parts of the axes'."""
    inset = axes.inset_axes((left, 0.42, width, 0.58))
    inset.imshow(pictures(np.asarray(shown.wheel)[None])[0])
    inset.set(xticks=[], yticks=[])
    inset.spines[:].set_visible(False)
    at = f"\nat {shown.at}" if shown.at else ""
    inset.set_xlabel(f"rim: {shown.max_px:.3g} px\na frame{at}", fontsize=11, labelpad=2)


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
