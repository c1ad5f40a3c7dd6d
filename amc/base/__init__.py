"""What every part needs, independent of the paper: errors, paths, progress, processes, checkpoints, digests.

Imports nothing else of `amc`. Paths, tensors and texts in; files out, written atomically."""
