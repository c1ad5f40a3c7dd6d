"""The notebooks that `python -m amc reproduce` runs, in order, with their parameters."""

NAMES = (  # 02, 04, 05, 06 and 07 use runs of 03
    "00_quickstart", "01_sampling_windows", "03_ablation", "02_flow_interleaving", "04_state_of_the_art",
    "05_error_analysis", "06_inside_the_model", "07_your_own_video", "08_benchmark_audit", "09_unseen",
)  # fmt: skip
# Their sizes are those of a generated world, which has no size `paper`.
GENERATED = ("01_sampling_windows", "02_flow_interleaving", "07_your_own_video", "08_benchmark_audit")
INTERACTIVE = (
    "01_sampling_windows", "02_flow_interleaving", "05_error_analysis", "06_inside_the_model", "07_your_own_video",
)  # fmt: skip
EFFECT = "dis,raft-synth,true"  # flow methods that 02 trains with, at the sizes quick and standard


def parameters(name: str, size: str) -> list[str]:
    """papermill's options for a notebook: the size, real videos at size paper, and no interactive controls."""
    given = {}
    if name != NAMES[0] and not (size == "paper" and name in GENERATED):
        given |= {"size": size} | ({"dataset": "animal-kingdom"} if size == "paper" else {})
    given |= {"interactive": "False"} if name in INTERACTIVE else {}
    given |= {"effect": EFFECT} if name == "02_flow_interleaving" and size in ("quick", "standard") else {}
    return [part for pair in given.items() for part in ("-p", *pair)]
