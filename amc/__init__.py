"""AnimalMotionCLIP: which behaviours does an animal show in a video? (Zhong et al., CV4Animals 2024, arXiv 2505.00569)

The whole pipeline, one stage a line:

    info = video.probe(path)                                              # frame count, size, frames a second
    windows = sampling.plan(info.num_frames, scheme="sparse", num_windows=4, frames=8)   # what each classifier sees
    frames = video.read_frames(path, windows[0].frames)                   # (P, 3, H, W) uint8
    vectors = flow.estimate(frames, successors, method="raft-large")      # (P, 2, H, W) px a frame, to the next frame
    slots = interleave.interleave(frames, flow_color.render(vectors, max_px=20))         # (2P, 3, H, W): I1 F1 I2 F2 …
    logits = xclip(transforms.normalise(slots, mean, std)[None], text)    # (1, C), the same weights for all classifiers
    probs = scores.Scores.load("test.npz").probs                          # (V, M, C): the seam; no model from here on
    fused = aggregate.AGGREGATES["mean"](probs)                           # (V, C)
    metrics.map_macro(labels, fused), metrics.map_micro(labels, fused)    # both, always: they are different metrics

`datasets.clips` does the first five for a whole data set, `train.fit` learns the weights, `experiment.run` makes one
cell of a table of it, and the notebooks make the tables. `ethogram` slides it over videos of any length.
"""

__version__ = "0.1.0"
