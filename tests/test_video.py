import struct

import av
import numpy as np
import pytest
import torch
from PIL import Image

from amc import video
from amc.base.errors import AmcError
from amc.video import VideoError, probe, read_frames
from amc.video.packets import checksum

H, W, N = 48, 64, 60


def write_video(path, *, num_frames=N, size=(H, W), options=None, codec="libx264", shift=0):
    """A video whose n-th frame has brightness 20 + 3 n on its left half; `shift` hides frames by an edit list."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=24)
        stream.height, stream.width, stream.pix_fmt, stream.bit_rate = *size, "yuv420p", 4_000_000
        for n in range(num_frames):
            picture = np.zeros((*size, 3), np.uint8)
            picture[:, : size[1] // 2] = 20 + 3 * n
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    if shift:
        hidden = path.with_stem("hidden")
        with (
            av.open(str(path)) as source,
            av.open(str(hidden), "w", options={"avoid_negative_ts": "disabled"}) as target,
        ):
            copy = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    ticks = int(shift / 24 / packet.time_base)
                    packet.pts, packet.dts, packet.stream = packet.pts - ticks, packet.dts - ticks, copy
                    target.mux(packet)
        return hidden
    return path


def numbers(frames):
    """The n of each frame of `write_video`."""
    return ((frames[:, 0, 10:20, 5:15].float().mean((1, 2)) - 20) / 3).round().int().tolist()


def every_frame(path):
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_frames_come_in_the_order_asked_with_repeats(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    frames = read_frames(path, [59, 0, 31, 31, 7])
    assert frames.shape == (5, 3, H, W) and frames.dtype == torch.uint8 and frames.is_contiguous()
    assert numbers(frames) == [59, 0, 31, 31, 7]


def test_a_probe_tells_what_the_file_holds(tmp_path):
    info = probe(write_video(tmp_path / "a.mp4"))
    assert (info.num_frames, info.fps, info.width, info.height, info.reader) == (N, 24, W, H, "pyav")
    assert info.duration == pytest.approx(N / 24)


@pytest.mark.parametrize("name", ["a.mp4", "b.mkv", "c.avi", "d.ts"])
def test_every_container_gives_its_frames_by_number(tmp_path, name):
    path = write_video(tmp_path / name, codec="mpeg4" if name == "c.avi" else "libx264")
    assert numbers(read_frames(path, [0, 17, N - 1])) == [0, 17, N - 1]


def test_frames_hidden_by_an_edit_list_do_not_count(tmp_path):
    path = write_video(tmp_path / "a.mp4", shift=12)
    info = probe(path)
    assert info.num_frames == N - 12
    assert numbers(read_frames(path, [0, 47])) == [12, 59]
    pytest.importorskip("decord")
    with pytest.raises(VideoError, match="decord counts 60 frames of 48"):  # and repeats the last one instead
        read_frames(path, [0, 47], reader="decord")


@pytest.mark.parametrize(
    "turn, matrix", [(0, (1, 0, 0, 1)), (3, (0, 1, -1, 0)), (2, (-1, 0, 0, -1)), (1, (0, -1, 1, 0))]
)
def test_rotated_video_is_read_as_it_is_displayed(tmp_path, turn, matrix):
    plain = write_video(tmp_path / "a.mp4", num_frames=3)
    a, b, c, d = (65536 * x for x in matrix)
    data = bytearray(plain.read_bytes())
    at = data.index(b"tkhd") + 44  # the display matrix of the track header
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    rotated = tmp_path / "rotated.mp4"
    rotated.write_bytes(data)
    expected = np.rot90(every_frame(plain), turn, axes=(1, 2))
    assert (read_frames(rotated, [0, 1, 2]).permute(0, 2, 3, 1).numpy() == expected).all()
    assert (probe(rotated).height, probe(rotated).width) == expected.shape[1:3]


def test_real_clips_are_equal_in_decord_and_pyav(real):
    for name in ("animals/kabr_miniscene_0.mp4", "animals/dlc_openfield_short31.mp4", "nasty/nasa_vfr.mp4"):
        path = real / "clips" / name
        info = probe(path)
        frames = read_frames(path, range(info.num_frames)).permute(0, 2, 3, 1).numpy()
        assert (frames == every_frame(path)).all()
        pytest.importorskip("decord")
        assert torch.equal(read_frames(path, [0, 3], reader="decord"), read_frames(path, [0, 3]))


def test_a_rotated_real_clip_stands_upright(real):
    path = real / "clips/nasty/nasa_rotated90.mp4"
    frames = read_frames(path, range(17)).permute(0, 2, 3, 1).numpy()
    assert frames.shape == (17, 480, 270, 3)
    assert (frames == np.rot90(every_frame(path), 1, axes=(1, 2))).all()


def test_at_odd_height_readers_place_chroma_differently_but_agree_on_the_frame(real):
    path = real / "clips/nasty/odd_321x241_vp9.mp4"
    frames = read_frames(path, range(25)).permute(0, 2, 3, 1).numpy()
    assert frames.shape == (25, 241, 321, 3) and (frames == every_frame(path)).all()
    pytest.importorskip("decord")
    other = read_frames(path, range(25), reader="decord").permute(0, 2, 3, 1).numpy().astype(float)
    distance = np.abs(other[:, None, ::4, ::4] - frames[None, :, ::4, ::4]).mean((2, 3, 4))  # (25, 25)
    assert distance.diagonal().max() < 1 and (distance.argmin(1) == np.arange(25)).all()  # measured: 0.95 level


def test_gifs_are_read(real):
    path = real / "clips/kabr/G0068-Run.gif"
    info = probe(path)
    assert info.num_frames == 25
    with Image.open(path) as picture:
        picture.seek(20)
        expected = np.asarray(picture.convert("RGB"))
    assert (read_frames(path, [20])[0].permute(1, 2, 0).numpy() == expected).all()


def test_av1_is_read(real):
    info = probe(real / "clips/nasty/av1_video.mkv")
    assert (info.num_frames, info.width, info.height) == (125, 640, 360)
    assert read_frames(info.path, [30]).shape == (1, 3, 360, 640)


def test_a_video_of_one_frame_is_a_video(one_frame):
    assert read_frames(one_frame, [0, 0, 0]).shape == (3, 3, 64, 64)
    assert probe(one_frame).num_frames == 1


def test_a_folder_of_pictures_is_ordered_by_number_not_by_name(tmp_path):
    folder = tmp_path / "ZG0001.1"
    folder.mkdir()
    for n in (1, 2, 9, 10, 11):
        Image.fromarray(np.full((H, W, 3), 20 + 3 * n, np.uint8)).save(folder / f"{n}.png")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "notes.txt").write_text("12")
    assert probe(folder).num_frames == 5 and probe(folder).reader == "pictures"
    assert numbers(read_frames(folder, [4, 0, 1, 3])) == [11, 1, 2, 10]


def test_animal_kingdoms_picture_names_are_understood(tmp_path):
    folder = tmp_path / "AAACXZTV"
    folder.mkdir()
    for n in (1, 2, 3):
        Image.fromarray(np.full((H, W, 3), 20 + 3 * n, np.uint8)).save(folder / f"AAACXZTV_t{n:06d}.jpg")
    assert numbers(read_frames(folder, [0, 1, 2])) == [1, 2, 3]


def damaged_pictures(tmp_path, kind):
    folder = tmp_path / "pictures"
    folder.mkdir()
    if kind != "empty":
        Image.fromarray(np.zeros((H, W, 3), np.uint8)).save(folder / "1.png")
        Image.fromarray(np.zeros((H, W + (kind == "sizes"), 3), np.uint8)).save(folder / "2.png")
    if kind == "same number":
        Image.fromarray(np.zeros((H, W, 3), np.uint8)).save(folder / "01.jpg")
    if kind == "cut":
        (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:60])
    return folder


@pytest.mark.parametrize("kind", ["empty", "same number", "sizes", "cut"])
def test_damaged_folders_of_pictures_are_refused_in_one_line(tmp_path, kind):
    with pytest.raises(VideoError) as error:
        read_frames(damaged_pictures(tmp_path, kind), [0, 1])
    assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)


@pytest.mark.parametrize("name, content", [("a.mp4", b""), ("b.mp4", b"hello\n" * 99), ("c.txt", b"hello\n" * 99)])
def test_files_that_are_no_video_are_refused_in_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    for action in (probe, lambda path: read_frames(path, [0])):
        with pytest.raises(VideoError) as error:
            action(tmp_path / name)
        assert "\n" not in str(error.value) and name in str(error.value)


def test_a_missing_file_and_a_file_with_sound_only_are_refused(tmp_path):
    with pytest.raises(VideoError, match="check the path"):
        probe(tmp_path / "nowhere.mp4")
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        sound.rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(VideoError, match="no video stream"):
        probe(tmp_path / "sound.wav")


@pytest.mark.parametrize(
    "name, options", [("a.mp4", {}), ("b.mp4", {"movflags": "faststart"}), ("c.mkv", {}), ("d.webm", {}), ("e.avi", {})]
)
def test_a_truncated_video_is_refused(tmp_path, name, options):
    codec = {"webm": "libvpx", "avi": "mpeg4"}.get(name[-4:].strip("."), "libx264")
    path = write_video(tmp_path / name, options=options, codec=codec)
    assert probe(path).num_frames == N
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(VideoError, match="truncated|damaged"):
        probe(path)


def test_a_truncated_gif_is_refused(real, tmp_path):
    path = tmp_path / "a.gif"
    path.write_bytes((real / "clips/kabr/G0068-Run.gif").read_bytes()[:-1000])
    with pytest.raises(VideoError, match="truncated"):
        probe(path)


def test_a_damaged_real_video_gives_one_clear_line(real):
    path = real / "clips/nasty/decord_corrupted.mp4"
    assert read_frames(path, [0]).shape == (1, 3, 720, 1280)  # what lies before the damage can be had
    with pytest.raises(VideoError, match="damaged") as error:
        read_frames(path, range(probe(path).num_frames))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("indices", [[-1], [0, N], []])
def test_frames_that_a_video_does_not_have_are_refused(tmp_path, indices):
    with pytest.raises(VideoError):
        read_frames(write_video(tmp_path / "a.mp4"), indices)


def test_a_replaced_file_is_probed_anew(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    assert probe(path).num_frames == N
    write_video(path, num_frames=7)
    assert probe(path).num_frames == 7


def test_a_reader_that_is_not_there_is_refused(tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.mp4")
    monkeypatch.setattr(video, "decord", None)
    with pytest.raises(VideoError, match="decord is not installed"):
        read_frames(path, [3], reader="decord")
    with pytest.raises(AmcError, match="choose one of: pyav, decord"):
        read_frames(path, [3], reader="opencv")


def test_what_precedes_a_damage_comes_before_its_error(real):
    path, seen = real / "clips/nasty/decord_corrupted.mp4", []
    with pytest.raises(VideoError, match="damaged at frame 29") as error:
        for numbers, _ in video.stream(path, range(probe(path).num_frames)):
            seen += numbers
    assert seen == list(range(29)) and error.value.frame == 29


def test_a_frame_far_into_a_long_video_is_sought_and_the_same(tmp_path, monkeypatch):
    for name in ("a.mp4", "b.mkv", "c.ts"):
        path = write_video(tmp_path / name, options={"g": "10"})
        whole = read_frames(path, range(N))
        monkeypatch.setattr(video.decode, "FAR", 3)
        assert torch.equal(read_frames(path, [2, 33, 58]), whole[[2, 33, 58]])
        monkeypatch.undo()


@pytest.mark.parametrize(
    ("layout", "row_bytes"),
    [
        ("yuv420p", (66, 33, 33)),
        ("nv12", (66, 66)),
        ("yuv422p10le", (132, 66, 66)),
        ("rgb24", (198,)),
        ("bgr0", (264,)),
    ],
)
def test_a_checksum_is_of_the_pixels_and_not_of_the_memory_beside_them(layout, row_bytes):
    sums = []
    for beside, value in [(0, 7), (255, 7), (255, 8)]:
        frame = av.VideoFrame(66, 50, layout)
        for plane, used in zip(frame.planes, row_bytes, strict=True):
            rows = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)
            assert rows.shape[1] > used  # there is memory beside the pixels
            rows[:] = beside
            rows[:, :used] = 7
            rows[-1, used - 1] = value
        sums.append(checksum(frame))
    assert sums[0] == sums[1] != sums[2]
