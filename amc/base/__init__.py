"""What every part needs and nothing of the paper: errors, places, progress, processes, checkpoints, digests.

Imports nothing else of `amc`. Paths, tensors and texts come in; files that are whole or not there go out."""
