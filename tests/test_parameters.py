"""Names and values that come from papermill either reach the notebook or stop it."""

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from amc.base import parameters
from amc.base.errors import AmcError
from amc.runs.ablation import ablation


def greet(*, name: str = "fox", times: int = 1) -> str:
    return " ".join([name] * times)


def notebook(*cells: str, **variables) -> dict:
    """The globals of a notebook that has run these cells; IPython's own record begins with an empty one."""
    return {"In": ["", *cells], **variables}


def test_variables_of_the_same_names_are_passed_on():
    assert parameters.take(notebook(name="frog", times=2, other=7), greet) == "frog frog"


def test_markup_in_a_name_is_text_in_a_styled_table():
    with pd.option_context("styler.format.escape", None):
        parameters.take({}, lambda: None)
        assert "<b>" not in pd.DataFrame({"behaviour": ["<b>running</b>"]}).style.hide(axis="index").to_html()


def test_what_the_notebook_lacks_keeps_its_default():
    assert parameters.take(notebook(times=2), greet) == "fox fox"


def test_names_that_papermill_gave_are_accepted_when_they_exist():
    cell = '# Parameters\nname = "frog"\ntimes = 3\nshow = True\n'
    assert parameters.take(notebook(cell, name="frog", times=3), greet, also=("show",)) == "frog frog frog"


@pytest.mark.parametrize(
    ("given", "hint"),
    [("nmae", "did you mean name? choose from: name, times, show"), ("q", "is not known; choose from: name, times")],
)
def test_a_misspelt_name_is_refused_with_a_hint(given, hint):
    with pytest.raises(AmcError) as error:
        parameters.take(notebook("name: str = 'fox'", f"# Parameters\n{given} = 1\n"), greet, also=("show",))
    assert f"parameter '{given}' is not known" in str(error.value) and hint in str(error.value)
    assert "\n" not in str(error.value)


def test_names_of_other_cells_are_the_notebooks_own_affair():
    cells = (
        "scale: int = 1  # px",
        "# Parameters\ntimes = 2\n",
        "colour = 3\n%matplotlib inline",
        "# Parameter\nx = 1",
    )
    assert parameters.take(notebook(*cells, times=2, colour=3), greet) == "fox fox"


def test_outside_a_notebook_there_is_no_record_of_cells():
    assert parameters.take({"name": "hare"}, greet) == "hare"


def test_a_wrong_value_ends_with_the_functions_own_line():
    with pytest.raises(AmcError, match="scheme: 'spares' is not known; choose one of: all, dense"):
        parameters.take(notebook('# Parameters\nscheme = "spares"\n', scheme="spares"), ablation)


def test_an_optional_modality_such_as_rgb_and_flow_survives_papermill():
    cells = parameters.take(notebook('# Parameters\nmodality = "rgb+flow"\n', modality="rgb+flow"), ablation)
    assert [cell.pixels.modality for cell in cells] == ["rgb+flow"]


@pytest.mark.parametrize("value", [["fox", "hare"], 3, 0.5, None, True, {"a": 1}])
@pytest.mark.parametrize("name", ["name", "behaviours"])
def test_where_text_is_declared_a_list_a_number_and_null_are_one_line(name, value):
    cells = (
        'name: str = "fox"  # of\nbehaviours: str = ""  # by commas',
        f"# Parameters\n{name} = {value!r}\n",
        "%matplotlib",
    )
    given = {"name": "fox", "behaviours": ""} | {name: value}
    with pytest.raises(AmcError, match=f"{name}: .* is not text; give text, .* several names with commas") as error:
        parameters.take(notebook(*cells, **given), greet, also=("behaviours",))
    assert "\n" not in str(error.value)


def test_seeds_may_be_a_number_or_text():
    for seeds in (3, "3"):
        given = notebook(scheme="sparse", modality="rgb", size="smoke", seeds=seeds)
        assert [cell.seed for cell in parameters.take(given, ablation)] == [3]
    with pytest.raises(AmcError, match=r"seeds: \[0, 1\] is not text"):
        parameters.take(notebook(seeds=[0, 1]), ablation)


def test_a_flag_is_true_or_false_and_not_the_word():
    assert parameters.flag("grid", False) is False
    with pytest.raises(AmcError, match="grid: 'false' is not a truth value; give True or False"):
        parameters.flag("grid", "false")


@pytest.mark.parametrize("value", [0, 5, 2.0, True, "3"])
def test_a_whole_number_lies_within_its_bounds(value):
    assert parameters.whole("k", 4, 1, 4) == 4
    with pytest.raises(AmcError, match=f"k: {value!r} is not allowed; give a whole number from 1 to 4"):
        parameters.whole("k", value, 1, 4)


def test_a_file_is_there_or_not_named(tmp_path):
    assert parameters.file("video", "") is None
    assert parameters.file("video", str(__file__)).name == "test_parameters.py"
    with pytest.raises(AmcError, match="video: '.*' is no file; give the path of one"):
        parameters.file("video", str(tmp_path))


def test_a_notebook_shows_a_mistake_as_one_line_and_a_fault_with_its_traceback(capsys):
    shell = InteractiveShell()
    shell.run_cell("from amc.base.errors import choice\nchoice('scheme', 'spares', ['dense', 'sparse'])")
    assert capsys.readouterr().out == "AmcError: scheme: 'spares' is not known; choose one of: dense, sparse\n"
    shell.run_cell("1 / 0")
    assert "Traceback" in capsys.readouterr().out


def test_an_interrupted_cell_says_so_in_one_line(capsys):
    shell = InteractiveShell()
    namespace = {"parameters": parameters, "greet": greet, "get_ipython": lambda: shell}
    before = shell.run_cell("raise KeyboardInterrupt")
    assert before.error_in_exec and len(capsys.readouterr().out.splitlines()) > 3
    shell.push(namespace)
    assert shell.run_cell("greeting = parameters.take(globals(), greet)").success
    stopped = shell.run_cell("raise KeyboardInterrupt")
    assert isinstance(stopped.error_in_exec, KeyboardInterrupt)  # so that Run All stops there
    assert capsys.readouterr().out == "stopped; run the cell again\n"
    shell.run_cell("from amc.base.processes import Stopped\nraise Stopped('it goes on from epoch 3', 2)")
    assert capsys.readouterr().out == "stopped; it goes on from epoch 3\n"  # the more exact line is kept
