"""What the words in figures mean: the one place for names and short explanations that a reader finds in the picture.

Figures and terms in; text below a figure out.
"""

import textwrap

from matplotlib.figure import Figure

MEANINGS = {  # what has to be known by a reader who sees the picture alone, in one line
    "annotated": "on the list of behaviours that comes with the video; the list may have gaps",
    "attention": "how much the network takes over from each part; layer: one of its steps",
    "classifier": "one of several equal copies of a network; each gets other frames of the video",
    "DIS, RAFT": "methods that estimate motion: DIS compares small squares (OpenCV), RAFT is a neural network",
    "F1": "1 if nothing is missed and nothing invented, 0 if nothing is right",
    "I, F": "a frame of the video (image), and how it moves until the next frame (optical flow)",
    "mAP": "100 % if the clips that show a behaviour always score higher than those that do not",
    "name": "turned into numbers by the model, which adapts them to what the video shows",
}
SCHEMES = {  # which frames a classifier gets
    "dense": "dense: frames close together, in one part",
    "semi-dense": "semi-dense: half in one part, half in the rest",
    "sparse": "sparse: frames spread over the whole video",
}
INPUTS = {"rgb": "frames alone", "flow": "motion alone", "rgb+flow": "frames and motion"}
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
ERRORS = {  # kinds of errors
    "overlapping actions": "missed beside another action",
    "incomplete annotation": "predicted, but not annotated",
    "sensing and its parts": "such as sensing and attending",
    "composite actions": "such as chasing and its running",
    "none of these": "no kind of the paper",
}
F1 = {"bout F1": "whole stretches", "frame F1": "single moments"}
FITS = "how well the name fits the video (cosine; 1: perfectly, 0: not at all)"
MAP = "mean average precision (mAP), % (100: every ranking right)"
AVERAGED = {
    "map_macro": "each behaviour\nweighs the same\n(macro)",
    "map_micro": "each prediction\nweighs the same\n(micro)",
}


def explain(figure: Figure, *terms: str) -> None:
    """Write what `terms`, keys of MEANINGS, mean: above the keys of a figure's legend, or at its bottom."""
    wide = int(10.5 * figure.get_figwidth())  # letters of a line
    text = "\n".join(textwrap.fill(f"{term}: {MEANINGS[term]}", wide) for term in terms)
    if figure.legends:
        figure.legends[0].set_title(text, prop={"size": 12})
        figure.legends[0].get_title().set_multialignment("center")
    else:
        figure.supxlabel("\n".join(filter(None, [figure.get_supxlabel(), text])), fontsize=12)
