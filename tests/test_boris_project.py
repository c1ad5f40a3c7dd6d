"""BORIS's projects: every observation, its subjects, points, offsets, queues and players, in each video's own time.

The layout is that of the projects in BORIS's own repository (versions 4 to 8); "observation #2" there has a queue of
179.96 and 359.96 s, and 12 of its 18 events in the second video.
"""

import copy
import gzip
import json

import numpy as np
import pytest

from amc.base.errors import AmcError
from amc.ethogram import annotations, timeline
from amc.ethogram.bouts import Bout
from amc.ethogram.comparison import labelled_of

EDGES = timeline.edges(np.arange(400) / 10, 10)
MEDIA = {"date": "2016-12-10T15:44:57", "description": "", "type": "MEDIA", "time offset": 0.0}
PROJECT = {
    "time_format": "hh:mm:ss",
    "project_format_version": "7.0",
    "subjects_conf": {"0": {"key": "1", "name": "dog A", "description": ""}},
    "behaviors_conf": {
        "0": {"type": "State event", "key": "e", "code": "eating", "modifiers": {}},
        "1": {"type": "State event with coding map", "key": "w", "code": "walking", "modifiers": {}},
        "2": {"type": "Point event", "key": "b", "code": "bite", "modifiers": {}},
    },
    "observations": {
        "queue": MEDIA
        | {
            "file": {"1": ["v/a.mp4", "v/b.mp4"], "2": []},
            "media_info": {"length": {"v/a.mp4": 10.0, "v/b.mp4": 20.0}, "fps": {}, "offset": {"1": 0.0, "2": 0.0}},
            "events": [
                [8.0, "dog A", "eating", "", ""], [9.0, "dog B", "eating", "", "", 225],
                [12.0, "dog A", "eating", "", ""], [13.5, "dog B", "eating", "", ""], [15.0, "", "bite", "", ""],
            ],
        },
    },
}  # fmt: skip


def project(**observations: dict) -> dict:
    """The project with other observations: changes of the queue's."""
    changed = copy.deepcopy(PROJECT)
    first = changed["observations"].pop("queue")
    changed["observations"] = {name: first | change for name, change in observations.items()}
    return changed


def read(tmp_path, content: dict, name: str = "study.boris") -> annotations.Annotation:
    text = json.dumps(content, indent=1).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return annotations.read(tmp_path / name)


def spans(found, video: str) -> list[tuple]:
    return [(event.behaviour, event.subject, event.first, event.stop) for event in found.of(video)]


@pytest.mark.parametrize("name", ["study.boris", "study.boris.gz", "study.txt"])
def test_times_over_a_queue_become_each_video_s_own(name, tmp_path):
    found = read(tmp_path, PROJECT, name)
    assert spans(found, "a.mp4") == [("eating", "dog A", 8, 10), ("eating", "dog B", 9, 10)]
    assert spans(found, "b.mp4") == [("eating", "dog A", 0, 2), ("eating", "dog B", 0, 3.5), ("bite", "", 5, 5)]
    assert found.behaviours == ("eating", "walking")  # walking was looked for
    assert annotations.points(found.of("b.mp4"), EDGES) == [("bite", "", 5, 50)]
    assert "run over 2 videos one after another (v/a.mp4, v/b.mp4)" in found.notes[0]


def test_boris_s_own_example_of_a_queue(tmp_path):
    times = [1.8, 8.125, 10.25, 23.35, 26.775, 31.475, 227.765, 253.49, 255.34, 261.14]
    lengths = {"video_test_25fps_180s.mp4": 179.96, "video_test_25fps_360s.mp4": 359.96}
    events = [[time, "", "eating", "", ""] for time in times] + [[299.715, "", "bite", "", ""]]
    found = read(
        tmp_path, project(obs={"file": {"1": [*lengths], "2": []}, "media_info": {"length": lengths}, "events": events})
    )
    assert spans(found, "video_test_25fps_180s.mp4")[0] == ("eating", "", 1.8, 8.125)
    late = [("eating", "", 47.805, 73.53), ("eating", "", 75.38, 81.18), ("bite", "", 119.755, 119.755)]
    assert spans(found, "video_test_25fps_360s.mp4") == late


def test_a_second_player_shows_the_same_time_and_begins_with_its_delay(tmp_path):
    lengths = {"front.mp4": 30.0, "side.mp4": 12.0}
    views = {"file": {"1": ["front.mp4"], "2": ["side.mp4"]}, "media_info": {"length": lengths}}
    together = read(tmp_path, project(obs=views))
    assert spans(together, "front")[0] == ("eating", "dog A", 8, 12) == spans(together, "side")[0]
    views["media_info"] = {"length": lengths, "offset": {"1": 0.0, "2": 2.0}}
    later = read(tmp_path, project(obs=views))
    assert spans(later, "front") == spans(together, "front")
    assert spans(later, "side")[:2] == [("eating", "dog A", 6, 10), ("eating", "dog B", 7, 11.5)]
    assert len(spans(later, "side")) == 2  # the bite is after its end


def test_a_time_offset_and_a_creation_time_are_taken_off(tmp_path):
    one = {
        "file": {"1": ["a.mp4"], "2": []},
        "time offset": 5.0,
        "events": [[6.5, "", "eating", "", ""], [8, "", "eating", "", ""]],
    }
    assert spans(read(tmp_path, project(obs=one)), "a") == [("eating", "", 1.5, 3)]
    clock = one | {"media_creation_date_as_offset": True, "media_info": {"media_creation_time": {"a.mp4": 1.7e9}}}
    clock["events"] = [[1.7e9 + 6.5, "", "eating", "", ""], [1.7e9 + 8, "", "eating", "", ""]]
    assert spans(read(tmp_path, project(obs=clock)), "a") == [("eating", "", 1.5, 3)]
    with pytest.raises(AmcError, match="'eating' at 6.5 s is before its start at 7 s"):
        read(tmp_path, project(obs=one | {"time offset": 7}))


def test_modifiers_are_paired_apart(tmp_path):
    events = [
        [1, "", "eating", "hay", ""],
        [2, "", "eating", "grass", ""],
        [3, "", "eating", "hay", ""],
        [6, "", "eating", "grass", ""],
    ]
    found = read(tmp_path, project(obs={"events": events}))
    assert annotations.bouts(found.of("a"), EDGES) == [Bout("eating", 10, 60)]
    assert sorted(spans(found, "a")) == [("eating", "", 1, 3), ("eating", "", 2, 6)]


def test_an_observation_that_cannot_be_read_spoils_no_other(tmp_path):
    unpaired = {"file": {"1": ["c.mp4"], "2": []}, "events": [[2.5, "", "eating", "", ""]]}
    photos = {"type": "IMAGES", "file": {}, "events": []}
    live = {"type": "LIVE", "file": [], "events": [[1, "", "walking", "", ""], [2, "", "walking", "", ""]]}
    found = read(tmp_path, project(good={}, bad=unpaired, photos=photos, field=live))
    assert len(spans(found, "b")) == 3 and spans(found, "field") == [("walking", "", 1, 2)]
    with pytest.raises(AmcError, match="observation 'bad': START of 'eating' is never stopped; pair the events"):
        found.of("c.mp4")
    assert any("'photos': of images, not of a video" in note for note in found.notes) and len(found.notes) == 3
    with pytest.raises(AmcError, match="observation 'bad': START"):
        read(tmp_path, project(bad=unpaired))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"events": [["NA", "", "eating", "", ""], [2.5, "", "eating", "", ""]]}, "of an event of 'eating' is no num"),
        ({"events": [[2.5, "", "eating"]]}, r"is no sound observation of BORIS \(ValueError"),
        ({"observation time interval": [3, 1]}, "its observation time interval is 3 to 1 s; correct it"),
    ],
)
def test_what_one_observation_lacks_is_told_with_its_name_and_the_others_are_read(change, message, tmp_path):
    found = read(tmp_path, project(good={}, bad={"file": {"1": ["c.mp4"], "2": []}} | change))
    assert len(spans(found, "b")) == 3
    with pytest.raises(AmcError, match=f"observation 'bad'.*{message}"):
        found.of("c.mp4")


def test_what_is_outside_the_time_interval_of_an_observation_is_not_labelled(tmp_path):
    def labelled(video: str, *observations: dict) -> list[int] | None:
        """The tenths of a second that are labelled: the first, and one past the last."""
        found = read(tmp_path, project(**{f"obs {k}": one for k, one in enumerate(observations)}))
        frames = labelled_of(found, video, found.labelled_frames(video), EDGES)
        return None if frames is None else np.flatnonzero(np.diff(np.pad(frames.astype(int), 1))).tolist()

    offset = {"observation time interval": [8, 12.5], "time offset": 100, "events": []}
    assert labelled("a.mp4", offset) == [80, 100] and labelled("b.mp4", offset) == [0, 25]
    with pytest.raises(AmcError, match="labels no frame of b.mp4"):
        labelled("b.mp4", {"observation time interval": [1, 3], "events": []})
    one = {"file": {"1": ["a.mp4"]}, "events": []}
    assert labelled("a", one | {"observation time interval": [0, 0]}) is None is labelled("a", one)
    parts = [one | {"observation time interval": part} for part in ([1, 3], [5, 6])]
    assert labelled("a", *parts) == [10, 30, 50, 60] and labelled("a", *parts, one) == [0, 400]
    views = {"file": {"1": ["a.mp4"], "2": ["c.mp4"]}, "observation time interval": [1, 3], "events": []}
    views["media_info"] = {"length": {"a.mp4": 10, "c.mp4": 10}, "offset": {"2": 2}}
    assert labelled("a", views) == [10, 30] and labelled("c", views) == [0, 10]
    assert "only a part was observed" in read(tmp_path, project(obs=views)).notes[-1]


def test_two_observers_of_a_video_are_not_one(tmp_path):
    with pytest.raises(AmcError, match=r"2 observations of a.mp4: Ann, Ben; give one of them"):
        read(tmp_path, project(Ann={}, Ben={})).of("a.mp4")


def test_a_queue_without_durations_and_without_files_is_refused(tmp_path):
    with pytest.raises(AmcError, match="a queue of 2 videos .* its durations are '10.0;NA'; put the video files"):
        read(tmp_path, project(obs={"media_info": {"length": {"v/a.mp4": 10.0}}}))


@pytest.mark.parametrize(
    "content, message",
    [
        (b'{"observations": {}, "behaviors_conf"', "is a damaged project"),
        (b"\x1f\x8b\x08\x00 no gzip", "cannot be read"),
        (
            b'{"observations": {"x": {"type": "MEDIA"}}, "behaviors_conf": {}}',
            "'x': is no sound observation of BORIS (KeyError",
        ),
        (b'{"observations": {}, "behaviors_conf": {"0": 1}}', "is no sound project of BORIS (TypeError"),
    ],
)
def test_a_damaged_project_is_told_in_one_line(content, message, tmp_path):
    (tmp_path / "study.boris").write_bytes(content)
    with pytest.raises(AmcError) as error:
        annotations.read(tmp_path / "study.boris")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_behaviour_that_left_the_ethogram_is_told(tmp_path):
    with pytest.raises(AmcError, match="'flying' is not in the project's ethogram"):
        read(tmp_path, project(obs={"events": [[1, "", "flying", "", ""]]}))


def focal(who: str, *interval: float, media: str = "a.mp4") -> dict:
    """An observation of one animal that eats from 1 to 2 s."""
    events = [[second, who, "eating", "", ""] for second in (1.0, 2.0)]
    return {"file": {"1": [media], "2": []}, "events": events, "observation time interval": [*interval] or [0, 0]}


def test_observations_of_one_video_are_joined_if_each_has_animals_of_its_own(tmp_path):
    found = read(tmp_path, project(first=focal("dog A"), second=focal("dog B")))
    assert sorted(spans(found, "a")) == [("eating", "dog A", 1, 2), ("eating", "dog B", 1, 2)]
    assert found.labelled_frames("a") is None
    limited = read(tmp_path, project(first=focal("dog A", 0, 9), second=focal("dog B", 0, 9)))
    assert len(spans(limited, "a")) == 2
    (tmp_path / "one.boris").write_text(json.dumps(project(first=focal("dog A"))))
    (tmp_path / "study.boris").write_text(json.dumps(project(first=focal("dog B"))))
    assert len(annotations.read(tmp_path).of("a")) == 2  # also from two files


def test_observations_of_one_video_are_joined_if_they_are_of_other_times(tmp_path):
    later = focal("dog A", 10, 20)
    later["events"] = [[second, *rest] for second, (_, *rest) in zip((12, 14), later["events"], strict=True)]
    found = read(tmp_path, project(first=focal("dog A", 0, 10), second=later))
    assert spans(found, "a") == [("eating", "dog A", 1, 2), ("eating", "dog A", 12, 14)]
    assert labelled_of(found, "a.mp4", found.labelled_frames("a"), EDGES).tolist() == [True] * 200 + [False] * 200


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("dog A",), ("dog A",)),  # two observers
        (("",), ("dog A",)),
        (("dog A", 0, 10), ("dog A", 5, 20)),
        (("dog A", 0, 10), ("dog B", 10, 20)),  # of each, one half was not observed
        (("dog A",), ("dog B", 0, 10)),
    ],
)
def test_other_observations_of_one_video_are_refused_with_what_to_do(first, second, tmp_path):
    found = read(tmp_path, project(first=focal(*first), second=focal(*second)))
    with pytest.raises(
        AmcError, match="2 observations of a: first, second; give one of them .* or name other subjects"
    ):
        found.of("a")
