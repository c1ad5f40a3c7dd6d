"""What moves the embedding of a video: clips with another order of slots or another flow in, rows of results out.

The controls of notebook 03 measure what a changed input does to mAP; here is how far the embedding moves and whether
the ranking of the behaviours stays. The unit for "far" is what the slots of another video do (notebook 06).
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor

from amc import intervals, metrics
from amc.base.wording import with_interval
from amc.companion import controls
from amc.datasets.clips import ClipViews
from amc.model import Classifier

MOST = 64  # clips, a random part of a larger test split; size smoke has fewer
INTACT, REVERSED, AT_REST, OTHER = "intact", "slots reversed", "flow at rest", "another video"


def slots_reversed(views: ClipViews, index: int, seed: int) -> Tensor:
    """The slots of each classifier from the last to the first; flow then stands before its frame."""
    return views[None, index][0].flip(1)


# Each gives the slots of clip `index`, uint8 (M, T, 3, size, size), as `controls.CONTROLS` does.
CHANGES: dict[str, Callable[[ClipViews, int, int], Tensor]] = {
    REVERSED: slots_reversed,
    "frames shuffled": controls.CONTROLS["frames shuffled"],
    AT_REST: controls.CONTROLS[AT_REST],
    "flow of another": controls.CONTROLS["flow of another"],
    OTHER: controls.CONTROLS[OTHER],
}


def applicable(modality: str) -> list[str]:
    """The changes that exist for slots of a modality: those of flow only where the model sees it."""
    left_out = {"rgb": (AT_REST, "flow of another"), "flow": ("flow of another",)}.get(modality, ())
    return [name for name in CHANGES if name not in left_out]


def measure(classifier: Classifier, views: ClipViews, text: Tensor, *, most: int = MOST, seed: int = 0) -> list[dict]:
    """One row for the intact clips, then one per change; means over clips with 95 % intervals `_low`, `_high`.

    text (C, E): the encoded behaviours of the clips' table.
    `angle` (degrees) between the video's embedding before and after, mean over its M classifiers; `rank`, the Spearman
    correlation of its behaviours' scores before and after (1: the same ranking); `first` (percent), how often the
    highest behaviour stays; `map_macro_change` (points), paired. The intact row has `map_macro` and `chance_macro`
    (percent). `clips`: at most `most`, drawn at random. Raises AmcError for one clip, and if no clip has a label.
    """
    chosen = controls.in_order(len(views), seed)[: most or None]
    labels = np.nan_to_num(views.labels[chosen].numpy()).astype(bool)
    video, probs = _embedded(classifier, text, [views[None, index][0] for index in chosen])
    macro = intervals.estimates(labels, probs)["map_macro"]
    chance = 100 * float(np.nanmean(metrics.expected_ap(labels.sum(axis=0), len(labels))))
    rows = [{"change": INTACT, "clips": len(chosen), "chance_macro": chance}]
    rows[0] |= intervals.columns("map_macro", macro.percent())
    for name in applicable(views.reader.settings.modality):
        moved, changed = _embedded(classifier, text, [CHANGES[name](views, index, seed) for index in chosen])
        cosine = F.cosine_similarity(video, moved, dim=-1).clamp(-1, 1)  # (V, M)
        rank = [stats.spearmanr(*pair).statistic for pair in zip(probs, changed)]
        row = {"change": name, "clips": len(chosen)}
        row |= _mean("angle", torch.rad2deg(torch.arccos(cosine)).mean(dim=1).numpy()) | _mean("rank", np.array(rank))
        row |= _mean("first", 100.0 * (probs.argmax(axis=1) == changed.argmax(axis=1)))
        gain = intervals.difference(labels, changed, probs)["map_macro"]
        values = [100 * gain[what] for what in ("difference", "low", "high")]
        rows.append(row | intervals.columns("map_macro_change", values))
    return rows


def precision(angle: float) -> str:
    """The format of an angle in degrees: rounding alone turns an embedding by less than 0.001."""
    return ".0f" if angle >= 10 else ".1f" if angle >= 1 else ".3f"


def summary(rows: Sequence[dict]) -> list[dict]:
    """The rows of `measure` as texts, one line per change."""
    heads = {"angle": ("embedding turned, degrees", ""), "rank": ("correlation of ranks", ".2f")}
    heads |= {"first": ("highest stays, %", ".0f"), "map_macro_change": ("macro mAP, points", "+.1f")}
    lines = []
    for row in rows[1:]:
        line = {"change": row["change"], "clips": row["clips"]}
        for name, (head, spec) in heads.items():
            values = [row[f"{name}{end}"] for end in ("", "_low", "_high")]
            line[head] = with_interval(values, spec or precision(values[0]))
        lines.append(line)
    return lines


@torch.inference_mode()
def _embedded(classifier: Classifier, text: Tensor, clips: Sequence[Tensor]) -> tuple[Tensor, np.ndarray]:
    """Embeddings (V, M, E) of clips, uint8 (M, T, 3, size, size) each, and mean scores (V, C) of the behaviours."""
    xclip, preprocess = classifier.network.eval(), classifier.preprocess
    videos, probs = [], []
    for slots in clips:
        found = xclip.embed(preprocess(slots), text)
        videos.append(found.video)
        probs.append(xclip.logits(found.cosine).double().sigmoid().mean(dim=0))
    return torch.stack(videos).double(), torch.stack(probs).numpy()


def _mean(name: str, values: np.ndarray) -> dict[str, float]:
    """The mean of values (V,) with its interval over clips."""
    return intervals.columns(name, metrics.ratio(values, np.ones(len(values))))
