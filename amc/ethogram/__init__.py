"""Your own videos: from a video of any length to bouts of behaviour, and to the files that behaviour software reads.

    edges, windows ──▶ probabilities over time ──▶ bouts ──▶ exports        annotations ──▶ agreement
    timeline           predictor,                  bouts     record         of a human      with the model
                       sliding_window (the model)

All but `predictor`, `sliding_window`, `annotated`, `predict`, `tune`, `suggest` and `training_clips` work on small
tables alone and need no model. `inputs` finds and names videos, `crops` says where the animal is, `files` writes those
of one, `finished` remembers what is done, and `summary` writes the tables of all. `annotations` reads what a human
wrote: each kind of file is a module of `formats`, `observed` gives each event to its video, and `comparison` sets them
beside the model's bouts. `evidence` says how far a model can be trusted. Around again: `training_clips` cuts clips from
annotated videos, and `suggest` finds the moments that a human should annotate next, as a project of BORIS.
"""
