"""The notebooks that `python -m amc reproduce` runs, with their parameters and what they are made from.

And their copies for a class.
"""

import hashlib
import json
import os
from pathlib import Path

from amc.base import paths
from amc.base.digests import digest
from amc.base.errors import choice
from amc.base.stages import STAGES

GROUPS = {
    "tables": (
        "000_first_look", "00_quickstart", "01_sampling_windows", "03_ablation", "04_state_of_the_art",
        "05_error_analysis", "06_inside_the_model",
    ),
    "studies": ("02_flow_interleaving", "07_your_own_video", "08_benchmark_audit", "09_unseen"),
}  # fmt: skip
NAMES = tuple(name for names in GROUPS.values() for name in names)
NEEDS = {  # what has to end before, if both run: it draws the same world, or trains the same run
    "01_sampling_windows": "03_ablation",
    "02_flow_interleaving": "03_ablation",
    "04_state_of_the_art": "03_ablation",
    "05_error_analysis": "03_ablation",
    "06_inside_the_model": "03_ablation",
    "07_your_own_video": "02_flow_interleaving",
}
# Their sizes are those of a generated world, which has no size `paper`.
GENERATED = ("01_sampling_windows", "02_flow_interleaving", "07_your_own_video", "08_benchmark_audit")
INTERACTIVE = (
    "01_sampling_windows", "02_flow_interleaving", "05_error_analysis", "06_inside_the_model", "07_your_own_video",
)  # fmt: skip
SEEDED = ("03_ablation", "04_state_of_the_art")  # those that train one run per seed
LONG = ("02_flow_interleaving", "03_ablation", "04_state_of_the_art")
EFFECT = "dis,raft-synth,true"  # flow methods that 02 trains with, at the sizes quick and standard


def chosen(wanted: list[str]) -> list[str]:
    """The notebooks of groups and names, each once and in order; nothing means the group `tables`. Raises AmcError."""
    wanted = wanted or ["tables"]
    for name in wanted:
        choice("notebook", name, (*GROUPS, *NAMES))
    names = {name for each in wanted for name in GROUPS.get(each, (each,))}
    return [name for name in NAMES if name in names]


def in_turn(names: list[str]) -> list[str]:
    """The order in which notebooks start: the long ones first, so that others can run beside them."""
    return sorted(names, key=lambda name: (NEEDS.get(name) in names, name not in LONG))


def parameters(name: str, size: str, seeds: str = "0") -> dict[str, str]:
    """papermill's parameters for a notebook: the size, real videos at size paper, and no interactive controls."""
    given = {}
    if name not in ("000_first_look", "00_quickstart") and not (size == "paper" and name in GENERATED):
        given |= {"size": size} | ({"dataset": "animal-kingdom"} if size == "paper" else {})
    given |= {"seeds": seeds} if name in SEEDED and seeds != "0" else {}
    given |= {"interactive": "False"} if name in INTERACTIVE else {}
    given |= {"effect": EFFECT} if name == "02_flow_interleaving" and size in ("quick", "standard") else {}
    return given


def is_made(executed: Path, record: Path, source: str) -> bool:
    """Whether this machine made an executed notebook and its record from `source`; those of a clone it did not make."""
    stamp = _stamp(executed)
    return all(path.exists() for path in (executed, record, stamp)) and stamp.read_text() == _made(executed, source)


def note_made(executed: Path, source: str) -> None:
    """Remember what an executed notebook was made from."""
    paths.write_text(_stamp(executed), _made(executed, source))


def _stamp(executed: Path) -> Path:
    place = hashlib.sha256(str(executed.resolve()).encode()).hexdigest()[:16]
    return paths.cache() / "notebooks" / f"{executed.stem}-{place}"


def _made(executed: Path, source: str) -> str:
    return f"{source} {hashlib.sha256(executed.read_bytes()).hexdigest()}\n"


def made_from(name: str, size: str, seeds: str = "0") -> str:
    """What an executed notebook depends on, 16 hex digits: its code and text, parameters, stages, drawn worlds, the
    tables in data/, the bundled weights and AMC_PRODUCTS.

    The figures' code is not part of it: after a change of a figure, name the notebook to run it again.
    """
    from amc.base.precision import VARIABLE  # torch, and below the renderer, which other users do not need
    from amc.synth import generate

    cells = json.loads((paths.root() / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    worlds = [(world.name, repr(world.sizes), generate.digest(world)) for world in generate.WORLDS.values()]
    files = [*(paths.root() / "data").glob("*.csv"), *(paths.root() / "data" / "weights").glob("*.json")]
    bundled = [(file.name, digest(file)) for file in sorted(files)]
    parts = [["".join(cell["source"]) for cell in cells], parameters(name, size, seeds), STAGES, worlds, bundled]
    parts += [os.environ.get(VARIABLE, "")]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def class_copies(folder: Path) -> list[Path]:
    """Write a copy of every notebook into `folder` for a class, without solutions and outputs; returns the copies."""
    import nbformat
    from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor  # slow to import, both

    solutions = TagRemovePreprocessor(remove_cell_tags={"solution"}, enabled=True)
    written = []
    for source in sorted((paths.root() / "notebooks").glob("[0-9]*.ipynb")):
        notebook = nbformat.read(source, as_version=4)
        notebook, _ = ClearOutputPreprocessor().preprocess(notebook, {})
        notebook, _ = solutions.preprocess(notebook, {})
        written.append(paths.write_text(folder / source.name, nbformat.writes(notebook) + "\n"))
    return written
