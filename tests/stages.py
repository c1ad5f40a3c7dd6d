"""Fingerprints of the code of each stage of the pipeline: `python tests/stages.py` writes them after a change.

A fingerprint covers the syntax trees of a stage's files without docstrings, comments and formatting. When one changes,
raise the stage's number in `amc/base/stages.py` if its results may differ, and run this script in either case.
"""

import ast
import hashlib
import json
from pathlib import Path

from amc.base.stages import STAGES
from amc.synth import generate

ROOT = Path(__file__).resolve().parents[1]
RECORD = Path(__file__).with_name("stages.json")
FILES = {
    "video": ("video/*.py",),
    "sampling": ("sampling.py",),
    "flow": ("flow.py", "raft/*.py"),
    "slots": ("transforms.py", "flow_color.py", "interleave.py", "datasets/clips.py", "datasets/store.py"),
    "model": ("model/*.py", "baselines/*.py", "runs/methods.py"),
    "training": ("train.py", "runs/experiment.py", "metrics.py", "aggregate.py"),
    "scoring": ("scores.py",),
    "world": ("synth/*.py",),  # its number is generate.VERSION
}


def fingerprint(sources: list[str]) -> str:
    """Fingerprint of the syntax trees of source texts, 16 hex digits."""
    trees = [ast.parse(source) for source in sources]
    for node in (node for tree in trees for node in ast.walk(tree)):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                node.body = body[1:]
    return hashlib.sha256("".join(map(ast.dump, trees)).encode()).hexdigest()[:16]


def sources(stage: str) -> list[str]:
    """The files of a stage, in the order of their names."""
    paths = sorted(path for pattern in FILES[stage] for path in (ROOT / "amc").glob(pattern))
    paths = [path for path in paths if stage != "world" or path.stem not in generate.NOT_DRAWING]
    return [path.read_text(encoding="utf-8") for path in paths]


def now() -> dict[str, list]:
    """The number and the fingerprint of every stage."""
    numbers = STAGES | {"world": generate.VERSION}
    return {stage: [number, fingerprint(sources(stage))] for stage, number in numbers.items()}


if __name__ == "__main__":
    RECORD.write_text(json.dumps(now(), indent=1) + "\n", encoding="utf-8")
