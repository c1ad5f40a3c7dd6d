"""What holds for every notebook: it runs from any folder, and each wrong or unknown parameter stops it at once."""

import ast
import json
from pathlib import Path

import pytest
from executed import MOST_BYTES, alts
from user_commands import NOTEBOOKS, papermill

from amc.base.errors import AmcError

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
NAMES = [path.name for path in PATHS]
FREE = {"behaviours", "out_dir"}  # any text is allowed here: names to look for, and a folder that is made
WITH = {"data_root": {"dataset": "animal-kingdom"}}  # a generated world is drawn wherever one likes
WRONG = {"str": ("no such value",), "int": (-7, 2.5, "some"), "float": ("some", -1.0), "bool": ("false", 2)}


def code(path: Path) -> list[str]:
    return ["".join(c["source"]) for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]


def parameters(path: Path) -> dict[str, str]:
    """Type by name of every parameter of a notebook."""
    return {node.target.id: node.annotation.id for node in ast.parse(code(path)[0]).body}


def run_head(path: Path, given: dict) -> None:
    """The cell of parameters, what papermill would put in, and the next two cells, as a kernel runs them."""
    first, *others = code(path)
    injected = "# Parameters\n" + "".join(f"{name} = {value!r}\n" for name, value in given.items())
    namespace = {"In": [""], "display": lambda *_: None, "__name__": "__main__"}
    for source in (first, injected, *others[:2]):
        namespace["In"].append(source)
        exec(compile(source, path.name, "exec"), namespace)


@pytest.fixture(scope="module")
def own_folders(tmp_path_factory):
    """Folders of a whole module, so that a world is drawn once."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AMC_DATA", "AMC_REPORTS"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name)))
        yield


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_at_size_smoke_from_three_folders(name, environment, tmp_path):
    options = ["-p", "size", "smoke"] + ["-p", "interactive", "False"] * ("interactive" in parameters(NOTEBOOKS / name))
    for folder in (NOTEBOOKS.parent, NOTEBOOKS, tmp_path):
        output = tmp_path / "out.ipynb"
        done = papermill(name, folder, output, *options, environment=environment)
        assert done.returncode == 0, done.stderr[-2000:]
        assert all(alts(output))
        assert output.stat().st_size <= MOST_BYTES
    written = Path(environment["AMC_REPORTS"])
    assert (written / "results" / f"{Path(name).stem}.json").exists()
    assert sorted((written / "figures").glob(f"{name[:2]}_*.pdf"))


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_parameter_is_refused_with_the_known_ones(name):
    with pytest.raises(AmcError, match=r"parameter 'no_such_name' is not known; .*size") as error:
        run_head(NOTEBOOKS / name, {"no_such_name": 1})
    assert "\n" not in str(error.value)


CASES = [
    (path.name, parameter, value)
    for path in PATHS
    for parameter, kind in parameters(path).items()
    for value in WRONG[kind]
    if parameter not in FREE
]


@pytest.mark.parametrize("name, parameter, value", CASES)
def test_a_wrong_value_is_refused_in_one_line_that_names_it(name, parameter, value, own_folders):
    with pytest.raises(AmcError) as error:
        run_head(NOTEBOOKS / name, {"size": "smoke", parameter: value} | WITH.get(parameter, {}))
    assert str(value) in str(error.value), "the line has to show what was given"
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_parameter_that_it_offers_is_taken(path, own_folders):
    """papermill hands over the defaults as if a user had typed them: none may be refused as unknown."""
    namespace: dict = {}
    exec(code(path)[0], namespace)
    run_head(path, {name: namespace[name] for name in parameters(path)} | {"size": "smoke"})
