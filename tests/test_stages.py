"""Results are kept under the numbers of `stages.STAGES`: a change of a stage's code asks whether they stay the same."""

import ast
import json

import pytest
import stages

SOURCE = '''"""What it is."""
LIMIT = 3  # of something

def double(x):
    """Twice."""
    return 2 * x
'''


@pytest.mark.parametrize("stage", stages.FILES)
def test_whoever_changes_a_stage_raises_its_number_or_confirms_that_its_results_are_the_same(stage):
    kept = json.loads(stages.RECORD.read_text(encoding="utf-8"))
    assert stages.now()[stage] == kept[stage], (
        f"the code of stage {stage!r} has changed: raise its number in amc/base/stages.py unless all results are the "
        "same bit for bit, then run `python tests/stages.py`"
    )


def test_every_stage_has_files():
    assert stages.FILES.keys() == {*stages.STAGES, "world"}
    assert all(stages.sources(stage) for stage in stages.FILES)


@pytest.mark.parametrize(
    "change",
    [("What it is.", "What it was."), ("# of something", "# of another thing"), ("2 * x", "(2  *  x)"), ("Twice.", "")],
)
def test_words_and_form_change_no_fingerprint(change):
    assert stages.fingerprint([SOURCE.replace(*change)]) == stages.fingerprint([SOURCE])


@pytest.mark.parametrize(
    "change", [("LIMIT = 3", "LIMIT = 4"), ("2 * x", "x * 2"), ("double", "twice"), ("x)", "x=1)")]
)
def test_code_changes_the_fingerprint(change):
    changed = SOURCE.replace(*change)
    ast.parse(changed)
    assert stages.fingerprint([changed]) != stages.fingerprint([SOURCE])
