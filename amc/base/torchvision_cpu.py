"""Import this before torchvision or open_clip: it lets a CUDA build of torchvision load beside a CPU build of torch.

The package index offers torchvision for Linux only as a CUDA build. With a CPU torch its compiled part cannot load,
and `import torchvision` fails because two operators that it describes are not declared. Declaring them is enough for
torchvision's Python parts, the only ones used here (RAFT, transforms). If the compiled part loads, on a GPU machine or
with a matching CPU build, this module does nothing.
"""

import importlib.util
from pathlib import Path

import torch

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def _compiled_part_loads() -> bool:
    spec = importlib.util.find_spec("torchvision")
    for library in Path(spec.origin).parent.glob("_C*.*"):
        try:
            torch.ops.load_library(library)
            return True
        except OSError:
            pass
    return False


if not _compiled_part_loads():
    _library = torch.library.Library("torchvision", "DEF")
    for _operator in _OPERATORS:
        _library.define(_operator)
