"""Damaged and cut video files: what decodes can be had, and one line says where the rest is lost.

Also folders of pictures in every mode that Pillow reads: right, or refused.
"""

import re

import av
import cv2
import damaged_videos
import films
import numpy as np
import pytest
from films import Film, N, picture, remux, sequential, write
from PIL import Image
from test_video_odd import assert_reads, pixels

from amc import video
from amc.datasets import video_reader
from amc.datasets.videos import Facts
from amc.video import VideoError, packets

BEGINNINGS = [  # the first key frame that is left is frame 12
    Film("mp4", "libx264", "closed"),
    Film("mkv", "libx264", "no B-frames"),
    Film("ts", "libx264", "closed"),
    Film("ts", "libx264", "open"),
    Film("mkv", "libx265", "open"),
    Film("ts", "libx265", "open"),
    Film("mkv", "mpeg2video", "open"),
    Film("avi", "mpeg4", "no B-frames"),
    Film("wmv", "wmv2", "no B-frames"),
    Film("webm", "libvpx-vp9", "no B-frames"),
]


@pytest.mark.parametrize("film", BEGINNINGS, ids=str)
def test_a_film_that_begins_without_a_key_frame_has_the_frames_that_decode_and_a_note(tmp_path, film):
    whole = film.make(tmp_path)
    path = remux(whole, whole.with_stem("headless"), lambda n, packet: n > 4)
    expected = sequential(whole)[12:]
    info = assert_reads(path, expected)
    assert any("key frame" in note for note in info.notes)
    assert np.diff(video.frame_times(path)) == pytest.approx(1 / 24, abs=0.0021)


LOSSES = [
    Film("mp4", "libx264", "closed"),
    Film("mkv", "libx264", "no B-frames"),
    Film("mp4", "libx265", "closed"),
    Film("mkv", "libx265", "open"),
]


def one_clear_line(error) -> str:
    text = str(error.value)
    assert "\n" not in text and len(text) < 400
    return text


@pytest.mark.parametrize("film", LOSSES, ids=str)
def test_before_a_lost_key_frame_everything_is_read_and_the_error_says_where_it_was(tmp_path, film):
    whole = film.make(tmp_path)
    truth = sequential(whole)
    path = remux(whole, whole.with_stem("lost"), lambda n, packet: not (30 < n < 42 and packet.is_keyframe))
    lost = {n for n in range(30, 50) if n not in films.numbers(sequential(path))} | {36}
    good = min(lost)
    assert 31 <= good <= 36  # B-frames before the lost frame are lost with it where the GOP is open
    seen = []
    with pytest.raises(VideoError, match="damaged") as error:
        for _, frames in video.stream(path, range(video.probe(path).num_frames)):
            seen.append(pixels(frames))
    assert (np.concatenate(seen)[:good] == truth[:good]).all()
    assert all((video.read_frames(path, [n]).numpy() == truth[n].transpose(2, 0, 1)).all() for n in (0, 20, good - 1))
    [second] = re.findall(r"([\d.]+) s\b", one_clear_line(error))[:1]
    assert (good - 2) / 24 <= float(second) <= 39 / 24


ZEROED = [
    Film("mp4", "libx264", "closed"),
    Film("mkv", "libx264", "no B-frames"),
    Film("mp4", "libx265", "closed"),
    Film("mp4", "libx265", "open"),
    Film("webm", "libvpx-vp9", "no B-frames"),
    Film("mkv", "mpeg2video", "open"),
    Film("avi", "mpeg4", "no B-frames"),
    Film("avi", "mjpeg", "all intra", "yuvj420p"),
    Film("mp4", "libsvtav1", "B-pyramid"),
]


@pytest.mark.parametrize("film", ZEROED, ids=str)
def test_before_a_key_frame_of_zeros_everything_is_read_and_no_frame_is_another(tmp_path, film):
    path = film.make(tmp_path)
    truth = sequential(path)
    with av.open(str(path)) as container:
        sizes = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size and packet.is_keyframe]
    at, size = sizes[3 if len(sizes) < N else 36]
    data = bytearray(path.read_bytes())
    start = at + 12 if film.suffix in ("mkv", "webm") else at + 8  # behind the head of a Matroska block
    data[start : at + size] = bytes(at + size - start)
    path.write_bytes(data)
    seen, is_refused = {}, 0
    for n in range(video.probe(path).num_frames):
        try:
            seen[n] = video.read_frames(path, [n]).numpy()[0].transpose(1, 2, 0)
        except VideoError as error:
            is_refused += "\n" not in str(error)
    told = films.numbers(np.stack(list(seen.values())))
    assert told[:31] == list(range(31))  # open GOPs lose the B-frames before the key frame too
    if film.codec == "mpeg2video":  # its decoder invents what it lacks, and tells nobody
        assert all((frame == bare).all() for frame, bare in zip(seen.values(), sequential(path), strict=True))
        assert any("its 60 packets bring 59 frames" in note for note in video.probe(path).notes)
    else:
        assert all((frame == truth[number]).all() for frame, number in zip(seen.values(), told, strict=True))
        assert told == sorted(set(told)) and is_refused > 0


CUT = [
    Film("avi", "mjpeg", "all intra", "yuvj420p"),
    Film("avi", "mpeg4", "no B-frames"),
    Film("mp4", "libx264", "closed"),
    Film("mov", "png", "all intra", "rgb24"),
    Film("mkv", "libx264", "closed"),
    Film("webm", "libvpx-vp9", "no B-frames"),
    Film("flv", "libx264", "closed"),
    Film("wmv", "wmv2", "no B-frames"),
    Film("gif", "gif", "no B-frames", "rgb8"),
]


@pytest.mark.parametrize("film", CUT, ids=str)
def test_a_file_that_was_cut_is_refused(tmp_path, film):
    path = film.make(tmp_path)
    path.write_bytes(path.read_bytes()[: int(0.7 * path.stat().st_size)])
    with pytest.raises(VideoError) as error:
        video.probe(path)
    assert str(path) in one_clear_line(error)


def test_a_film_that_changes_its_size_in_the_middle_is_refused_there(tmp_path):
    parts = [write(tmp_path / "a.ts"), write(tmp_path / "b.ts", pictures=[picture(n, (64, 96)) for n in range(9)])]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert (pixels(video.read_frames(path, range(N))) == sequential(parts[0])).all()
    for action in (lambda: video.read_frames(path, [0, N + 2]), lambda: list(video.stream(path, [0, N + 2]))):
        with pytest.raises(VideoError, match="size") as error:
            action()
        one_clear_line(error)


def test_a_decoder_with_its_checks_on_tells_of_more_damage_and_of_none_in_an_intact_film(tmp_path, monkeypatch):
    film = Film("mkv", "msmpeg4", "no B-frames").make(tmp_path)
    (tmp_path / "damaged").mkdir()
    files = list(damaged_videos.damaged([film], tmp_path / "damaged", 36, 0))
    facts = [Facts(**video_reader.facts(str(file.path))) for file in files]
    found = [damaged_videos.judge(file, fact) for file, fact in zip(files, facts, strict=True)]
    assert found.count("flagged") >= 3 and video.damage(film) == ""
    monkeypatch.setattr(packets, "STRICT", {"err_detect": "explode"})
    read = [file.path for file, how in zip(files, found, strict=True) if how != "refused"]
    assert sum(bool(video.damage(path)) for path in read) < found.count("flagged")


def test_an_interlaced_film_raises_no_doubt(tmp_path):
    path = Film("mp4", "libx264", "interlaced").make(tmp_path)
    assert video.INTERLACED in video.probe(path).notes
    assert video_reader.facts(str(path)) == {"num_frames": N, "doubt": "", "damage": ""}


def test_wrong_pictures_of_which_nothing_is_said_count_as_silent(tmp_path):
    film, other = (Film("mp4", "libx264", gop).make(tmp_path) for gop in ("closed", "open"))
    assert damaged_videos.judge(damaged_videos.File(other, film, ""), Facts(N)) == "silent"
    assert damaged_videos.judge(damaged_videos.File(other, film, ""), Facts(N, damage="here")) == "flagged"


GRAY = np.linspace(0, 1, 48 * 64).reshape(48, 64)  # every level from black to white


@pytest.mark.parametrize("name", ["1.png", "1.jpg"])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"])
def test_a_picture_of_any_mode_is_read_as_it_looks_or_refused(tmp_path, mode, name):
    if mode in ("I;16", "I"):
        drawn = Image.fromarray((65535 * GRAY).astype({"I;16": np.uint16, "I": np.int32}[mode]))
    elif mode == "F":
        drawn = Image.fromarray(GRAY.astype(np.float32))
    else:
        drawn = Image.fromarray((255 * GRAY).round().astype(np.uint8)).convert(mode)
    assert drawn.mode == mode
    kept = "PNG" if name.endswith("png") and mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else "TIFF"
    drawn.save(tmp_path / name, format=kept)  # a suffix does not always tell the truth
    expected = GRAY > 0.5 if mode == "1" else GRAY
    try:
        read = video.read_frames(tmp_path, [0])[0].numpy()
    except VideoError as error:
        assert mode in ("I", "F") and "\n" not in str(error) and name in str(error)
        return
    off = np.abs(read / 255 - expected)
    assert np.mean(off > 0.02) < (0.5 if mode == "1" else 0.01)  # "1" is dithered


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_of_16_bits_are_scaled_and_not_clipped(tmp_path, channels):
    level = (65535 * GRAY).round().astype(np.uint16)
    planes = [level, level[::-1], level[:, ::-1], np.full_like(level, 65535)][:channels]
    for n in (1, 2):
        cv2.imwrite(str(tmp_path / f"{n}.png"), np.squeeze(np.dstack(planes)))  # blue, green, red
    expected = np.stack([p / 257 for p in (planes[:3][::-1] if channels > 1 else [level] * 3)])
    read = video.read_frames(tmp_path, [0, 1]).numpy()
    assert np.abs(read - expected).max() <= 1
