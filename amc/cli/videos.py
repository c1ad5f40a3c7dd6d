"""The commands for your own videos, as in `commands`."""

import argparse
import sys
from functools import partial
from pathlib import Path

from amc.base import paths
from amc.base.errors import AmcError
from amc.cli import say


def suggest(given: argparse.Namespace) -> int:
    """Cut out the moments of videos that would teach a model most, as a BORIS project to be corrected."""
    from amc.ethogram import inputs, predictor
    from amc.ethogram import suggest as moments

    inputs.videos(given.videos)  # finds a mistyped folder before a model is loaded
    paths.check_writable(given.out)
    _refuse_device(given.device)
    video_predictor = predictor.by_model(given.model, log=print)
    options = {"most": given.most, "threshold": given.threshold, "device": given.device}
    moments.suggest(given.videos, video_predictor, Path(given.out), **options, log=say)
    return 0


def tune(given: argparse.Namespace) -> int:
    """Find the window and threshold for predict with which a model finds the bouts of annotated videos best."""
    from amc.ethogram import annotations, inputs, predictor
    from amc.ethogram import predict as ethograms
    from amc.ethogram import tune as tuning
    from amc.ethogram.bouts import Rules

    rules, named = Rules(given.hold, given.min_bout, given.max_gap), inputs.videos(given.videos).named
    human = annotations.read(*given.human, videos=list(named.values())).among(named)
    _refuse_device(given.device)
    video_predictor = predictor.by_model(given.model, log=print)
    ethograms.warn(video_predictor, list(named.values()), say)
    for note in human.notes:
        say(f"note: {note}")
    beside = partial(tuning.beside, human=human)
    found = tuning.tune(named, video_predictor, beside, rules, device=given.device, log=say)
    print(found.table.sort_values("bout_f1", ascending=False).head(10).round(3).to_string(index=False))
    if not found.bout_f1:
        says = "none of these settings finds a bout of the annotation"
        raise AmcError(f"tune: {says}; check that it is of these videos, or train the model on more clips")
    print(f"bout F1 {found.bout_f1:.2f} on these videos, which the settings were chosen on: expect less on others")
    print(f"for predict: {found.options}")
    return 0


def predict(given: argparse.Namespace) -> int:
    """Ethograms of your own videos: tables and pictures of each, tables of all.

    Status 1 when a video failed; the others are still done.
    """
    from amc.ethogram import crops, predictor
    from amc.ethogram import predict as ethograms
    from amc.ethogram.bouts import Rules
    from amc.ethogram.options import read_rules
    from amc.ethogram.timeline import SlidingWindow

    rules, own = Rules(given.hold, given.min_bout, given.max_gap), {}
    if given.rules:
        rules, own = read_rules(given.rules, rules)
    options = ethograms.Options(
        SlidingWindow(given.seconds, given.stride), rules, given.threshold, own, bin_seconds=given.bin, crop=given.crop,
        annotate=given.annotate, nwb=given.nwb, human=tuple(given.human), subject=given.subject, device=given.device,
    )  # fmt: skip
    names = [name for name in given.behaviours.split(",") if name.strip()]
    if given.model and (given.backbone or given.pretrained):
        raise AmcError("backbone, pretrained: a trained model has its own; leave them out, or leave out --model")
    named = ethograms.videos(given.videos).named  # finds a mistyped folder before a model is loaded
    if isinstance(box := crops.read(given.crop), crops.Crop):
        crops.refuse_outside(named.values(), box)
    paths.check_writable(given.out)
    _refuse_device(given.device)
    if given.model:
        video_predictor = predictor.by_model(given.model, behaviours=names, log=print)
    else:
        video_predictor = predictor.by_names(names, backbone=given.backbone, pretrained=given.pretrained)
    done = ethograms.predict(given.videos, video_predictor, Path(given.out), options, log=say)
    for note in done.notes:
        print(f"note: {note}")
    for row in done.failed:
        print(f"failed: {row['error']}", file=sys.stderr)
    before = f", {len(done.before)} were done before" if done.before else ""
    count, tracks = len({row["video"] for row in done.done}), sum(bool(row["subject"]) for row in done.done)
    says = f"{count} videos ({tracks} tracks)" if tracks else f"{count} videos"
    print(f"{says} done, {len(done.failed)} failed{before}; {paths.short(Path(given.out))}")
    return int(bool(done.failed))


def _refuse_device(device: str) -> None:
    """Raise AmcError for a device that this machine lacks."""
    import torch

    if device != "cpu" and not torch.cuda.is_available():
        raise AmcError(f"device: {device} is not on this machine; choose cpu")
