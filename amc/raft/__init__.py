"""RAFT (Teed and Deng, ECCV 2020): pairs of frames in, flow out.

torchvision's architectures, run without unnecessary work (`refine`), with published weights or our own (`weights`),
which `amc.synth.raft_train` trains on true flow.
"""
