"""Notebook 07 besides `amc.ethogram`: checked parameters, long films of known events, and evaluation on them.

A film is several Synth Kingdom scenes one after another, like an edited film. The truth of every frame is known, so
predicted bouts and time budgets can be evaluated, with intervals over the films.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from amc import metrics
from amc.base import paths
from amc.base.errors import AmcError, choice
from amc.base.progress import Log, headed
from amc.config import Experiment
from amc.ethogram import agreement, evidence, predict, predictor, training_clips, tune
from amc.ethogram.bouts import Rules, from_frames, ordered
from amc.ethogram.record import Ethogram
from amc.model import weights
from amc.runs import experiment, lookup, tables
from amc.runs.ablation import ablation
from amc.synth import generate, manifest, scene, scripts
from amc.synth.kingdom import KINGDOM

# By size: the number of films, and the seconds of each; those to measure on, and those to choose settings on.
FILMS = {"demo": (3, 20.0), "smoke": (2, 8.0), "quick": (6, 120.0), "standard": (10, 120.0)}
CHOSEN_ON = {"demo": (2, 20.0), "smoke": (1, 8.0), "quick": (6, 60.0), "standard": (12, 60.0)}
CURVE = {"demo": (4, 16), "smoke": (4, 16), "quick": (8, 32, 128, 512), "standard": (8, 32, 128, 512)}  # training clips
TRAINED = {"demo": "smoke"}  # the size of the curve's runs, where it is another: size demo trains nothing
FIRST = 100_000  # number of the first test clip in a film: beyond those of any data set


@dataclass(frozen=True)
class Asked:
    """The notebook's parameters, checked."""

    videos: tuple[Path, ...]  # none: a film of known events
    behaviours: tuple[str, ...]
    model: Path | None  # None: the run sparse rgb+flow of this size, or, with behaviours, zero-shot
    human: str
    out: Path
    threshold: float
    size: str
    labels: str
    backbone: str
    pretrained: str


def asked(
    *, video: str, behaviours: str, model: str, human: str, labels: str, out_dir: str, threshold: float, size: str,
    backbone: str, pretrained: str,
) -> Asked:  # fmt: skip
    """Check all parameters before anything is computed. Raises AmcError for a wrong value or a missing file."""
    choice("size", size, list(FILMS))
    found = tuple(predict.videos([video])[0].values()) if video else ()
    if human and not Path(human).expanduser().exists():
        raise AmcError(f"human: {human!r} is not there; give a file or folder of annotation, or leave it empty")
    labels = str(Path(labels).expanduser()) if labels else ""
    if labels and not Path(labels).exists():
        says = "give a folder of clips with labels.csv, or of videos with their annotation, or leave it empty"
        raise AmcError(f"labels: {labels!r} is not there; {says}")
    if model and (backbone or pretrained):
        raise AmcError("backbone, pretrained: a trained model has its own; leave them empty, or leave model empty")
    if backbone or pretrained:
        weights.check(*predictor.chosen_clip(backbone, pretrained))
    is_number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    if not is_number or not 0 <= threshold <= 1:
        raise AmcError(f"threshold: {threshold!r} is not allowed; give a probability up to 1, or 0 for validation's")
    names = tuple(name.strip() for name in str(behaviours).split(",") if name.strip())
    out = Path(out_dir).expanduser().resolve() if out_dir else paths.reports() / "ethograms"
    where = lookup.find(model) if model else None
    return Asked(found, names, where, human, out, float(threshold), size, labels, backbone, pretrained)


def watcher(given: Asked, *, log: Log) -> predictor.VideoPredictor:
    """The requested model; by default the run sparse rgb+flow of this size, trained if necessary.

    log: gets what to do if the model cannot know the animals of the video.
    """
    clip, path = {"backbone": given.backbone, "pretrained": given.pretrained}, given.model
    if path is None and not given.behaviours:
        [cfg] = experiment.check(ablation(scheme="sparse", modality="rgb+flow", size=given.size, **clip))
        path = experiment.run(cfg, log=log).folder
    if path is None:
        found = predictor.by_names(given.behaviours, **clip)
    else:
        found = predictor.by_model(path, behaviours=given.behaviours, log=log)
    if any(predictor.DRAWN in predictor.stamp_on(found, path) for path in given.videos[:1]):
        log(predictor.REMEDY)
    return found


@dataclass(frozen=True)
class Film:
    """A video composed of known events."""

    path: Path
    truth: np.ndarray  # bool (N, C), of KINGDOM's behaviours

    def ethogram(self, like: Ethogram) -> Ethogram:
        """The truth over the behaviours and times of `like`, as if a human had written it."""
        columns = [KINGDOM.names.index(name) for name in like.names if name in KINGDOM.names]
        if len(columns) < len(like.names):
            raise AmcError(f"truth: films show {', '.join(KINGDOM.names)}, not all of {', '.join(like.names)}")
        probs = self.truth[:, columns].astype(np.float32)
        exact = replace(like.rules, min_seconds=0, max_gap=0)
        return replace(like, probs=probs, rules=exact, distance=None, stamp="").at(0.5)


def film(number: int, length: float, *, split: str = "test") -> Film:
    """Film `number` of at least `length` seconds: scenes with hard cuts; drawn once, then cached.

    split: whose scenes they are: those of `test` have all species, those of `val` none that is held out.
    """
    path = paths.cache() / "films" / generate.digest() / f"film_{split}_{number}_{length:g}s.mp4"
    stages, truth, clip = [], [], FIRST * (number + 1)
    while sum(map(len, truth)) < length * generate.FPS:
        _, script, _, seed = generate.plan_clip(split, clip)
        stages.append((script, seed))
        truth.append(scripts.truth(script))
        clip += 1
    if not manifest.is_kept(path):
        generate.write_video(path, (frame for stage in stages for frame in _frames(*stage)))
        manifest.keep(path)
    return Film(path, np.concatenate(truth))


def chosen(video_predictor: predictor.VideoPredictor, rules: Rules, size: str, *, log: Log) -> tune.Tuned:
    """The window and threshold that find the bouts of validation films best: no film that is measured on."""
    number, length = CHOSEN_ON[size]
    films = {each.path.stem: each for each in (film(k, length, split="val") for k in range(number))}
    paths_of = {name: each.path for name, each in films.items()}
    return tune.tune(
        paths_of, video_predictor, lambda shown: (shown, films[shown.video].ethogram(shown).bouts), rules, log=log
    )


def _frames(script, seed: int):
    stage = scene.compose(script, seed)
    return (scene.frame(stage, index) for index in range(stage.num_frames))


def recovered(pairs: Sequence[tuple[Ethogram, Ethogram]]) -> list[dict]:
    """How well bouts and time budget are found in films of known events: rows with 95 % intervals over the films.

    pairs: (found, true). Bout F1 counts pairs of bouts with an intersection over union of at least 0.5, frame F1 counts
    frames, and the budget's error is the mean over behaviours of the absolute difference in share of time, in points.
    """
    each = [_measure(found, true) for found, true in pairs]
    counts = {key: np.array([row[key] for row in each], dtype=float) for key in each[0]}
    rows = []
    for name, part, whole in (
        ("bout F1", "bout_hits", "bout_sizes"),
        ("frame F1", "frame_hits", "frame_sizes"),
        ("time budget, mean error, percentage points", "budget", "films"),
    ):
        value, low, high = metrics.ratio(counts[part], counts[whole])
        rows.append({"name": name, "value": value, "low": low, "high": high, "films": len(each)})
    return rows


def _measure(found: Ethogram, true: Ethogram) -> dict:
    bouts = [ordered(from_frames(shown.frames, shown.names)) for shown in (true, found)]
    shares = [100 * np.diff(shown.edges) @ shown.frames / shown.edges[-1] for shown in (found, true)]
    return {
        "bout_hits": 2 * len(agreement.matched(*bouts)),
        "bout_sizes": sum(map(len, bouts)),
        "frame_hits": 2 * (found.frames & true.frames).sum(),
        "frame_sizes": found.frames.sum() + true.frames.sum(),
        "budget": np.abs(shares[0] - shares[1]).mean(),
        "films": 1,
    }


def curve(given: Asked, *, log: Log) -> tuple[list[dict], str]:
    """Learning curve: results on the same test clips after training on more and more clips, with frozen towers.

    Rows of `tables.rows`, and the stamp of the last run. Clips: the user's own, or cut from the user's own videos, if
    `labels` names them; else Synth Kingdom, which the towers have not seen either.
    """
    own = {"backbone": given.backbone, "pretrained": given.pretrained}
    if given.labels:
        own |= {"dataset": "folder", "data_root": str(training_clips.folder(given.labels, log=log))}
    size = TRAINED.get(given.size, given.size)
    [base] = ablation(scheme="sparse", modality="rgb+flow", size=size, freeze_backbone=True, **own)
    most, rows = experiment.load(base).counts()["train"], []
    for count in sorted({min(count, most) for count in CURVE[given.size]}):
        cfg: Experiment = replace(base, training_clips=count, training=replace(base.training, batch_size=min(8, count)))
        done = experiment.run(cfg, log=headed(log, f"{count} clips"))
        rows.append({"clips": count} | tables.rows(done.scores("val"), done.scores("test"))[0])
    val = done.scores("val")
    said = evidence.of(val, val.names.tolist()).stamps
    return rows, ", ".join(filter(None, [predictor.stamp_of(base), *said]))
