"""Names, files and archives that are made to hurt: one line, quickly, in little memory; and no formula in a table."""

import io
import os
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from amc import video
from amc.base import seal
from amc.base.errors import AmcError
from amc.datasets import delimited, download, video_reader
from amc.ethogram import annotations, exports, inputs, options, predictor
from amc.ethogram.bouts import Rules
from amc.ethogram.out_of_distribution import OutOfDistribution
from amc.ethogram.record import Ethogram
from amc.figures import style
from amc.runs import lookup

NAMES = ("=1+1", "@x", "$\\frac$")


@pytest.fixture
def shown() -> Ethogram:
    probs = np.tile(np.array([[0.9, 0.9, 0.9]]), (20, 1))
    return Ethogram("=video", "=video.mp4", 10.0, np.arange(21) / 10, NAMES, probs, np.full(3, 0.5))


def test_no_table_has_a_formula_and_ours_are_read_back_as_they_were(shown, tmp_path):
    for name, content in exports.FILES.items():
        if name != "boris_paste.tsv":  # pasted into BORIS, which computes nothing
            cells = pd.read_csv(
                io.StringIO(content(shown)), sep="\t" if name.endswith("tsv") else ",", header=None, dtype=str
            )
            texts = cells.to_numpy().ravel()
            assert not [text for text in texts if isinstance(text, str) and text.startswith(delimited.SIGNS)]
    for name in ("boris.tsv", "bouts.csv"):
        (tmp_path / name).write_text(exports.FILES[name](shown), encoding="utf-8")
        assert {event.behaviour for event in annotations.read(tmp_path / name).events} == {*NAMES}


@pytest.mark.parametrize("value", ["'=a", "=a", "a", "'a", -1.5, ""])
def test_escaping_and_back_changes_nothing(value):
    escaped = delimited.escape(value)
    assert (delimited.unescape(escaped) if isinstance(value, str) else escaped) == value


def test_dollar_signs_in_a_name_are_drawn_as_they_are(tmp_path):
    @style.styled
    def drawn() -> Figure:
        figure = Figure()
        figure.subplots().set_title("$\\frac$")
        return figure

    assert style.write(drawn(), tmp_path / "a.png", "a").exists() and style.slot("F", 12) == "F₁₂"


def test_names_that_would_break_a_table_are_refused_or_cleaned():
    with pytest.raises(AmcError, match="is a column of the tables"):
        predictor.by_names(["walking", "prob walking"])
    assert predictor.by_names(["a\tb", "c\nd"]).names == ("a b", "c d")


READERS = {  # of a path that a user names
    "annotation": annotations.read,
    "a BORIS project": lambda path: annotations.read(path.with_suffix(".boris")),
    "labels of FERAL": lambda path: annotations.read(path.with_suffix(".json")),
    "a video": lambda path: inputs.videos([path]),
    "rules": lambda path: options.read_rules(path, Rules()),
    "an archive": lambda path: download.unpack(path, path.parent / "into"),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_file_that_is_missing_is_called_so_in_one_line_of_words(read, tmp_path):
    with pytest.raises(AmcError, match=r"no such file or folder; \w+") as error:
        read(tmp_path / "gone.csv")
    assert "Errno" not in str(error.value)


@pytest.mark.parametrize("read", [READERS[name] for name in ("annotation", "a video", "rules", "an archive")])
def test_a_pipe_and_a_device_are_told_as_no_regular_files_at_once(read, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(AmcError, match=r"is no regular file; \w+"):
            read(path)


def test_a_device_is_no_model():
    with pytest.raises(AmcError, match="null: is no regular file; give a run's model.safetensors"):
        lookup.find(os.devnull)


def test_a_header_of_400_gigabytes_takes_none(tmp_path):
    head = "{'descr': '<f8', 'fortran_order': False, 'shape': (50000000000,), }".ljust(117) + "\n"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in ("mean", "precision", "limit"):
            file.writestr(f"{name}.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head.encode())
    seal.write_zip(tmp_path / "f.npz", made)
    with pytest.raises(AmcError, match=r"f\.npz: not readable"):
        OutOfDistribution.load(tmp_path / "f.npz")


def film(path, *, side: int = 64, frames: int = 24) -> bytes:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        for k in range(frames):
            picture = np.random.default_rng(k).integers(0, 255, (side, side, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


def test_frames_of_gigabytes_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    film(tmp_path / "a.mp4")
    monkeypatch.setattr(video.packets, "MAX_PIXELS", 64 * 64 - 1)
    with pytest.raises(video.VideoError, match="its frames have 64 x 64 pixels"):
        video.probe(tmp_path / "a.mp4")


def test_a_picture_of_gigabytes_is_refused_before_it_is_decoded(tmp_path):
    Image.new("1", (12_000, 12_000)).save(tmp_path / "1.png")
    with pytest.raises(video.VideoError, match="has 12000 x 12000 pixels"):
        video.read_frames(tmp_path, [0])


def test_damage_that_decoders_conceal_is_told_and_a_whole_video_has_none(tmp_path):
    data = film(tmp_path / "a.avi")
    assert video_reader.facts(str(tmp_path / "a.avi"))["damage"] == ""
    told = 0
    for seed in range(10):
        damaged = bytearray(data)
        at = np.random.default_rng(seed).integers(len(data) // 4, len(data) // 2)
        damaged[at : at + 40] = bytes(40)
        (tmp_path / f"{seed}.avi").write_bytes(damaged)
        facts = video_reader.facts(str(tmp_path / f"{seed}.avi"))
        told += bool(facts.get("damage") or facts.get("error"))
    assert told == 10


def test_the_table_counts_damaged_videos(tmp_path):
    from amc.base import paths, sealed_lines
    from amc.datasets import videos
    from amc.datasets.table import Clip, ClipTable

    film(tmp_path / "a.avi")
    table = ClipTable("t", ("x", "y"), (Clip("a", tmp_path / "a.avi", (0,), "train", 24),))
    facts = [videos._identity(tmp_path / "a.avi"), 24, "", "", "packet 3 does not decode"]
    sealed_lines.append(paths.cache() / "videos" / "t.jsonl", facts)
    found = videos.apply(table, "t")
    assert found.notes == ("damaged videos that decode, some of whose pictures may be wrong: 1, first a",)
    assert replace(found, notes=()) == table
