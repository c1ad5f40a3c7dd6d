"""KABR's own layout and a small folder of its clips give the same kind of table."""

import json

import pytest

from amc.base.errors import AmcError, AnnotationError
from amc.datasets import kabr

ROWS = "original_vido_id video_id frame_id path labels\n"


@pytest.fixture
def published(tmp_path):
    annotation = tmp_path / "annotation"
    annotation.mkdir()
    (annotation / "classes.json").write_text(json.dumps({name: i for i, name in enumerate(kabr.NAMES)}))
    (annotation / "train.csv").write_text(
        ROWS + "ZG0001.1 1 1 ZG0001.1/1.jpg 3\nZG0001.1 1 2 ZG0001.1/2.jpg 0\nG0002.1 2 1 G0002.1/1.jpg 2\n"
    )
    (annotation / "val.csv").write_text(ROWS + "ZP0003.7 3 1 ZP0003.7/1.jpg 6\n")
    for name in ("ZG0001.1", "G0002.1", "ZP0003.7"):
        (tmp_path / "dataset" / "image" / name).mkdir(parents=True)
    return tmp_path


def test_a_clip_has_every_label_of_its_frames(published):
    table = kabr.index(published)
    assert [clip.labels for clip in table.clips] == [(0, 3), (2,), (6,)]
    assert table.counts() == {"train": 2, "test": 1}
    assert [clip.species for clip in table.clips] == ["Grevy's zebra", "giraffe", "plains zebra"]
    assert table.clips[0].group == "ZG0001"
    assert table.clips[0].path == published / "dataset" / "image" / "ZG0001.1"
    assert table.names == kabr.NAMES


def test_a_clip_of_both_splits_is_refused_with_both_lines(published):
    with (published / "annotation" / "val.csv").open("a") as file:
        file.write("G0002.1 2 1 G0002.1/1.jpg 2\n")
    with pytest.raises(AnnotationError, match="clip G0002.1 is in both splits, train.csv:4 and val.csv:3"):
        kabr.index(published)


def test_every_wrong_row_of_a_folder_is_listed(tmp_path):
    (tmp_path / "a.gif").touch()
    rows = "a.gif,Z1,plains zebra,Fly\nb.gif,G1,giraffe,Run\na.gif,G2,giraffe,Run\n../c.gif,G3,giraffe,Run\n"
    (tmp_path / "labels.csv").write_text(f"file,kabr_video_id,species,behaviour\n{rows}")
    with pytest.raises(AnnotationError) as caught:
        kabr.index(tmp_path)
    assert [line.split(":")[1] for line in caught.value.lines] == ["2", "3", "5"]


@pytest.mark.parametrize("text", ["[]", "{", '{"Walk": 1}', '{"Walk": "a", "Run": 0}'])
def test_a_damaged_class_list_is_refused(published, text):
    (published / "annotation" / "classes.json").write_text(text)
    with pytest.raises(AmcError, match="classes.json"):
        kabr.index(published)


def test_missing_frames_are_named(published):
    (published / "dataset" / "image" / "G0002.1").rmdir()
    with pytest.raises(AmcError, match="G0002.1 is missing"):
        kabr.index(published)


def test_a_folder_that_is_no_kabr_is_refused(tmp_path):
    with pytest.raises(AmcError, match=r"neither annotation/ nor labels\.csv"):
        kabr.index(tmp_path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.gif,G1,giraffe,Fly", "choose one of: Walk"),
        ("b.gif,G1,giraffe,Run", "b.gif is missing"),
        ("a.gif,G1,plains zebra,Run", "one species only"),
        ("a.gif,G1", ":3: has fewer columns than file,kabr_video_id"),
    ],
)
def test_a_wrong_row_of_labels_is_refused(tmp_path, row, message):
    (tmp_path / "a.gif").touch()
    (tmp_path / "z.gif").touch()
    (tmp_path / "labels.csv").write_text(f"file,kabr_video_id,species,behaviour\nz.gif,Z1,plains zebra,Run\n{row}\n")
    with pytest.raises(AmcError, match=message):
        kabr.index(tmp_path)


def test_the_real_clips_are_split_by_species_with_every_test_behaviour_seen_in_training(real):
    table = kabr.index(real / "clips" / "kabr")
    train, test = table.split("train"), table.split("test")
    assert (len(train), len(test)) == (9, 3)
    assert not {clip.species for clip in train.clips} & {clip.species for clip in test.clips}
    assert not (test.labels().any(axis=0) & ~train.labels().any(axis=0)).any()
    assert all(clip.path.is_file() for clip in table.clips)
    assert table.clips[0].labels == (6,)  # G0068-Run.gif
