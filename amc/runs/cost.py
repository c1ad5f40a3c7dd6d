"""Cost of scoring one video: seconds from file to scores, frames, motion fields, operations and parameters."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from amc import flow
from amc.datasets.clips import ClipViews
from amc.model import Classifier
from amc.scores import predict

TIMED = 16  # clips; their results are not kept


def measure(views: ClipViews, model: Classifier, device: str) -> dict:
    """Cost of a video, as the mean over the first clips of `views`; operations in 1e9, parameters in 1e6.

    Other runs may be training on the other cores meanwhile: the seconds only compare orders of magnitude.
    Operations are of all M windows, including RAFT's; DIS has none of this kind.
    """
    settings, nothing_kept = views.reader.settings, replace(views.reader, cache=None)
    few, one = (ClipViews(views.table.limit(n), views.sampling, nothing_kept, size=views.size) for n in (TIMED, 1))
    seen = [sorted({f for window in few.windows(None, i) for f in window}) for i in range(len(few))]
    has_rgb, has_flow = "rgb" in settings.modality, "flow" in settings.modality
    pairs = [flow.flow_pairs(frames, few.num_frames(i)) if has_flow else [] for i, frames in enumerate(seen)]
    # Frames and flow are read separately, each in one pass over the video.
    decoded = sum(len(f) * has_rgb + len({i for pair in p for i in pair}) for f, p in zip(seen, pairs, strict=True))
    score = partial(predict, model, meta={}, batch=1, device=device)
    started = time.perf_counter()
    score(few)
    seconds = (time.perf_counter() - started) / len(few)
    sizes = [(parameter.numel() / 1e6, parameter.requires_grad) for parameter in model.network.parameters()]
    return {
        "frames_decoded": decoded / len(few),
        "flow_pairs": sum(map(len, pairs)) / len(few),
        "seconds_per_video": seconds,
        "gflops": gflops(lambda: score(one)),
        "parameters": sum(millions for millions, _ in sizes),
        "parameters_trained": sum(millions for millions, learns in sizes if learns),
        "picture": views.size,
    }


def gflops(call: Callable[[], object]) -> float:
    """GFLOPs of a call: 1e9 additions and multiplications in matrix products and convolutions."""
    was_fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # fused operations are not counted: attention on CPUs, whole layers
    try:
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            call()
    finally:
        torch.backends.mha.set_fastpath_enabled(was_fast)
    return counter.get_total_flops() / 1e9
