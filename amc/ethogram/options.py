"""What `predict` is asked for, besides videos and a model. Raises AmcError for a wrong value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from amc.base.errors import AmcError
from amc.ethogram.bouts import Rules
from amc.ethogram.formats import nwb
from amc.ethogram.sliding_window import SlidingWindow


@dataclass(frozen=True)
class Options:
    """How videos are predicted on, and what is written. Each but `human` is a part of the run's id."""

    sliding: SlidingWindow = field(default_factory=SlidingWindow)
    rules: Rules = field(default_factory=Rules)
    threshold: float = 0.0  # for all behaviours; 0: chosen on validation data, or 0.5 for zero-shot
    own_threshold: Mapping[str, float] = field(default_factory=dict)  # of behaviours that have another one
    bin_seconds: float = 0.0  # of the time budget's bins; 0: none
    crop: str = ""  # X,Y,W,H or a table of boxes: what is cut from each frame (`crops`)
    annotate: bool = False  # also write a copy of each video with labels drawn into it
    nwb: bool = False  # also write an NWB file of each video
    human: tuple[str, ...] = ()  # files of human annotation, or folders of them, to compare with
    subject: str = ""  # of the annotation, to compare with; empty: each and all together
    device: str = "cpu"

    def __post_init__(self):
        if self.nwb:
            nwb.check()
        if self.bin_seconds and not 1 <= self.bin_seconds < np.inf:
            raise AmcError(f"bin: {self.bin_seconds} is not allowed; give 1 second or more, or 0 for no bins")
