"""Conventions that no linter knows: length of files, light imports, environments, committed texts."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import amc

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "amc").rglob("*.py"))
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
CONDA = {  # conda-forge's names where they differ from the package index
    "torch": "pytorch",
    "open_clip_torch": "open-clip-torch",
    "matplotlib": "matplotlib-base",
}
RIGHT_OF_THE_SEAM = (
    *("base.errors", "base.paths", "base.parameters", "base.provenance", "aggregate", "metrics", "scores", "figures"),
    *("runs.results", "runs.tables", "runs.readme", "figures.table_1", "ethogram", "baselines.species_prior"),
    *("datasets.table", "datasets.charades", "datasets.animal_kingdom", "datasets.kabr"),
    *(
        f"ethogram.{name}"
        for name in (
            "timeline",
            "bouts",
            "record",
            "exports",
            "annotations",
            "agreement",
            "out_of_distribution",
            "evidence",
            "formats.boris_project",
        )
    ),
)
PLACES = "/(?:home|Users|root|work|mnt|private)/"  # where machines keep what belongs to one person


def nodes(kinds: type | tuple) -> Iterator[tuple[str, ast.AST]]:
    """Every node of a kind in the package, as (file:line, node)."""
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                yield f"{name}:{node.lineno}", node


def requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(text) for texts in (PROJECT["dependencies"], *extras) for text in texts]


def test_no_file_has_more_than_300_lines():
    texts = [*FILES, *(ROOT / "tests").glob("*.py")]
    assert [path.name for path in texts if len(path.read_text(encoding="utf-8").splitlines()) > 300] == []


def test_the_package_avoids_what_the_style_guide_forbids():
    found = [f"{place}: **{node.args.kwarg.arg}" for place, node in nodes(FUNCTIONS) if node.args.kwarg]
    found += [f"{place}: sys.path" for place, node in nodes(ast.Attribute) if ast.unparse(node) == "sys.path"]
    assert found == []


def test_what_needs_only_score_files_and_annotation_does_not_import_torch():
    names = [f"amc.{name}" for name in RIGHT_OF_THE_SEAM]
    code = f"import sys, {', '.join(names)}; print(sorted({{'torch', 'open_clip', 'cv2'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_configuration_imports_the_standard_library_only():
    code = (
        "import sys, amc.config; print(*(n for n in sys.modules if n.partition('.')[0] in ('amc', 'numpy', 'torch')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["amc", "amc.config"]


def test_help_imports_no_torch():
    code = "import sys; from amc.cli.parser import parser; parser().format_help(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_every_folder_of_the_package_is_installed():
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    assert sorted(packages) == sorted(
        path.parent.relative_to(ROOT).as_posix().replace("/", ".") for path in FILES if path.name == "__init__.py"
    )


def test_the_conda_environment_agrees_with_pyproject():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    (from_pip,) = [entry["pip"] for entry in listed if isinstance(entry, dict)]
    assert from_pip.pop() == "-e ."
    texts = [*(entry for entry in listed if isinstance(entry, str)), *from_pip]
    conda = {(r := Requirement(text)).name: str(r.specifier) for text in texts}
    assert conda.pop("python") == PROJECT["requires-python"]
    assert conda.pop("pip") == ""
    assert conda == {CONDA.get(r.name, r.name): str(r.specifier) for r in requirements()}


def test_every_dependency_is_pinned_once_within_its_bounds():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    assert all(re.fullmatch(r"==[\w.]+", str(pin.specifier)) for pin in pins)
    pinned = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}
    assert len(pinned) == len(pins)
    for requirement in requirements():
        version = pinned.get(canonicalize_name(requirement.name))
        assert version and requirement.specifier.contains(version), requirement


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"] == amc.__version__


def test_no_committed_text_names_a_place_on_one_machine():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if done.returncode:
        pytest.skip("not a git repository, so what is committed is not known")
    found = []
    for name in filter(None, done.stdout.decode().split("\0")):
        path = ROOT / name
        if not path.is_file() or b"\0" in (data := path.read_bytes())[:8192]:
            continue
        found += [
            f"{name}: {place}" for place in re.findall(rf"(?<![\w.~:/]){PLACES}\w+", data.decode("utf-8", "replace"))
        ]
    assert found == []


@pytest.mark.parametrize("text", ["amc/experiment.py", "https://a.org/home/x", "data/work/x", "~/root/a"])
def test_a_path_of_the_repository_and_an_address_are_no_place_on_a_machine(text):
    assert not re.search(rf"(?<![\w.~:/]){PLACES}\w+", text)
    assert re.search(rf"(?<![\w.~:/]){PLACES}\w+", f"see '/{'home'}/fox'")
