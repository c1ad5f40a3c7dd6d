"""What a single picture and what its flow tell about a jump: pictures in, names, vectors and a table out."""

from collections.abc import Sequence

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

import amc.base.torchvision_cpu  # noqa: F401  before open_clip

from open_clip import get_tokenizer  # isort: skip
from amc import flow, transforms
from amc.base.wording import listed
from amc.companion.frog import Film
from amc.model import text, weights
from amc.synth.kingdom import KINGDOM

ANSWERS = KINGDOM.names  # what `nearest` chooses from
FASTEST = 0.02  # share of the pixels over which motion is measured


@torch.inference_mode()
def nearest(stills: Tensor) -> list[str]:
    """The behaviour of Synth Kingdom whose name is nearest to each still, by the bundled CLIP `synth-clip`.

    stills: uint8 (P, 3, H, W). This CLIP was trained on captioned stills of the same world.
    """
    clip = weights.open_clip_model(weights.SYNTH_CLIP, weights.BUNDLED).eval()
    known = text.encode(clip, ANSWERS, tokenizer=get_tokenizer(weights.SYNTH_CLIP))  # (C, E)
    size, expected = clip.visual.image_size[0], clip.visual.preprocess_cfg
    small, _ = transforms.resize_short_side(stills, None, size)
    shown = clip.encode_image(transforms.normalise(small, tuple(expected["mean"]), tuple(expected["std"])))
    cosine = F.normalize(shown, dim=-1) @ F.normalize(known, dim=-1).T  # (P, C)
    return [ANSWERS[index] for index in cosine.argmax(dim=1).tolist()]


def said(named: Sequence[str]) -> str:
    """The names of pictures in words: `pictures 1 and 2 Jumping and picture 3 Swimming`."""
    places: dict[str, list[int]] = {}
    for number, name in enumerate(named, 1):
        places.setdefault(name, []).append(number)
    return listed(f"picture{'s' * (len(at) > 1)} {listed(at)} {name}" for name, at in places.items())


def motion(film: Film, frames: Sequence[int]) -> tuple[Tensor, list[float]]:
    """Flow from each of `frames` to the next frame, by DIS, float32 (P, 2, H, W), pixels per frame; and how fast it is.

    How fast: the least motion of the fastest FASTEST of the pixels, after subtracting the median, the camera's.
    """
    one, two = (torch.from_numpy(film.frames([index + step for index in frames])) for step in (0, 1))
    vectors = flow.estimate(one, two, method="dis")
    still = vectors.flatten(2).median(dim=2).values[..., None, None]
    return vectors, (vectors - still).norm(dim=1).flatten(1).quantile(1 - FASTEST, dim=1).tolist()


def compared(films: Sequence[Film]) -> pd.DataFrame:
    """Each film at each of its moments: film, moment, `name` (of the nearest behaviour), `px` (motion per frame)."""
    asked = [(number, film, moment, at) for number, film in enumerate(films) for moment, at in film.moments.items()]
    names = nearest(torch.cat([torch.from_numpy(film.frames([at])) for _, film, _, at in asked]))
    return pd.DataFrame(
        {"film": number, "moment": moment, "name": name, "px": motion(film, [at])[1][0]}
        for (number, film, moment, at), name in zip(asked, names, strict=True)
    )


def told(table: pd.DataFrame) -> list[dict]:
    """For each moment of `compared`: in how many films the picture and the flow tell that the frog jumps.

    Columns: moment, films; `named`, the nearest name is Jumping; `other`, the most frequent other name; `moves`, there
    is more motion than while the same frog sits; `px`, the median motion.
    """
    sitting, rows = table[table["moment"] == "sits"].set_index("film")["px"], []
    for moment, part in table.groupby("moment", sort=False):
        part, is_named = part.set_index("film"), part["name"].to_numpy() == "Jumping"
        counts = part["name"][~is_named].value_counts()
        row = {"moment": moment, "films": len(part), "named": int(is_named.sum())}
        row |= {"other": counts.index[0] if len(counts) else "none"}
        rows.append(row | {"moves": int((part["px"] > sitting).sum()), "px": float(part["px"].median())})
    return rows
