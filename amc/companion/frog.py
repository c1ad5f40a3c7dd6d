"""The first notebook: a drawn frog that jumps once, and which sampling schemes meet its jump.

Checked parameters in, one scene out, whose frames are drawn when asked for: two milliseconds each, so nothing is kept.
No torch here, so that the first picture comes soon; what needs it is in `stills`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from amc import sampling
from amc.base.errors import AmcError
from amc.base.parameters import whole
from amc.companion.events import seen_by
from amc.synth import scene
from amc.synth.world import FPS, Event, Script

JUMP = 0.5  # seconds, as the paper's frog
SPECIES, PLACE = "tree frog", "pond"
BEFORE = 0.5  # seconds: the still of the sitting frog is so long before the jump


@dataclass(frozen=True)
class Film:
    """A frog that sits, jumps and sits."""

    script: Script
    stage: scene.Scene

    @property
    def num_frames(self) -> int:
        """N, the frames of the film."""
        return self.stage.num_frames

    @property
    def jump(self) -> range:
        """The frames of the jump."""
        [event] = [event for event in self.script.events if event.behaviour == "Jumping"]
        return range(round(event.start * FPS), round(event.stop * FPS))

    @property
    def moments(self) -> dict[str, int]:
        """A frame of each moment: the frog sits, takes off, is in the air."""
        first = self.jump.start
        return {"sits": first - round(BEFORE * FPS), "takes off": first, "in the air": first + len(self.jump) // 2}

    def frames(self, indices: Sequence[int]) -> np.ndarray:
        """Frames of the film, uint8 (P, 3, 128, 128)."""
        return np.stack([scene.frame(self.stage, index) for index in indices]).transpose(0, 3, 1, 2)


def asked(*, seed: int = 6, seconds: float = 8.0, jump: float = 5.0, num_windows: int = 3, frames: int = 4) -> Film:
    """The film of the notebook's parameters, which are checked. Raises AmcError."""
    whole("seed", seed, 0)
    whole("num_windows", num_windows, 1, 12)
    whole("frames", frames, 1, 32)
    _number("seconds", seconds, 3, 30)
    _number("jump", jump, 1, seconds - 1)
    start = round(jump * FPS) / FPS
    parts = ("Keeping still", 0.0, start), ("Jumping", start, start + JUMP), ("Keeping still", start + JUMP, seconds)
    return _film(Script(SPECIES, PLACE, seconds, 1, tuple(Event(0, *part) for part in parts)), seed)


def others(film: Film, count: int = 20) -> list[Film]:
    """`count` films of the same script with other frogs, light and cameras, always the same ones."""
    return [_film(film.script, 1000 + k) for k in range(count)]


def met(num_frames: int, length: int, *, num_windows: int, frames: int) -> list[dict]:
    """How each scheme meets a jump of `length` frames, over all frames of the video at which it can start.

    One row per scheme: `any`, percent of the starts at which at least one classifier has a frame of the jump; `share`,
    percent of the classifiers that have one, the mean over the starts. Arithmetic on plans alone.
    """
    rows = []
    for scheme in sampling.SCHEMES:
        windows = sampling.plan(num_frames, scheme=scheme, num_windows=num_windows, frames=frames)
        seen = np.stack([seen_by(windows, start, start + length) for start in range(num_frames - length + 1)])
        rows.append({"scheme": scheme, "any": 100 * seen.any(axis=1).mean(), "share": 100 * seen.mean()})
    return rows


def _film(script: Script, seed: int) -> Film:
    return Film(script, scene.compose(script, seed))


def _number(name: str, value: object, low: float, high: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        raise AmcError(f"{name}: {value!r} is not allowed; give seconds from {low:g} to {high:g}")
