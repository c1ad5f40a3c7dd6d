"""Your own videos: from a video of any length to bouts of behaviour, and to the files that behaviour software reads.

    edges, windows ──▶ probabilities over time ──▶ bouts ──▶ exports        annotations ──▶ agreement
    timeline           eye, watch (the model)      bouts     record         of a human      with the model

All but `eye`, `watch`, `annotated` and `predict` work on small tables alone and need no model. `inputs` names videos,
`annotation_rows` and `queued` read what BORIS and others write.
"""
