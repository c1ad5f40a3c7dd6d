"""Each wrong or unknown parameter of a notebook stops it at once; its first cells run here, without a kernel."""

import ast
import json
from pathlib import Path

import pytest
from user_commands import NOTEBOOKS

from amc import sampling
from amc import video as reader
from amc.base.errors import AmcError

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
NAMES = [path.name for path in PATHS]
FREE = {"behaviours", "out_dir"}  # any text is allowed here: names to look for, and a folder that is made
WITH = {"data_root": {"dataset": "animal-kingdom"}}  # a generated world is drawn wherever one likes
SIZES = {"num_windows": 3, "frames": 4}  # the defaults of 00 and 01
WRONG = {"str": ("no such value",), "int": (-7, 2.5, "some"), "float": ("some", -1.0), "bool": ("false", 2)}


def code(path: Path) -> list[str]:
    return ["".join(c["source"]) for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]


def parameters(path: Path) -> dict[str, str]:
    """Type by name of every parameter of a notebook."""
    return {node.target.id: node.annotation.id for node in ast.parse(code(path)[0]).body}


def smallest(path: Path) -> dict[str, str]:
    """The smallest size, for a notebook that has sizes."""
    return {"size": "smoke"} if "size" in parameters(path) else {}


def run_head(path: Path, given: dict, *, cells: int = 2) -> dict:
    """The variables after the cell of parameters, what papermill would put in, and the next `cells`, as in a kernel."""
    first, *others = code(path)
    injected = "# Parameters\n" + "".join(f"{name} = {value!r}\n" for name, value in given.items())
    namespace = {"In": [""], "display": lambda *_: None, "__name__": "__main__"}
    for source in (first, injected, *others[:cells]):
        namespace["In"].append(source)
        exec(compile(source, path.name, "exec"), namespace)
    return namespace


@pytest.fixture(autouse=True)
def own_folders(environment, monkeypatch):
    """The folders that executed notebooks have too: their world is drawn already."""
    for name in ("AMC_DATA", "AMC_REPORTS"):
        monkeypatch.setenv(name, environment[name])


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_parameter_is_refused_with_the_known_ones(name):
    with pytest.raises(AmcError, match="parameter 'no_such_name' is not known") as error:
        run_head(NOTEBOOKS / name, {"no_such_name": 1})
    said = str(error.value)
    assert "\n" not in said and all(known in said for known in parameters(NOTEBOOKS / name))


CASES = [
    (path.name, parameter, value)
    for path in PATHS
    for parameter, kind in parameters(path).items()
    for value in WRONG[kind]
    if parameter not in FREE
]


@pytest.mark.parametrize("name, parameter, value", CASES)
def test_a_wrong_value_is_refused_in_one_line_that_names_it(name, parameter, value):
    with pytest.raises(AmcError) as error:
        run_head(NOTEBOOKS / name, smallest(NOTEBOOKS / name) | {parameter: value} | WITH.get(parameter, {}))
    assert str(value) in str(error.value), "the line has to show what was given"
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_parameter_that_it_offers_is_taken(path):
    """papermill hands over the defaults as if a user had typed them: none may be refused as unknown."""
    namespace: dict = {}
    exec(code(path)[0], namespace)
    run_head(path, {name: namespace[name] for name in parameters(path)} | smallest(path))


@pytest.mark.parametrize(
    "name, given, message",
    [
        ("00_quickstart", {"shceme": "dense"}, "did you mean scheme?"),
        ("00_quickstart", {"flow_method": "true"}, "choose one of: raft-large, raft-small, raft-synth, dis"),
        ("03_ablation", {"shceme": "sparse"}, "did you mean scheme?"),
        ("03_ablation", {"scheme": "spare"}, "choose one of: all, dense, semi-dense, sparse"),
        ("03_ablation", {"modality": "motion"}, "choose one of: all, rgb, flow, rgb+flow"),
        ("03_ablation", {"grid": "true"}, "give True or False"),
        ("03_ablation", {"frames": 8.0}, "give a whole number"),
        ("04_state_of_the_art", {"method": "I3D"}, "did you mean methods?"),
        ("04_state_of_the_art", {"methods": "I4D"}, "choose one of: all, I3D, SlowFast, X3D"),
        ("04_state_of_the_art", {"kinetics": "nowhere"}, "holds weights for networks and pictures of size paper"),
        ("04_state_of_the_art", {"num_windows": 3.5}, "give a whole number"),
    ],
)
def test_a_refusal_names_what_is_allowed(name, given, message):
    with pytest.raises(AmcError) as error:
        run_head(NOTEBOOKS / f"{name}.ipynb", {"size": "smoke"} | given)
    assert message in str(error.value)


def test_a_layer_that_is_not_there_is_refused_with_those_that_are():
    given = {"size": "smoke", "layer": 9, "trained": False, "pretrained": "random", "interactive": False}
    with pytest.raises(AmcError, match="layer: 9 does not exist; synth-clip has 4, give -1 to 3"):
        run_head(NOTEBOOKS / "06_inside_the_model.ipynb", given, cells=10)  # the ninth cell counts the layers


@pytest.mark.parametrize("name, cells", [("00_quickstart", 11), ("01_sampling_windows", 5)])
def test_a_video_of_ones_own_takes_the_place_of_the_drawn_clip_where_no_truth_is_needed(name, cells, films):
    video = sorted(films.glob("*.mp4"))[0]
    given = {"size": "smoke", "video": str(video)}
    found = run_head(NOTEBOOKS / f"{name}.ipynb", given, cells=cells)
    assert found["path"] == video
    assert not found.get("acts") and not found.get("errors"), "events and true flow are not known"
    windows = found["windows"] if name == "00_quickstart" else found["plans"]["dense"]
    assert windows == sampling.plan(reader.probe(video).num_frames, scheme=found.get("scheme", "dense"), **SIZES)
