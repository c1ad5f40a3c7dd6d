"""Synth Kingdom: a small world of moving animals, generated from a seed, on which everything truly trains and runs.

    species, environments ──▶ scripts ──▶ scene ──▶ frames and exact flow ──▶ generate: videos, annotation, truth
    who lives where           what happens  bodies perform behaviours          in Animal Kingdom's own layout

A `world.World` says who lives there, what they do and what happens: `kingdom.KINGDOM` of the modules above, and
`menagerie.MENAGERIE`, other animals with other behaviours, to pre-train on as others do on Kinetics-400.
`pretrain` makes the world's own small CLIP from captioned stills; it plays the part that OpenAI's CLIP plays in the
paper. `pairs` draws what our own RAFT learns from; `raft_train` trains it, `raft_measure` and `raft_card` measure and
ship it.

Nothing here is tuned to the order of the paper's results.
"""
