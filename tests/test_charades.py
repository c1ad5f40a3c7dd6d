"""Charades-style rows are read as they were written, at a rate that suits millions, and wrong ones are told."""

import pytest

from amc.base.errors import AmcError
from amc.datasets import charades
from amc.synth import generate

HEADER = "original_vido_id video_id frame_id path labels type\n"


def test_rows_are_written_exactly_as_animal_kingdom_has_them(tmp_path):
    generate.write_frames(tmp_path / "train.csv", [("AAACXZTV", 145, 2, (2, 40))], "train")
    assert (tmp_path / "train.csv").read_text() == HEADER + (
        "AAACXZTV 145 1 AAACXZTV/AAACXZTV_t000001.jpg 2,40 train\n"
        "AAACXZTV 145 2 AAACXZTV/AAACXZTV_t000002.jpg 2,40 train\n"
    )


def test_reading_gives_back_what_was_written(tmp_path):
    clips = [("BB", 0, 3, (2, 40)), ("AA", 1, 1, (7,)), ("NA", 2, 2, (139,))]  # "NA" is an id, not a missing value
    generate.write_frames(tmp_path / "train.csv", clips, "train")
    entries = charades.read(tmp_path / "train.csv", 140)
    assert [(name, 0, e.num_frames, e.first) for name, e in entries.items()] == [(i, 0, n, v) for i, _, n, v in clips]


def test_quoted_labels_a_missing_type_and_interleaved_clips_are_read(tmp_path):
    (tmp_path / "train.csv").write_text(
        'original_vido_id video_id frame_id path labels\nA 0 1 a "2,40"\nB 1 1 b "5"\nA 0 2 a "2,40"\n'
    )
    entries = charades.read(tmp_path / "train.csv", 140)
    assert {clip: (entry.label_sets, entry.num_frames, entry.place) for clip, entry in entries.items()} == {
        "A": (((2, 40),), 2, "train.csv:2"),
        "B": (((5,),), 1, "train.csv:3"),
    }


def test_spaces_in_quotes_and_at_the_end_of_a_row_are_no_fields(tmp_path):
    (tmp_path / "train.csv").write_text(HEADER + 'A 0 1 a "2, 40" train \r\nB 1 1 b "5" train\n')
    entries = charades.read(tmp_path / "train.csv", 140)
    assert {clip: entry.first for clip, entry in entries.items()} == {"A": (2, 40), "B": (5,)}


def test_the_first_row_and_the_union_differ_where_labels_change_inside_a_clip(tmp_path):
    (tmp_path / "train.csv").write_text(HEADER + "A 0 1 p 3 train\nA 0 2 p 1 train\nA 0 3 p 3 train\n")
    entry = charades.read(tmp_path / "train.csv", 140)["A"]
    assert (entry.first, entry.union, entry.num_frames) == ((3,), (1, 3), 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no header of Charades rows"),
        ("video_id;labels\nA;1\n", "no header of Charades rows"),
        (HEADER + "A 0 1 p x,2 train\n", "train.csv:2: clip 'A' has labels 'x,2'"),
        (HEADER + "A 0 1 p 2 train\nA 0 2 p 2, train\n", "train.csv:3: clip 'A' has labels '2,'"),
        (HEADER + "A 0 1 p 1_0 train\n", "train.csv:2: clip 'A' has labels '1_0'"),
        (HEADER + "A 0 1 p 3 train extra\nA 0 2 p 3 train\n", "train.csv:2: has 7 cells, more than the header"),
        (HEADER + "A 0 1 p 3 train\nB 0 2 p 2 ,40 train\n", "train.csv:3: has 7 cells, more than the header"),
        (HEADER + "A 0 1 p 2 train\n" * 2 + "A 0 2\n", "train.csv:4: clip 'A' has labels"),
        (HEADER + "A 0 1 p 2 train\n\nA 0 1 p z train\n", "train.csv:4: clip 'A' has labels 'z'"),
        (HEADER + " 0 1 p 2 train\n", "train.csv:2: clip '' has an id that is no plain file name"),
        (HEADER + 'A 0 1 "p 2 train\nA 0 2 p" 2 train\nA 0 3 p 2 train\n', "train.csv:2: a quote opens"),
        (
            HEADER + 'A 0 1 p 2 train\nA 0 2 p "2 train\nA 0 3 p 2 train\n',
            "train.csv:3: a quote opens and is not closed",
        ),
        (HEADER + "../A 0 1 p 2 train\n", "train.csv:2: clip '../A' has an id that is no plain file name"),
        (
            HEADER + "A 0 1 p 2 train\nA 0 2 p 140 train\n",
            "train.csv:3: clip 'A' has the unknown label 140; labels run",
        ),
        (
            HEADER + "A 0 1 p -1 train\nB 0 2 p z train\n",
            r"train.csv:2: .*unknown label -1.*\(2 such mistakes\)",
        ),
        (None, "no such file"),
    ],
)
def test_a_damaged_annotation_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "train.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(AmcError, match=message) as caught:
        charades.read(path, 140)
    assert "\n" not in str(caught.value)


def test_a_file_that_was_appended_to_itself_has_no_more_frames_than_before(tmp_path):
    path = tmp_path / "train.csv"
    generate.write_frames(path, [("B", 0, 3, (2, 40)), ("A", 1, 2, (7,))], "train")
    once = charades.read(path, 140)
    path.write_text(path.read_text() + path.read_text().split("\n", 1)[1])
    assert charades.read(path, 140) == once
    assert [entry.num_frames for entry in once.values()] == [3, 2]


def test_light_files_hold_one_row_a_clip(tmp_path):
    path = tmp_path / "train_light.csv"
    path.write_text("video_id;labels\nA;2,40\nB;7\n")
    assert charades.read_light(path, 140) == {
        "A": charades.Entry(((2, 40),), None, "train_light.csv:2"),
        "B": charades.Entry(((7,),), None, "train_light.csv:3"),
    }
    path.write_text("video_id;labels\nA;2\nB;1\nA;7\n")
    with pytest.raises(AmcError, match="light.csv:4: clip A has a row already, line 2"):
        charades.read_light(path, 140)
