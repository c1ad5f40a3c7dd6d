"""What a run leaves behind: one JSON a notebook, and the paper's numbers to set beside it."""

import csv
import hashlib
import importlib.metadata
import math
import os
import platform
import subprocess
from pathlib import Path

import numpy as np

from amc import paths, seal
from amc.errors import AmcError

METHOD = "AnimalMotionCLIP"  # the paper's own, as its tables and data/paper_tables.csv call it
PACKAGES = (
    "numpy", "torch", "torchvision", "open_clip_torch", "transformers", "decord", "av", "opencv-python-headless",
    "pandas", "scikit-learn", "pytorchvideo",
)  # fmt: skip


def provenance(
    *,
    seed: int | None = None,
    device: str | None = None,
    flow_method: str | None = None,
    data_checksum: str | None = None,
    seconds: float | None = None,
) -> dict:
    """What it takes to repeat a run: the arguments as given, commit, code, versions, processor. Imports little."""
    return {
        "commit": commit(),
        "package_sha256": package_sha256(),
        "versions": {"python": platform.python_version()} | versions(),
        "cpu": {"model": _cpu(), "count": os.cpu_count()},
        "video_reader": f"pyav {importlib.metadata.version('av')}",
        "seed": seed,
        "device": device,
        "flow_method": flow_method,
        "data_checksum": data_checksum,
        "seconds": seconds,
    }


def commit() -> str:
    """Short hash of the commit, with `+changes` when tracked files outside `reports` differ; `unknown` without git."""
    folder = paths.root()
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)}  # no repository around ours
    outputs = []
    for command in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "-uno", "--", ".", ":!reports"]):
        try:
            done = subprocess.run(
                ["git", *command], cwd=folder, env=environment, capture_output=True, check=True, text=True
            )
        except (OSError, subprocess.CalledProcessError):
            return "unknown"
        outputs.append(done.stdout.strip())
    return outputs[0] + ("+changes" if outputs[1] else "")


def package_sha256() -> str:
    """Hash of the source files of `amc` as they lie now, which a commit with changes does not tell."""
    sources = sorted((paths.root() / "amc").rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def write(notebook: str, parameters: dict, rows: list[dict], provenance: dict, *, stem: str | None = None) -> Path:
    """Write `results/<notebook>.json` of `paths.reports()`, whole or not at all; `stem` names a variant. NaN is null.

    Called by a notebook's last cell, so the file's presence means that the run finished. Raises AmcError.
    """
    name = Path(notebook).stem
    path = paths.reports() / "results" / f"{stem or name}.json"
    record = {"notebook": name, "parameters": parameters, "provenance": provenance, "rows": rows}
    seal.write_json(path, _plain(record), indent=1)
    return path


def read(stem: str) -> dict:
    """The result that `write` left under this name. Raises AmcError when it is missing or damaged."""
    return load(paths.reports() / "results" / f"{stem}.json")


def load(path: Path) -> dict:
    """The result in a file that `write` left. Raises AmcError when it is missing, damaged or changed by hand."""
    try:
        record = seal.read_json(path)
        return {key: record[key] for key in ("notebook", "parameters", "provenance", "rows")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AmcError(f"{path}: no readable result ({error}); run its notebook first") from error


def paper_tables() -> list[dict]:
    """Rows of `data/paper_tables.csv`: table (int), method, scheme, modality, map (percent), metric, source,
    evidence (where it is known from that the number is of that metric)."""
    with (paths.root() / "data" / "paper_tables.csv").open(encoding="utf-8", newline="") as file:
        return [row | {"table": int(row["table"]), "map": float(row["map"])} for row in csv.DictReader(file)]


def leaderboard() -> list[dict]:
    """Rows of `data/leaderboard.csv`, numbers of other papers on the same benchmark: system, map (percent), metric,
    modality, source, evidence."""
    with (paths.root() / "data" / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        return [row | {"map": float(row["map"])} for row in csv.DictReader(file)]


def _plain(value: object) -> object:
    """`value` in JSON's own types: arrays and tuples as lists, paths as text, numbers that are not finite as None."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str | None]:
    """Installed versions of packages, None for an absent one."""
    return {name: _version(name) for name in packages}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    """Model name of the processor where Linux tells it, else what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
