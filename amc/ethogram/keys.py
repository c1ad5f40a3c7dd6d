"""Key frames: for each of the longest bouts, the frame with the highest probability, and its flow.

Looking at them is the cheapest check of a model. A video and its ethogram in; out, the arguments of
`figures.key_frames`.
"""

from functools import partial
from pathlib import Path

import numpy as np
import torch

from amc import flow, flow_color, video
from amc.ethogram.bouts import ordered
from amc.ethogram.crops import Crop
from amc.ethogram.record import Ethogram, seconds
from amc.figures import Key, words

FULL = 0.99  # quantile of the shown motion at which its colours are full
SLOWEST = 1 / 400  # of a picture's height per frame: slower motion is noise, and stays pale


def frames(
    path: Path, shown: Ethogram, crop: Crop | None = None, *, most: int = 10, human: Ethogram | None = None
) -> dict:
    """The frame of highest probability of each of the `most` longest bouts, uint8 (K, 3, H, W), with flow and label.

    Flow is by DIS, never across a cut, as colours. There must be a bout. human: its annotation of the same frames and
    behaviours; with it, a label also tells whether the human agrees.
    """
    longest = sorted(shown.bouts, key=lambda b: (-seconds([b], shown.edges)[0], b))[:most]
    labels, at, sure, right, verdicts = [], [], [], [], []
    for bout in ordered(longest):
        c = shown.names.index(bout.behaviour)
        frame = bout.start + int(shown.probs[bout.start : bout.stop, c].argmax())
        at.append(frame)
        sure.append(100 * shown.probs[frame, c])
        labels.append(f"{bout.behaviour}\n{sure[-1]:.0f} % sure, {shown.edges[frame]:.1f} s")
        if human:
            right.append(bool(human.frames[frame, human.names.index(bout.behaviour)]))
            verdicts.append("right" if right[-1] else f"wrong\n(human: {_said(human, frame)})")
    pairs = flow.pairs_in_shots(at, shown.num_frames, partial(_pictures, path, crop))
    needed = sorted({*at}.union(*pairs))
    pictures = dict(zip(needed, _pictures(path, crop, needed), strict=True))
    first, second = (torch.stack([pictures[pair[side]] for pair in pairs]) for side in (0, 1))
    vectors = flow.estimate(first, second, method="dis")
    max_px = max(float(np.quantile(vectors.norm(dim=1), FULL)), SLOWEST * first.shape[-2])
    motion = flow_color.render(vectors, max_px=max_px)
    key = Key(flow_color.legend(129), max_px)
    count = len(shown.bouts)
    which = f"the {most} longest of {count} bouts" if count > most else f"{count} bout{'s' * (count > 1)}"
    sureness = f"the model is {min(sure):.0f} to {max(sure):.0f} % sure"
    title = f"At its surest moment of {which} (stretches of a behaviour), {sureness}"
    title += f", and right in {sum(right)} of {len(right)} by the human's annotation" if human else ""
    return {
        "frames": torch.stack([pictures[frame] for frame in at]), "motion": motion, "labels": labels, "key": key,
        "verdicts": verdicts, "title": title,
        "stamp": words.doubts(shown.stamp, [label.partition("\n")[0] for label in labels]),
    }  # fmt: skip


def _said(human: Ethogram, frame: int) -> str:
    """The behaviours that the human annotated in a frame."""
    return ",\n".join(name for name, happens in zip(human.names, human.frames[frame]) if happens) or "nothing"


def _pictures(path: Path, crop: Crop | None, numbers: list[int]) -> torch.Tensor:
    """Frames of a video, or what `crop` cuts from them."""
    found = video.read_frames(path, numbers)
    return crop.cut(numbers, found) if crop else found
