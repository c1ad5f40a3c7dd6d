"""Where a result comes from: commit, code, versions of libraries, processor."""

import hashlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

from amc.base import paths

PACKAGES = (
    "numpy", "torch", "torchvision", "open_clip_torch", "transformers", "decord", "av", "opencv-python-headless",
    "pandas", "scikit-learn", "pytorchvideo",
)  # fmt: skip


def collect(
    *,
    seed: int | None = None,
    device: str | None = None,
    flow_method: str | None = None,
    data_checksum: str | None = None,
    seconds: float | None = None,
) -> dict:
    """All that is needed to repeat a run: the arguments as given, commit, code, versions, processor. Imports little."""
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
    """Hash of the current source files of `amc`, which a commit with local changes does not identify."""
    sources = sorted((paths.root() / "amc").rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str | None]:
    """Installed versions of packages, None for a missing one."""
    return {name: _version(name) for name in packages}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    """Model name of the processor from Linux, else what Python reports."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
