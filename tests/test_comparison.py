"""An ethogram beside a human's annotation: each subject, the frames that count, point events, who was observed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from amc.base.errors import AmcError
from amc.ethogram import annotations, comparison, exports, tune
from amc.ethogram.bouts import Bout, Rules
from amc.ethogram.record import Ethogram

BORIS = "Observation id\tSubject\tBehavior\tBehavior type\tStart (s)\tStop (s)\tMedia file name\n"
DOGS = BORIS + "\n".join([
    "obs\tdog A\twalking\tSTATE\t1\t5\tfox.mp4", "obs\tdog B\twalking\tSTATE\t4\t9\tfox.mp4",
    "obs\tdog B\teating\tPOINT\t2.55\tNA\tfox.mp4", "obs\t\tbite\tPOINT\t6\tNA\tfox.mp4",
])  # fmt: skip


def ethogram(edges: np.ndarray, walks: slice) -> Ethogram:
    """A model that sees walking in some frames, and never eating."""
    probs = np.zeros((len(edges) - 1, 2), np.float32)
    probs[walks, 0], probs[:, 1] = 0.9, 0.1
    return Ethogram("fox", "fox.mp4", 10.0, edges, ("Walking", "Eating"), probs, np.full(2, 0.5), Rules(1, 0, 0))


@pytest.fixture
def dogs(tmp_path):
    (tmp_path / "dogs.tsv").write_text(DOGS)
    return annotations.read(tmp_path / "dogs.tsv")


def test_each_subject_has_its_own_agreement_and_merged_ones_are_told(dogs):
    shown = ethogram(np.arange(101) / 10, slice(10, 50))  # what dog A does
    table, parts, notes = comparison.compare(shown, dogs)
    assert table["subject"].tolist() == ["dog A", "dog B", "all subjects"]
    assert table["human_s"].tolist() == pytest.approx([4, 5, 8]) and table["human_bouts"].tolist() == [1, 1, 1]
    assert table["f1"].tolist() == pytest.approx([1, 2 / 9, 8 / 12]) and table["matched"].tolist() == [1, 0, 1]
    assert parts["human"].sum() == 80  # figures show all
    assert "2 subjects (dog A, dog B) are merged in the rows 'all subjects'; choose one with --subject" in notes
    table, parts, notes = comparison.compare(shown, dogs, subject="dog B")
    assert table["subject"].tolist() == ["dog B"] and parts["human"].sum() == 50
    assert not any("merged" in note for note in notes)
    with pytest.raises(AmcError, match="has no events of 'dog C' in fox.mp4"):
        comparison.compare(shown, dogs, subject="dog C")


def test_of_a_track_only_the_time_in_which_it_is_seen_counts(dogs, tmp_path):
    shown = replace(ethogram(np.arange(101) / 10, slice(20, 50)), subject="dog A", span=(2.0, 6.0))
    table, parts, _ = comparison.compare(shown, dogs, subject="dog A")  # which walks from 1 to 5 s
    assert table["human_s"].tolist() == table["model_s"].tolist() == pytest.approx([3]) and table["f1"].tolist() == [1]
    assert parts["counted"].nonzero()[0].tolist() == list(range(20, 60))
    points = comparison.points(replace(shown, span=(3.0, 6.0)), dogs)
    assert points.empty  # one is before it, the other after it
    labels = exports.deepethogram(shown)
    assert (labels.loc[[*range(20), *range(60, 100)]] == -1).all(axis=None) and (labels.loc[20:59] >= 0).all(axis=None)
    (tmp_path / "fox@dog A_labels.csv").write_text(exports.text(labels, has_index=True))
    table, parts, _ = comparison.compare(shown, annotations.read(tmp_path / "fox@dog A_labels.csv"), subject="dog A")
    assert parts["counted"].sum() == 40 and table["f1"].tolist()[0] == 1
    late = replace(shown, span=(9.0, 10.0))
    with pytest.raises(AmcError, match="labels no frame of fox.mp4 in which dog A is seen"):
        comparison.compare(late, annotations.read(tmp_path / "fox@dog A_labels.csv"), subject="dog A")


def test_an_animal_that_does_nothing_in_a_video_is_compared_if_it_was_observed(tmp_path):
    rows = "obs\tdog A\twalking\tSTATE\t1\t5\tfox.mp4\n"
    both = "two\tdog A\twalking\tSTATE\t1\t5\towl.mp4\ntwo\tdog B\twalking\tSTATE\t1\t5\towl.mp4\n"
    alone = "two\tdog B\twalking\tSTATE\t1\t5\towl.mp4\n"  # its own observation: perhaps nobody looked for it in fox
    shown = replace(ethogram(np.arange(101) / 10, slice(20, 50)), subject="dog B")
    for name, text in (("both", rows + both), ("alone", rows + alone), ("unnamed", rows.replace("dog A", "") + both)):
        (tmp_path / f"{name}.tsv").write_text(BORIS + text)
        found = annotations.read(tmp_path / f"{name}.tsv")
        if name == "both":
            table, _, notes = comparison.compare(shown, found, subject="dog B")
            assert table["human_s"].tolist() == [0] and table["precision"].tolist() == [0]
            assert table["subject"].tolist() == ["dog B"] and any("dog B has no event here" in note for note in notes)
        else:
            with pytest.raises(AmcError, match="has no events of 'dog B' in fox.mp4"):
                comparison.compare(shown, found, subject="dog B")


def test_what_a_human_says_of_a_video_counts_whatever_a_model_says_beside_it(tmp_path):
    head = "Video,Event,Start_frame,End_frame\n"
    (tmp_path / "human.csv").write_text(f"{head}D:/a/fox.mp4,walking,0,9\nowl,walking,0,9\n")
    (tmp_path / "fox.untrusted_bouts.csv").write_text(f"{head}D:/b/fox.mp4,walking,0,99\nowl,walking,0,99\n")
    (tmp_path / "cat.untrusted_labels.csv").write_text(",background,walking\n0,0,1\n")
    found = annotations.read(tmp_path).among({name: tmp_path / f"{name}.mp4" for name in ("fox", "owl", "cat")})
    for name in ("fox", "owl"):
        assert [(event.first, event.stop) for event in found.of(name)] == [(0, 10)]
        assert found.labelled_frames(name) is None
    with pytest.raises(AmcError, match=r"prediction .*; correct it, then take .untrusted out of its file's name"):
        found.of("cat")


def test_point_events_are_no_states_and_stand_in_a_table_of_their_own(dogs):
    shown = ethogram(np.arange(101) / 10, slice(10, 50))
    table, _, notes = comparison.compare(shown, dogs)
    assert set(table["behaviour"]) == {"Walking"} and "only the model has 'Eating'" in notes
    assert "2 point events are not compared as bouts, because they have no duration" in notes
    found = comparison.points(shown, dogs)
    assert found["behaviour"].tolist() == ["Eating", "bite"] and found["frame"].tolist() == [25, 60]
    assert found["model_prob"].iloc[0] == pytest.approx(0.1) and np.isnan(found["model_prob"].iloc[1])
    assert found["in_model_bout"].tolist() == [False, ""] and found["subject"].tolist() == ["dog B", ""]
    assert comparison.points(shown, dogs, subject="dog B")["behaviour"].tolist() == ["Eating"]


def test_only_the_time_interval_of_an_observation_of_boris_counts(tmp_path):
    def project(*interval: float) -> annotations.Annotation:
        media = {"file": {"1": ["fox.mp4"]}, "media_info": {}, "observation time interval": interval}
        walks = [[second, "", "walking", "", ""] for second in (1, 2, 7, 8)]
        content = {"behaviors_conf": {"0": {"code": "walking", "type": "State event"}}}
        (tmp_path / "fox.boris").write_text(json.dumps(content | {"observations": {"obs": media | {"events": walks}}}))
        return annotations.read(tmp_path / "fox.boris")

    shown = ethogram(np.arange(101) / 10, slice(100))
    table, parts, _ = comparison.compare(shown, project(1, 3))
    assert table["human_s"].tolist() == pytest.approx([1]) and table["model_s"].tolist() == pytest.approx([2])
    assert table["precision"].tolist() == pytest.approx([0.5]) and table["human_bouts"].tolist() == [1]
    assert parts["counted"].nonzero()[0].tolist() == list(range(10, 30))
    limited, bouts = tune.beside(shown, project(1, 3))
    assert limited.bouts == [Bout("Walking", 10, 30)] and bouts == [Bout("Walking", 10, 20)]
    assert comparison.compare(shown, project(0, 0))[0]["precision"].tolist() == pytest.approx([0.2])
    with pytest.raises(AmcError, match="labels no frame of fox.mp4"):
        comparison.compare(shown, project(50, 60))


def test_points_alone_are_not_compared(tmp_path):
    (tmp_path / "points.tsv").write_text(BORIS + "obs\t\twalking\tPOINT\t1\tNA\tfox.mp4\n")
    with pytest.raises(AmcError, match="has no events with duration"):
        comparison.compare(ethogram(np.arange(101) / 10, slice(1)), annotations.read(tmp_path / "points.tsv"))
