"""What the words in figures mean: the one place for names and short explanations that a reader finds in the picture.

Figures and terms in; text below a figure out.
"""

import re
import textwrap
from collections.abc import Iterable

from matplotlib.figure import Figure

MEANINGS = {  # what has to be known by a reader who sees the picture alone, in one line
    "%": "right of a row, the part of its lead over chance that it keeps; from 90 on it does as well",
    "below 0 %": "worse than chance; above 100 %: better than intact, by too little to trust",
    "95 % interval": "with other videos, 95 of 100 such intervals would hold the true value",
    "annotated": "on the list of behaviours that comes with the video; the list may have gaps",
    "AP": "average precision of one behaviour: 100 % if the clips that show it score higher than all others",
    "attention": "how much the model takes over from each part of what it gets",
    "bout": "a stretch of time in which a behaviour happens without a pause",
    "by batch": "micro mAP of so many clips at a time, then the mean over these batches",
    "chance": "knows how frequent each behaviour is, and sees no video",
    "class frequency, species prior": "see no video: only how often all animals, or this species or its group, do it",
    "clearly": "the 95 % interval of the difference does not include 0",
    "classifier": "one of several equal copies of the model; each gets a few frames of the video",
    "CLIP": "a model that learnt from pictures with a line of text each, not from labelled videos",
    "dense, semi-dense, sparse": "frames close together; half of them close together; all spread over the video",
    "DIS": "a method that estimates motion: it looks for small squares of a frame in the next one (OpenCV)",
    "epoch": "a pass over all training clips; training ends early if the loss on validation clips has stopped falling",
    "event": "a stretch of a video in which a behaviour happens",
    "F1": "1 if nothing is missed and nothing invented, 0 if nothing is right",
    "GFLOPs": "billions of computing steps; parameters: numbers that training adjusts",
    "I, F": "a frame of the video (image), and how it moves until the next frame (optical flow)",
    "layer": "one step of the model's computing",
    "loss": "how far the scores are from the right answers; 0: not at all",
    "macro": "each behaviour weighs the same, however rare it is",
    "macro, micro": "in macro mAP each behaviour weighs the same, in micro mAP each prediction",
    "mAP": "100 % if the clips that show a behaviour always score higher than those that do not",
    "micro": "each prediction weighs the same",
    "missed": "annotated, but not predicted; a video can count in several squares",
    "motion": "a coloured picture of how things move until the next frame",
    "name": "turned into numbers by the model, which adapts them to what the video shows",
    "names": "models that name behaviours in videos; + pre-training: trained on other videos before",
    "RAFT": "a neural network that estimates motion",
    "source": "the video that a clip seems to be cut from",
    "species": "guess by how often the species does it; + source: also by clips of the same video",
    "+ co-occurrence": "also by the other labels of the test clip, which are a part of the answer",
    "validation clips": "kept out of training, to choose the epoch",
    "what happens": "what the animal does at this moment; one picture often cannot show it",
    "whole stretch": "found if the model's and the true one share half of the time of both",
}
SCHEMES = {  # which frames a classifier gets
    "dense": "dense: frames close together, in one part",
    "semi-dense": "semi-dense: half in one part, half in the rest",
    "sparse": "sparse: frames spread over the whole video",
}
CHOICES = {"scheme": "how frames are chosen", "modality": "what the model gets"}
INPUTS = {"rgb": "frames alone", "flow": "motion alone", "rgb+flow": "frames and motion"}
CONTROLS = {  # how an input is damaged, above a panel and in a sentence
    "frames shuffled": ("frames in\nrandom order", "with frames in random order"),
    "one frame": ("one frame\nrepeated", "with one frame repeated"),
    "flow at rest": ("motion\nset to zero", "without motion"),
    "flow of another": ("motion of\nanother video", "with the motion of another video"),
    "another video": ("another\nvideo", "with another video"),
    "no animal": ("animal\nremoved", "without the animal"),
}
BLIND = ("class frequency", "species prior")  # methods that see no video
FLOW = {  # methods and situations of optical flow
    "dis": "DIS",
    "dis-fast": "DIS fast",
    "dis-ultrafast": "DIS fastest",
    "raft-small": "RAFT small",
    "raft-large": "RAFT large",
    "raft-synth": "RAFT (trained here)",
    "true": "true motion",
    "nothing moves": "assuming that\nnothing moves",
    "occlusion": "hidden parts",
    "camera motion": "moving camera",
}
NONE = "none of these"  # errors of no kind
ERRORS = {  # kinds of errors
    "overlapping actions": "missed beside another action",
    "incomplete annotation": "it happens, but is not annotated",
    "sensing and its parts": "taking in what is around; parts: Attending, Keeping still",
    "composite actions": "made of others: Grooming includes Licking",
    NONE: "all others, missed or invented",
}
F1 = {"bout F1": "whole stretches", "frame F1": "single moments"}
DOUBTS = {  # warnings of a stamp that name behaviours, in words for a picture
    "FEW CLIPS to train on": "too few clips to trust",
    "FEW CLIPS to validate on": "too few clips to check",
    "THRESHOLDS AT CHANCE": "found no better than by chance",
    "IN EVERY VALIDATION CLIP": "cannot be checked, in every clip",
}
BEGINS = (
    r"(?:^|, )(?=FEW CLIPS|THRESHOLDS AT|IN EVERY VAL|VALIDATED ON|NOT ABOVE|CLIP OF GENERATED)"  # a part of a stamp
)
FITS = "how well the name fits the video (cosine; 1: perfectly, 0 or less: not at all)"
MAP = "mean average precision (mAP), %"
AVERAGED = {
    "map_macro": "each behaviour\nweighs the same\n(macro)",
    "map_micro": "each prediction\nweighs the same\n(micro)",
}


def system(name: str) -> str:
    """A run such as `sparse rgb+flow` in words: `sparse, frames and motion`; other names as they are."""
    scheme, _, modality = name.partition(" ")
    return f"{scheme}, {INPUTS[modality]}" if scheme in SCHEMES and modality in INPUTS else name


def method(name: str) -> str:
    """A method of Table 1 as the name of its row, with a line on those that see no video."""
    return f"{name}\n(sees no video)" if name in BLIND else name


def error(kind: str) -> str:
    """A kind of errors as the name of its row, with what it is."""
    return f"{kind}\n({ERRORS[kind]})" if kind in ERRORS else kind


def rows(names: Iterable[str]) -> str:
    """The term that explains runs or systems as names of rows: how their frames are chosen, or which methods."""
    return "dense, semi-dense, sparse" if any(name.split()[0].strip(",") in SCHEMES for name in names) else "names"


def explain(figure: Figure, *terms: str) -> None:
    """Write what `terms`, keys of MEANINGS, mean: above the keys of a figure's legend, or at its bottom."""
    note(figure, *(f"{term}: {MEANINGS[term]}" for term in terms))


def note(figure: Figure, *lines: str) -> None:
    """Write lines above the keys of a figure's legend, or at its bottom, below those that are there."""
    wide = int(10.5 * figure.get_figwidth())  # letters of a line
    text = [textwrap.fill(line, wide) for line in lines]
    if figure.legends:
        title = figure.legends[0].get_title()
        figure.legends[0].set_title("\n".join(filter(None, [title.get_text(), *text])), prop={"size": 12})
        title.set_multialignment("center")
    else:
        figure.supxlabel("\n".join(filter(None, [figure.get_supxlabel(), *text])), fontsize=12)


def doubts(stamp: str, names: Iterable[str] = ()) -> str:
    """A stamp as it stands on a picture of the behaviours `names`: of those that it names, only these, in plain words.

    That it names others is said; files and tables have the stamp itself.
    """
    told, elsewhere, named = [], [], False
    for part in filter(None, re.split(BEGINS, stamp)):
        kind, _, concerned = part.partition(": ")
        if kind not in DOUBTS:
            told.append(part)
            continue
        ends = r"( \d+)?(, | and \d+ more$|$)"
        drawn = [name for name in names if re.search(rf"(^|, ){re.escape(name)}{ends}", concerned)]
        told, named = told + [f"{DOUBTS[kind]}: {', '.join(drawn)}"] * bool(drawn), named or bool(drawn)
        if len(re.split(r", | and (?=\d+ more$)", concerned)) > len(drawn):  # a name with a comma counts as two
            elsewhere.append(DOUBTS[kind])
    some = "more such behaviours: see the tables"
    if not named:
        some = f"some behaviours: {', '.join(elsewhere)} (see the tables)"
    return "; ".join(told + [some] * bool(elsewhere))
