"""The other rows of the paper's Table 1: names, weights and sizes in, a `Classifier` out; networks only.

`runs.methods` builds them by name from configurations.
"""
