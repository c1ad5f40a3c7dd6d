"""Arrays in, matplotlib Figures out, and PNGs of them with alternative text for notebooks and reports.

`style` holds the common look, `words` what terms mean to readers; the other modules draw one subject each.
"""

from amc.figures.clip import film_strip, interleaved, key_frames, scores, timeline
from amc.figures.flow_fields import motion_field
from amc.figures.results import ablation, label_counts, learning_curves
from amc.figures.style import MODALITY_COLORS, SCHEME_COLORS, Key, save, show

__all__ = [
    "MODALITY_COLORS",
    "SCHEME_COLORS",
    "Key",
    "ablation",
    "film_strip",
    "interleaved",
    "key_frames",
    "label_counts",
    "learning_curves",
    "motion_field",
    "save",
    "scores",
    "show",
    "timeline",
]
