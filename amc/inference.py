"""From a video to its scores in two calls: `load` a model, `predict` with it (paper sec. 2, inference).

model, preprocess = amc.load("demo")
scores = amc.predict("fox.mp4", model)  # or, in parts: model(preprocess("fox.mp4"))
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from amc import flow, model, transforms, video
from amc.base.errors import AmcError
from amc.config import SIZES, Experiment, Pixels, Sampling
from amc.datasets import clips
from amc.model import Classifier, weights
from amc.raft import weights as raft
from amc.runs import lookup
from amc.runs.ablation import pixels_for
from amc.scores import Scores

ZERO_SHOT = "ZERO-SHOT, X-CLIP's new modules untrained"


@dataclass(frozen=True)
class VideoPreprocess:
    """From a video file to the slots of the M classifiers."""

    sampling: Sampling
    pixels: Pixels
    size: int  # pixels, height and width, of a slot

    def windows(self, path: str | Path) -> list[tuple[int, ...]]:
        """The frames of each classifier: M tuples of P indices."""
        return clips.planned(video.probe(path).num_frames, self.sampling)

    def __call__(self, path: str | Path) -> Tensor:
        """Slots, uint8 (M, T, 3, size, size). Raises VideoError for a video that cannot be read."""
        windows, num_frames = self.windows(path), video.probe(path).num_frames
        indices = [frame for window in windows for frame in window]
        pixels = clips.PixelReader(self.pixels).pixels(Path(path), indices, num_frames)
        slots = clips.slots(*transforms.eval_view(*pixels, self.size), self.pixels)
        return slots.unflatten(0, (len(windows), -1))  # (M, T, 3, size, size)


def load(name: str | Path, pretrained: str | Path = "") -> tuple[Classifier, VideoPreprocess]:
    """A model in evaluation mode, and the preprocessing from a video to its slots.

    name: "demo", the trained model that comes with the repository, for generated animals; a finished run by its name
    ("synth quick sparse rgb+flow seed 0"), its folder or its `model.safetensors`; or, with `pretrained`, "xclip" and a
    Hugging Face id, folder or file of an X-CLIP; or a CLIP ViT of open_clip and its tag; its video modules are then
    untrained (`model.card["stamp"]`). Only "demo" and finished runs have behaviours and see flow; the others
    see RGB and get behaviours from `predict` or `model.with_names`. Raises AmcError for a model that is unknown or
    cannot be loaded.
    """
    if pretrained or str(name) in (weights.XCLIP_BACKBONE, weights.SYNTH_CLIP):
        return _pretrained(str(name), pretrained or weights.BUNDLED)
    _, classifier, run = load_run(name)
    return _with_clips(classifier, run.sampling, run.pixels)


def load_run(name: str | Path) -> tuple[Path, Classifier, Experiment]:
    """A finished run by any of its names: its file of weights, its model, and how it was trained.

    Raises AmcError for anything but our own runs, and for one that cannot predict on videos here: trained on true flow,
    on enlarged pictures, or with a flow method whose weights are missing or other ones now.
    """
    path = lookup.find(name)
    classifier, meta = model.load(path)
    run = lookup.experiment(path, meta)
    clips.refuse_enlarging(run.pixels, classifier.preprocess.size, str(path))
    if "flow" in run.pixels.modality:
        if run.pixels.flow_method == "true":
            raise AmcError(f"{path}: was trained on true flow, which only a renderer knows; train it with dis or RAFT")
        known = flow.fingerprint_of(run.pixels)
        if run.pixels.flow_method in raft.ARCHITECTURES and meta.get("flow", known) != known:
            file = raft.checkpoint(run.pixels.flow_method, run.pixels.flow_weights or None)
            raise AmcError(f"{path}: was trained on flow of another RAFT than {file}; put that back, or train again")
    return path, classifier, run


def predict(
    videos: str | Path | Sequence[str | Path],
    model: Classifier,
    behaviours: Sequence[str] | None = None,
    *,
    device: str = "cpu",
) -> Scores:
    """Score unlabelled videos by all M classifiers of a model that `load` returned.

    videos: one path or several. behaviours: names for its text tower, instead of the model's own. Returns Scores of V
    videos, whose ids are the paths and whose labels are all False. Raises AmcError for a model without behaviours, and
    VideoError for a video that cannot be read.
    """
    paths = [Path(videos)] if isinstance(videos, str | Path) else [Path(path) for path in videos]
    if not paths:
        raise AmcError("videos: none were given; give a path or a list of paths")
    classifier = model if behaviours is None else model.with_names(behaviours)
    if not classifier.names:
        raise AmcError('behaviours: this model knows none; give some, such as ["walking", "grazing"]')
    preprocess, classifier = model.video_preprocess, classifier.to(device).eval()
    if preprocess is None:
        raise AmcError("model: it does not know which frames of a video it needs; load it with amc.load")
    with torch.inference_mode():
        logits = [classifier(preprocess(path).to(device)).float().cpu().numpy() for path in paths]  # V of (M, C)
    return Scores(
        ids=np.array([str(path) for path in paths]),
        names=np.array(classifier.names),
        labels=np.zeros((len(paths), len(classifier.names)), dtype=bool),
        logits=np.stack(logits),
        frames=np.array([preprocess.windows(path) for path in paths], dtype=np.int32),
        num_frames=np.array([video.probe(path).num_frames for path in paths], dtype=np.int32),
        species=np.array([""] * len(paths)),
        meta={"card": classifier.card, "is_labelled": False},
    )


def _pretrained(name: str, pretrained: str | Path) -> tuple[Classifier, VideoPreprocess]:
    """An X-CLIP or a CLIP trained elsewhere, which sees RGB only."""
    usual: Experiment = SIZES["quick" if name == weights.SYNTH_CLIP else "paper"]
    is_whole = name == weights.XCLIP_BACKBONE
    classifier = model.build(name, pretrained, num_slots=None if is_whole else usual.sampling.frames)
    size, frames = classifier.preprocess.size, classifier.card["num_slots"]
    if not is_whole:
        classifier.card["stamp"] = ZERO_SHOT
    pixels = replace(pixels_for(usual.size, size), modality="rgb")
    return _with_clips(classifier, replace(usual.sampling, frames=frames), pixels)


def _with_clips(classifier: Classifier, plan: Sampling, pixels: Pixels) -> tuple[Classifier, VideoPreprocess]:
    classifier.video_preprocess = VideoPreprocess(plan, pixels, classifier.preprocess.size)
    return classifier, classifier.video_preprocess
