"""AnimalMotionCLIP: which behaviours does an animal show in a video? (Zhong et al., CV4Animals 2024, arXiv 2505.00569)

    model, preprocess = amc.load("synth quick sparse rgb+flow seed 0")    # a trained run, an X-CLIP, any CLIP
    scores = amc.predict("fox.mp4", model)                                # one video, or a list of them

The whole pipeline, one stage per line:

    info = video.probe(path)                                              # frame count, size, frames per second
    windows = sampling.plan(info.num_frames, scheme="sparse", num_windows=4, frames=8)   # what each classifier sees
    frames = video.read_frames(path, windows[0].frames)                   # (P, 3, H, W) uint8; `following`: the next
    vectors = flow.estimate(frames, following, method="raft-large")       # (P, 2, H, W) px, each to its next frame
    slots = interleave.interleave(frames, flow_color.render(vectors, max_px=20))         # (2P, 3, H, W): I1 F1 I2 F2 …
    logits = model(slots[None])                                           # (1, C), the same weights for all windows
    probs = scores.Scores.load("test.npz").probs                          # (V, M, C): sigmoids of all windows, stored
    fused = aggregate.AGGREGATES["mean"](probs)                           # (V, C)
    metrics.map_macro(labels, fused), metrics.map_micro(labels, fused)    # always both: they are different metrics

`datasets.clips` does the first five for a whole data set, `train.fit` learns the weights, `runs.experiment` makes one
row of a table, and the notebooks make the tables. `ethogram` slides the model over videos of any length.
"""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """`load` and `predict`, imported on first use: they need torch, and most of the package does not."""
    if name in ("load", "predict"):
        from amc import inference

        return getattr(inference, name)
    raise AttributeError(f"module 'amc' has no attribute {name!r}")
