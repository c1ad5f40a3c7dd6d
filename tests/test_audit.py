"""The audit of a benchmark gives values worked out by hand, the known ones on real labels, and never scores itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from amc import metrics
from amc.base.errors import AmcError
from amc.companion import audit
from amc.companion.audit import Annotation
from amc.datasets.table import Clip, ClipTable


def clip(name: str, split: str, labels, species: str = "fox", group: str = "") -> Clip:
    return Clip(name, Path(name), labels, split, species=species, group=group)


def annotation(*clips: Clip, names: str = "abc") -> Annotation:
    table = ClipTable("t", tuple(names), clips)
    return Annotation(table, replace(table, clips=tuple(c for c in clips if c.split != "test")), None)


@pytest.fixture(scope="module")
def published(real) -> Annotation:
    return audit.load(str(real / "animal_kingdom" / "AR_metadata.xlsx"))


@pytest.fixture(scope="module")
def blind(published):
    return audit.blind(published)


def test_labels_that_go_together_raise_each_other_and_none_speaks_for_itself():
    train = [clip(f"t{n}", "train", (0, 1)) for n in range(30)] + [clip(f"u{n}", "train", (2,)) for n in range(30)]
    table = ClipTable("t", tuple("abc"), tuple(train))
    tested = ClipTable("t", tuple("abc"), (clip("x", "test", (0,)), clip("y", "test", (2,))))
    prior = np.full((2, 3), 0.5)
    probs = audit._with_labels(prior, table, tested, weight=1)
    # With 5 clips added at the base rate of 1/2: P(a | b) = 32.5 / 35, P(a | not b) = 2.5 / 35: odds of 13.
    assert probs[0] == pytest.approx([0.5, 13 / 14, 1 / 14])
    assert probs[1] == pytest.approx([1 / 14, 1 / 14, 0.5])
    assert audit._with_labels(prior, table, tested, weight=0) == pytest.approx(prior)


def test_relatives_from_the_same_source_pull_the_score_towards_what_they_show():
    train = ClipTable("t", tuple("ab"), (clip("r", "train", (0,), group="g"), clip("s", "train", (0, 1), group="g")))
    tested = ClipTable("t", tuple("ab"), (clip("x", "test", (0,), group="g"), clip("y", "test", (0,), group="h")))
    probs = audit._with_source(np.full((2, 2), 0.2), train, tested, pull=2)
    assert probs[0] == pytest.approx([(2 + 2 * 0.2) / 4, (1 + 2 * 0.2) / 4])
    assert probs[1] == pytest.approx([0.2, 0.2])  # nobody from its source
    unnamed = ClipTable("t", tuple("ab"), (clip("z", "test", (0,)),))
    assert audit._with_source(np.full((1, 2), 0.2), train, unnamed, pull=2)[0] == pytest.approx([0.2, 0.2])


def test_leakage_counts_test_clips_of_known_sources_and_compares_their_partners():
    found = annotation(
        *(clip("a", "train", (0,), group="g"), clip("b", "train", (1, 2), group="h"), clip("v", "val", (1,))),
        *(clip("x", "test", (0,), group="g"), clip("y", "test", (0,), group="new"), clip("z", "test", (0,))),
    )
    leak = audit.leakage(found, seed=0)
    assert (leak["groups_in_both"], leak["test_clips_concerned"], leak["test_clips"]) == (1, 1, 3)
    assert leak["likeness"]["same source, same species"] == [1.0]
    assert leak["likeness"]["other source, same species"] == [0.0]


def test_the_overlap_of_label_sets_is_jaccards():
    assert audit._overlap((1, 2, 3), (2, 3, 4, 5)) == pytest.approx(2 / 5)


def test_a_row_has_both_averages_in_percent_with_intervals():
    rng = np.random.default_rng(0)
    labels, probs = rng.random((60, 4)) < (0.5, 0.3, 0.05, 0.05), rng.random((60, 4))
    row = audit.row("species", labels, probs)
    assert row["map_macro"] == pytest.approx(100 * metrics.map_macro(labels, probs))
    assert row["map_macro_low"] < row["map_macro"] < row["map_macro_high"]
    assert row["map_micro_low"] < row["map_micro"] < row["map_micro_high"]


def test_known_answers_on_the_real_labels(published, blind):
    labels = published.test.labels()
    maps = {name: (metrics.map_macro(labels, p), metrics.map_micro(labels, p)) for name, (p, _) in blind.items()}
    assert list(maps) == list(audit.EVIDENCE)
    assert 100 * np.array(maps["class frequency"]) == pytest.approx([1.67, 18.98], abs=0.005)
    assert 100 * np.array(maps["species"]) == pytest.approx([28.86, 51.28], abs=0.005)  # as notebook 04 has it
    ladder = [maps[name][1] for name in ("class frequency", "parent class", "sub-class", "species")]
    assert ladder == sorted(ladder)  # more is told, more is known
    assert audit.leakage(published, seed=0)["groups_in_both"] == 1866


def test_test_labels_change_no_predictor_but_the_one_that_is_told_them(published, blind):
    emptied = tuple(replace(c, labels=(0,)) if c.split == "test" else c for c in published.table.clips)
    other = audit.blind(replace(published, table=replace(published.table, clips=emptied)))
    changed = [name for name in blind if not np.array_equal(blind[name][0], other[name][0])]
    assert changed == ["species + co-occurrence"]


def test_the_six_wrong_names_are_found(published, real):
    found = audit.misnamed(published.table.names, real / "animal_kingdom" / "df_action.xlsx")
    assert [row["id"] for row in found] == [49, 50, 81, 82, 83, 84]
    assert found[0]["sheet Action"] == "Flapping tail"


def test_a_file_that_names_no_behaviours_is_refused(tmp_path):
    pd.DataFrame({"a": [1]}).to_excel(tmp_path / "other.xlsx")
    (tmp_path / "text.xlsx").write_text("no workbook")
    for name in ("other.xlsx", "text.xlsx", "absent.xlsx"):
        with pytest.raises(AmcError, match=r"not Animal Kingdom's df_action.xlsx"):
            audit.misnamed(("a",), tmp_path / name)


def test_without_the_workbook_the_generated_world_is_audited(smoke_world, tmp_path, monkeypatch):
    (tmp_path / "synth").symlink_to(smoke_world)
    monkeypatch.setenv("AMC_DATA", str(tmp_path))
    found = audit.load(size="smoke")
    assert found.workbook is None and found.table.name == "synth-smoke"
    assert set(found.table.counts()) == {"train", "val", "test"}
    with pytest.raises(AmcError, match="size: .*paper"):
        audit.load(size="paper")
