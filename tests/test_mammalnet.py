"""MammalNet's lists become a table with one label per clip and its own validation split."""

import pytest

from amc.base.errors import AmcError, AnnotationError
from amc.datasets import catalogue, mammalnet

LISTS = {
    "train": "Di4eEBZjkA4.mp4 1 1\nsub/b c.mp4 11 172\n",
    "val": "v.mp4 0 5\n",
    "test": "t.mp4 9 1\n",
}


@pytest.fixture
def folder(tmp_path):
    for split, text in LISTS.items():
        (tmp_path / "annotation").mkdir(exist_ok=True)
        (tmp_path / "annotation" / f"{split}.csv").write_text(text)
        for line in text.splitlines():
            path = tmp_path / "video" / line.rsplit(" ", 2)[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return tmp_path


def test_lists_become_clips_with_one_label_each_and_their_own_validation_split(folder):
    table = catalogue.load("mammalnet", folder)
    assert table.counts() == {"train": 2, "val": 1, "test": 1}
    assert [clip.labels for clip in table.clips] == [(1,), (11,), (0,), (9,)]
    assert [clip.species for clip in table.clips] == ["animal 1", "animal 172", "animal 5", "animal 1"]
    assert table.clips[1].path == folder / "video" / "sub" / "b c.mp4"
    assert table.names[9] == "hunts" and len(table.names) == 12


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x.mp4 1", r"val.csv:2: 'x.mp4 1', expected such as"),
        ("x.mp4 one 1", "val.csv:2: .*expected such as"),
        ("x.mp4 12 1", "val.csv:2: behaviour 12, but they run from 0 to 11"),
        ("../x.mp4 1 1", "val.csv:2: the path '../x.mp4' leaves the folder"),
        ("/etc/x.mp4 1 1", "val.csv:2: the path '/etc/x.mp4' leaves the folder"),
        ("sub/../v.mp4 0 5", "val.csv:2: sub/../v.mp4 is listed already, .*val.csv:1"),
        ("sub/b c.mp4 11 172", "val.csv:2: sub/b c.mp4 is listed already, .*train.csv:2"),
    ],
)
def test_a_bad_row_gives_its_file_and_line(folder, line, message):
    with (folder / "annotation" / "val.csv").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(AnnotationError, match=message):
        mammalnet.index(folder)


def test_a_list_may_begin_with_a_mark_but_must_be_text(folder):
    path = folder / "annotation" / "val.csv"
    path.write_text(LISTS["val"], encoding="utf-8-sig")
    assert mammalnet.index(folder).split("val").clips[0].id == "v.mp4"
    path.write_bytes(b"v\xe9.mp4 0 5\n")
    with pytest.raises(AmcError, match="val.csv:1: byte 0xE9 is no UTF-8; save it as UTF-8"):
        mammalnet.index(folder)


def test_missing_lists_and_videos_are_named(folder):
    (folder / "video" / "v.mp4").unlink()
    (folder / "video" / "t.mp4").unlink()
    with pytest.raises(AnnotationError, match="v.mp4 is missing but annotated .val.*2 such mistakes"):
        mammalnet.index(folder)
    (folder / "annotation" / "test.csv").unlink()
    with pytest.raises(AmcError, match="test.csv is missing; get MammalNet"):
        mammalnet.index(folder)
