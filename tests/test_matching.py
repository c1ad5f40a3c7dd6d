"""The video that a written name means: its path decides as far as it is known, and what may mean two means none."""

import json
import unicodedata
from pathlib import Path

import pytest
from test_boris_project import project

from amc.base.errors import AmcError
from amc.ethogram import annotations
from amc.ethogram.matching import meant, placed

DAYS = {f"day{k}-GX01.mp4": Path(f"/card/day{k}/GX01.mp4") for k in (1, 2)}
EVENTS = [[1.0, "", "eating", "", ""], [6.0, "", "eating", "", ""]]


@pytest.fixture
def days(tmp_path):
    """Two videos of one name, by the names that a call gives them."""
    for k in (1, 2):
        (tmp_path / f"day{k}").mkdir()
        (tmp_path / f"day{k}" / "GX01.mp4").write_text(f"day {k}")
    return {f"day{k}-GX01.mp4": tmp_path / f"day{k}" / "GX01.mp4" for k in (1, 2)}


def observed(path: Path, *media: Path | str) -> annotations.Annotation:
    """A BORIS project with an observation of each video."""
    observations = {
        f"obs {k}": {"file": {"1": [str(name)]}, "media_info": {}, "events": EVENTS} for k, name in enumerate(media)
    }
    path.write_text(json.dumps(project(**observations)))
    return annotations.read(path)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (["D:\\disk\\day2\\GX01.MP4", "D:\\disk\\day1\\GX01.MP4"], {"day2-GX01.mp4": 0, "day1-GX01.mp4": 1}),
        (["day2/GX01"], {"day2-GX01.mp4": 0}),
        (["/elsewhere/day2/GX01.mov"], {"day2-GX01.mp4": 0}),
        (["day2-GX01.mp4"], {"day2-GX01.mp4": 0}),
        (["GX02.mp4"], {}),
    ],
)
def test_videos_of_one_name_are_told_apart_by_the_end_of_their_paths(written, found):
    assert meant(written, DAYS)[:2] == ({name: (written[at],) for name, at in found.items()}, {})


@pytest.mark.parametrize("written", ["GX01.mp4", "GX01", "/desktop/GX01.mp4"])
def test_a_name_that_two_videos_have_means_none_and_what_to_do_is_told(written):
    found = meant([written], DAYS)
    says = f"'{written}' may be /card/day1/GX01.mp4 or /card/day2/GX01.mp4; write it with its folder"
    assert found[:2] == ({}, dict.fromkeys(DAYS, says))


def test_a_name_alone_decides_where_nothing_else_is_known():
    one = {"GX01": Path("/card/day1/GX01.mp4")}
    for written in ("gx01", "GX01.MP4", "GX01.avi", "C:\\desktop\\GX01.mp4"):
        assert meant([written, "GX02.mp4"], one).written == {"GX01": (written,)}
    two = ["C:\\june\\GX01.mp4", "C:\\july\\GX01.mp4"]
    assert "may both be /card/day1/GX01.mp4" in meant(two, one).unclear["GX01"]
    assert meant([*two, "E:\\day1\\GX01.mp4"], one).written == {"GX01": ("E:\\day1\\GX01.mp4",)}
    assert meant(["GX01.mp4", "GX01.avi"], one).written == {"GX01": ("GX01.mp4",)}
    spellings = ("GX01.mp4", "day1/GX01.mp4", "/card/day1/GX01.mp4")
    assert meant(spellings, one).written == {"GX01": spellings}


def test_forms_of_accents_are_one_name():
    composed, apart = (unicodedata.normalize(form, "Süd/Äffchen.mp4") for form in ("NFC", "NFD"))
    for written, path in ((composed, apart), (apart, composed)):
        both = {"a": Path("/card") / path, "b": Path("/card/Nord/Äffchen.mp4")}
        assert meant([written], both)[:2] == ({"a": (written,)}, {})


def test_a_written_file_that_exists_is_no_other_video_and_may_be_a_copy(days, tmp_path):
    first, second = days.values()
    project_of_second = observed(tmp_path / "study.boris", second)
    with pytest.raises(AmcError, match="has no events of GX01, only of .*day2/GX01.mp4; give this video's annotation"):
        project_of_second.among({"GX01": first}).of("GX01")
    (tmp_path / "GX01.mp4").write_text("day 2")
    assert project_of_second.among({"GX01": tmp_path / "GX01.mp4"}).of("GX01")


def test_a_project_of_videos_of_one_name_is_compared_with_each_alone_and_with_both(days, tmp_path):
    both = observed(tmp_path / "study.boris", *days.values())
    for given in (days, {"GX01": days["day1-GX01.mp4"]}, {"GX01": days["day2-GX01.mp4"]}):
        for name, path in given.items():
            assert {event.video for event in both.among(given).of(name)} == {str(path)}


def test_a_name_is_seen_from_the_folder_of_its_annotation(days, tmp_path):
    first, second = days.values()
    assert observed(first.parent / "study.boris", "GX01.mp4").media == (str(first),)
    assert observed(tmp_path / "study.boris", "day2\\GX01.mp4").media == (str(second),)
    assert placed(["GX01", "", "day1/GX01", "GX02"], second.parent) == {
        "GX01": str(second), "": "", "day1/GX01": "day1/GX01", "GX02": "GX02"
    }  # fmt: skip
    assert not meant([str(second)], {"GX01": first}).written


def test_a_video_of_an_earlier_call_may_be_meant_too(days, tmp_path):
    name_alone = observed(tmp_path / "study.boris", "GX01.mp4")
    own, other = ({name: path} for name, path in days.items())
    assert name_alone.among(own).of("day1-GX01.mp4")
    with pytest.raises(AmcError, match="study.boris: 'GX01.mp4' may be .*; write it with its folder"):
        name_alone.among(own, other).of("day1-GX01.mp4")


def test_annotation_that_names_no_video_is_of_the_only_one_that_is_given(days, tmp_path):
    (tmp_path / "events.csv").write_text("Behavior,Start (s),Stop (s)\nwalking,0.5,2.0\n")
    found = annotations.read(tmp_path / "events.csv")
    assert len(found.among({"GX01": tmp_path / "day1" / "GX01.mp4"}).of("GX01")) == 1
    with pytest.raises(AmcError, match=r"events.csv: names no video, but there are 2; export it with media names"):
        found.among(days)


def test_a_name_of_one_animal_is_that_of_its_video_only_if_the_video_is_known():
    named = {"walk": Path("/films/walk.mp4"), "a@b": Path("/films/a@b.mp4")}
    written = ["walk@left_1", "walk.mp4@right", "owl@left", "a@b", "a@b@c", "walk@12.000s", "walk@12.000s.mp4"]
    found = meant(written, named)
    assert found.written == {"walk": ("walk@left_1", "walk.mp4@right"), "a@b": ("a@b", "a@b@c")}
    assert found.subjects == {"walk@left_1": "left_1", "walk.mp4@right": "right", "a@b@c": "c"}
