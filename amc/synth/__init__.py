"""Synth Kingdom: a small world of moving animals, generated from a seed. Everything trains and runs on it.

    species, environments ──▶ scripts ──▶ scene ──▶ frames and exact flow ──▶ generate: videos, annotation, truth
    who lives where           what happens  bodies perform behaviours          in Animal Kingdom's own layout

A `world.World` defines species, behaviours and what happens: `kingdom.KINGDOM`, made of the modules above, and
`menagerie.MENAGERIE`, other animals with other behaviours, for pre-training as others use Kinetics-400.
`pretrain` trains the world's own small CLIP on captioned stills, in the role of OpenAI's CLIP in the paper.
`pairs` draws the training data of our own RAFT; `raft_train` trains it, `raft_card` measures and bundles it.

Nothing here is tuned to the order of the paper's results.
"""
