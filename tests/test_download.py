"""A download is checked line by line."""

import shlex

import pytest

from amc.__main__ import main
from amc.base.errors import AnnotationError
from amc.datasets import catalogue, download
from amc.synth.generate import write_frames


@pytest.fixture
def folder(tmp_path, smoke_world):
    """Three Synth clips under names of Animal Kingdom's, one of them annotated longer than it is, one cut short."""
    videos = sorted((smoke_world / "smoke" / "video").iterdir())[:3]
    (tmp_path / "video").mkdir()
    for name, video in zip(("AAAAAAAA", "BBBBBBBB", "CCCCCCCC"), videos, strict=True):
        data = video.read_bytes()
        (tmp_path / "video" / f"{name}.mp4").write_bytes(data[: len(data) // 2] if name == "CCCCCCCC" else data)
    annotation = tmp_path / "annotation"
    write_frames(annotation / "train.csv", [("AAAAAAAA", 0, 999, (0,)), ("BBBBBBBB", 1, 2, (1,))], "train")
    write_frames(annotation / "val.csv", [("CCCCCCCC", 2, 4, (0,))], "test")
    (annotation / "actions.csv").write_text("Label,Action\n0,Jumping\n1,Moving\n")
    rows = "".join(f"{name},Fox\n" for name in ("AAAAAAAA", "BBBBBBBB", "CCCCCCCC"))
    (annotation / "metadata.csv").write_text("video_id,list_animal\n" + rows)
    return tmp_path


def test_everything_wrong_with_a_download_has_a_line(folder):
    said: list[str] = []
    wrong = download.check("animal-kingdom", folder, workers=1, log=said.append)
    assert wrong[:3] == [
        "behaviours: 2, but 140 were published; a part of the download is missing or another",
        "train: 2, but 24003 were published; a part of the download is missing or another",
        "test: 1, but 6096 were published; a part of the download is missing or another",
    ]
    short, broken = sorted(wrong[3:])
    assert short.startswith("AAAAAAAA (train): ") and "frames decode, 999 are annotated" in short
    assert broken.startswith("CCCCCCCC (test): ") and broken.endswith("; get this file again")
    assert said[0].endswith("3 clips") and said[-1] == "2 of 3 videos decode to their end"


def test_the_command_prints_each_line_and_ends_with_status_1(folder, capsys):
    assert main(["index", "animal-kingdom", str(folder), "--workers", "1"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "5 wrong"
    with (folder / "annotation" / "train.csv").open("a") as file:
        file.write("../D 3 1 p 1 train\nEEEEEEEE 4 1 p 7 train\n")
    assert main(["index", "animal-kingdom", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[2] for line in lines[:2]] == ["1003", "1004"] and lines[2] == "2 wrong"


def test_a_folder_of_one_s_own_is_checked_by_the_command_that_its_errors_name(tmp_path, smoke_world, capsys):
    root = tmp_path / "my clips"
    root.mkdir()
    clips = sorted((smoke_world / "smoke" / "video").iterdir())[:3]
    for number, clip in enumerate(clips * 2):
        (root / f"{number}.mp4").write_bytes(clip.read_bytes())
    rows = [f"{number}.mp4,walk" for number in range(6)]
    (root / "labels.csv").write_text("\n".join(["file,labels", *rows, "a.mp4,walk", "b.mp4,walk"]))
    with pytest.raises(AnnotationError) as error:
        catalogue.load("folder", root)
    command = f"python -m amc index folder '{root}'"
    assert f"a.mp4 is missing; restore it, or remove the line (2 such mistakes; `{command}` lists them all)" in str(
        error.value
    )
    assert main(shlex.split(command)[3:] + ["--workers", "1"]) == 1
    assert [line.split(":")[2] for line in capsys.readouterr().out.splitlines()[:2]] == ["8", "9"]
    (root / "labels.csv").write_text("\n".join(["file,labels", *rows]))
    (root / "3.mp4").write_bytes(b"broken")
    assert main(shlex.split(command)[3:] + ["--workers", "1"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "1 wrong" and said[-2].startswith("wrong: 3.mp4")
    assert command in catalogue.load("folder", root).remedy


def test_a_split_without_clips_is_told(folder):
    (folder / "annotation" / "val.csv").write_text("original_vido_id video_id frame_id path labels type\n")
    wrong = download.check("animal-kingdom", folder, workers=1, log=lambda line: None)
    assert "test: 0, but 6096 were published; a part of the download is missing or another" in wrong
