"""Every video is read once, whatever it does to its reader; what was found reaches the table and the scores."""

import shutil
import sys
import warnings
from dataclasses import astuple, replace
from pathlib import Path

import films
import pytest
import torch
from PIL import Image

from amc import video
from amc.base import paths, sealed_lines
from amc.config import Pixels, Sampling
from amc.datasets import drawn_world, video_reader, videos
from amc.datasets.clips import ClipViews, PixelReader
from amc.datasets.table import Clip, ClipTable


def table(*clips: Clip) -> ClipTable:
    return ClipTable("t", ("a", "b"), clips)


def examine(found: ClipTable, *, workers: int = 2) -> dict[str, videos.Facts]:
    return {clip.id: facts for clip, facts in videos.examine(found, "t", workers=workers, log=lambda line: None)}


@pytest.fixture
def mixed(real, tmp_path, one_frame):
    """Videos that decode, one of which is shorter than annotated, and some that do not: broken, absent, no video."""
    nasty = real / "clips" / "nasty"
    (tmp_path / "text.mp4").write_text("no video")
    return table(
        Clip("good", nasty / "odd_321x241_vp9.mp4", (0,), "train", None),
        Clip("one", one_frame, (0,), "train", 5),
        Clip("broken", nasty / "decord_corrupted.mp4", (0,), "train", 30),
        Clip("absent", tmp_path / "absent.mp4", (1,), "val", 30),
        Clip("text", tmp_path / "text.mp4", (1,), "test", 30),
    )


def test_facts_tell_what_decodes_and_are_kept_for_the_next_time(mixed, monkeypatch):
    found = examine(mixed)
    assert found["good"].error == found["one"].error == ""
    assert found["one"].num_frames == 1 and found["good"].num_frames > 1
    assert "cannot be read" in found["absent"].error and found["text"].error
    monkeypatch.setattr(videos, "_start", None)  # would fail if a reader were started
    assert examine(table(*mixed.clips[:2])) == {name: found[name] for name in ("good", "one")}


def test_a_video_replaced_while_it_was_read_is_read_again(tmp_path, one_frame, real, monkeypatch):
    path = tmp_path / "v.mp4"
    shutil.copy(one_frame, path)
    start = videos._start

    def start_and_replace():
        shutil.copy(real / "clips" / "nasty" / "odd_321x241_vp9.mp4", tmp_path / "other.mp4")
        (tmp_path / "other.mp4").replace(path)
        return start()

    monkeypatch.setattr(videos, "_start", start_and_replace)  # the reader starts after the identity was taken
    one = table(Clip("v", path, (0,), "train", None))
    examine(one)
    assert videos.remembered("t") == {}
    shutil.copy(one_frame, path)
    monkeypatch.setattr(videos, "_start", start)
    assert examine(one) == {"v": videos.Facts(1)}


def test_what_could_not_be_read_is_tried_again_and_another_spelling_is_the_same_video(mixed, one_frame, monkeypatch):
    assert "cannot be read" in examine(mixed)["absent"].error
    absent = mixed.clips[3]
    shutil.copy(one_frame, absent.path)
    assert examine(mixed)["absent"] == videos.Facts(1)
    monkeypatch.chdir(absent.path.parent)
    monkeypatch.setattr(videos, "_start", None)  # would fail if a reader were started
    assert examine(table(replace(absent, path=Path(absent.path.name)))) == {"absent": videos.Facts(1)}


def test_a_picture_that_does_not_decode_amid_others_is_found(tmp_path):
    for number in range(1, 5):
        Image.new("RGB", (32, 32)).save(tmp_path / f"{number}.jpg")
    (tmp_path / "3.jpg").write_bytes(b"no picture")
    clips = table(Clip("frames", tmp_path, (0,), "train", 4))
    assert "3.jpg" in examine(clips)["frames"].error
    Image.new("RGB", (32, 32)).save(tmp_path / "3.jpg")  # leaves the folder's time as it was
    assert examine(clips)["frames"] == videos.Facts(4)
    assert videos.apply(clips, "t").clips == clips.clips


def test_a_reader_that_cannot_be_started_is_told(mixed, monkeypatch):
    monkeypatch.setattr(videos, "COMMAND", ["/nowhere/python"])
    assert all("no reader could be started" in facts.error for facts in examine(mixed).values())


def test_a_changed_video_is_read_again(mixed, one_frame):
    path = mixed.clips[4].path
    assert examine(mixed)["text"].error
    shutil.copy(one_frame, path)
    assert examine(mixed)["text"] == videos.Facts(1)


def test_a_reader_that_crashes_or_hangs_costs_only_its_video(tmp_path, monkeypatch):
    clips = [Clip(name, tmp_path / name, (0,), "train", 5) for name in ("a", "crash", "b", "hang", "c")]
    fake = tmp_path / "reader.py"
    fake.write_text(
        "import json, os, sys, time\n"
        "for line in sys.stdin:\n"
        "    name = json.loads(line)\n"
        "    if name.endswith('crash'): os.abort()\n"
        "    if name.endswith('hang'): time.sleep(60)\n"
        "    print(json.dumps({'num_frames': 7}), flush=True)\n"
    )
    monkeypatch.setattr(videos, "COMMAND", [sys.executable, str(fake)])
    monkeypatch.setattr(videos, "TIMEOUT", 2)
    found = examine(table(*clips), workers=1)
    assert {name for name, facts in found.items() if facts == videos.Facts(7)} == {"a", "b", "c"}
    assert "ended at it (status -6)" in found["crash"].error and "silent for 2 s" in found["hang"].error


def test_an_unfinished_last_line_is_no_fact(mixed):
    examine(mixed)
    file = paths.cache() / "videos" / "t.jsonl"
    text = file.read_text()
    file.write_text(text[:-20])
    with pytest.warns(UserWarning, match="1 lines are damaged, unfinished .*run `python -m amc index t` again"):
        assert len(videos.remembered("t")) == len(mixed) - 1
        examine(mixed)  # goes on after the damaged line
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(videos.remembered("t")) == len(mixed)


def remember(clip: Clip, facts: videos.Facts) -> Path:
    file = paths.cache() / "videos" / "t.jsonl"
    sealed_lines.append(file, [videos._identity(clip.path), *astuple(facts)])
    return file


def test_no_flipped_bit_changes_a_fact_in_silence(mixed):
    file = remember(mixed.clips[1], videos.Facts(1))
    data, right = file.read_bytes(), videos.remembered("t")
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        file.write_bytes(flipped)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert videos.remembered("t") == (right if not told else {}), bit


def test_facts_belong_to_a_content_wherever_it_lies(mixed, one_frame, tmp_path, monkeypatch):
    remember(mixed.clips[1], videos.Facts(1))
    moved = shutil.copy(one_frame, tmp_path / "moved.mp4")
    monkeypatch.setattr(videos, "_start", None)  # would fail if a reader were started
    assert examine(table(replace(mixed.clips[1], path=Path(moved)))) == {"one": videos.Facts(1)}


def test_a_table_learns_of_short_and_unreadable_videos_and_keeps_the_test_split_whole(mixed):
    assert videos.apply(mixed, "t") is mixed
    examine(mixed)
    found = videos.apply(mixed, "t")
    kept = {clip.id: clip for clip in found.clips}
    assert "absent" not in kept and kept["one"].num_frames == 1 and kept["text"].unreadable
    assert found.notes[0] == "videos shorter than annotated, whose own length counts: 1, first one"
    assert found.notes[-2].startswith("unreadable clips left out of training: ")
    assert found.notes[-1] == "unreadable test clips, which are scored as black pictures: 1, first text"


def test_an_unreadable_test_clip_is_black_pictures_and_none_of_the_others_is(smoke_world):
    clips = list(drawn_world.kingdom(smoke_world, size="smoke").split("test").limit(2).clips)
    clips[0] = replace(clips[0], unreadable="broken", path=Path("absent.mp4"))
    whole = replace(drawn_world.kingdom(smoke_world, size="smoke"), clips=tuple(clips))
    views = ClipViews(whole, Sampling("sparse", 2, 3), PixelReader(Pixels(flow_method="dis", short_side=72)), size=64)
    black, seen = (views[None, index][0] for index in (0, 1))
    assert black.shape == seen.shape == (2, 6, 3, 64, 64) and black.dtype == seen.dtype == torch.uint8
    assert not black.any() and seen.any()


def test_two_readers_that_disagree_are_told(tmp_path, monkeypatch):
    pytest.importorskip("decord")
    path = films.write(tmp_path / "closed.mp4")
    assert video.has_second_opinion(path)
    assert video_reader.facts(str(path)) == {"num_frames": films.N, "doubt": "", "damage": ""}
    shifted = lambda path, indices: video._pyav(path, [max(0, index - 1) for index in indices])  # noqa: E731
    monkeypatch.setitem(video.READERS, "decord", shifted)
    assert "different pictures for frames [20, 39, 59]" in video_reader.facts(str(path))["doubt"]
    assert not video.has_second_opinion(films.write(tmp_path / "stream.ts"))  # which decord shifts
