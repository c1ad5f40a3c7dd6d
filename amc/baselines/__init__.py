"""The other rows of the paper's Table 1, each a thin `System` over its network; `systems` has all by name."""
