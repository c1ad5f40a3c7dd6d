"""Odd but whole video files, as cameras, editors and recorders write them: each is read right."""

import struct
from fractions import Fraction

import av
import films
import numpy as np
import pytest
from films import MPEG, X264, X265, H, N, W, picture, remux, sequential, write

from amc import video

CLOSED = {"x264-params": X264["closed"]}


def assert_reads(path, expected: np.ndarray) -> video.VideoInfo:
    """Every way to ask for frames gives those of `expected` (N, H, W, 3)."""
    info, last = video.probe(path), len(expected) - 1
    assert (info.num_frames, info.height, info.width) == expected.shape[:3]
    asked = [*([n] for n in range(len(expected))), [last, 0, last // 2, 0, last], list(range(len(expected)))]
    wrong = [some for some in asked if (pixels(video.read_frames(path, some)) != expected[some]).any()]
    assert wrong == []
    parts = list(video.stream(path, range(0, len(expected), 3)))
    assert (np.concatenate([pixels(frames) for _, frames in parts]) == expected[::3]).all()
    times = video.frame_times(path)
    assert len(times) == len(expected) and (np.diff(times) > 0).all()
    return info


def pixels(frames) -> np.ndarray:
    return frames.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "flv"])
def test_a_film_that_starts_late_has_its_frames_from_its_own_first_on(tmp_path, suffix):
    path = write(tmp_path / f"late.{suffix}", times=range(36, 36 + N))
    expected = sequential(path)
    assert films.numbers(expected) == list(range(N))
    assert_reads(path, expected)
    assert video.frame_times(path) == pytest.approx(np.arange(N) / 24, abs=0.0011)


@pytest.mark.parametrize("hidden", [5, 12, 18])
@pytest.mark.parametrize("gop", ["closed", "open"])
def test_frames_that_an_edit_list_hides_do_not_count(tmp_path, gop, hidden):
    def earlier(n, packet):
        ticks = int(hidden / 24 / packet.time_base)
        packet.pts, packet.dts = packet.pts - ticks, packet.dts - ticks
        return True

    whole = write(tmp_path / "whole.mp4", options={"x264-params": X264[gop]})
    path = remux(whole, tmp_path / "cut.mp4", earlier, muxer={"avoid_negative_ts": "disabled"})
    expected = sequential(path)
    assert films.numbers(expected) == list(range(hidden, N))
    assert_reads(path, expected)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_sound_that_lasts_longer_than_the_picture_adds_no_frame(tmp_path, suffix):
    path = write(tmp_path / f"sound.{suffix}", options=CLOSED, sound_seconds=6)
    info = assert_reads(path, sequential(path))
    assert info.num_frames == N and info.fps == pytest.approx(24, abs=0.1)


ODD = [
    ("libvpx-vp9", "webm", "yuv420p"),
    ("mjpeg", "avi", "yuvj420p"),
    ("ffv1", "mkv", "bgr0"),
    ("png", "mov", "rgb24"),
]


@pytest.mark.parametrize("codec, suffix, pix_fmt", ODD)
@pytest.mark.parametrize("size", [(H - 1, W - 1), (H, W - 1), (H - 1, W)])
def test_odd_sizes_are_kept_to_the_last_row_and_column(tmp_path, codec, suffix, pix_fmt, size):
    path = write(tmp_path / f"a.{suffix}", codec, pix_fmt=pix_fmt, pictures=[picture(n, size) for n in range(9)])
    assert_reads(path, sequential(path))
    assert video.read_frames(path, [0]).shape == (1, 3, *size)


ALPHA = [("libvpx-vp9", "webm", "yuva420p"), ("ffv1", "mkv", "bgra"), ("png", "mov", "rgba"), ("qtrle", "mov", "argb")]


@pytest.mark.parametrize("codec, suffix, pix_fmt", ALPHA)
def test_transparency_does_not_change_the_colours(tmp_path, codec, suffix, pix_fmt):
    seen = [np.dstack([picture(n), np.full((H, W), 28 * n, np.uint8)]) for n in range(9)]
    path = write(tmp_path / f"a.{suffix}", codec, pix_fmt=pix_fmt, pictures=seen)
    expected = sequential(path)
    assert_reads(path, expected)
    if codec != "libvpx-vp9":  # the others lose nothing
        assert (expected == np.stack(seen)[..., :3]).all()


def test_full_range_video_keeps_its_black_and_white(tmp_path):
    def full(stream):
        stream.codec_context.color_range = 2

    gray = [np.full((H, W, 3), level, np.uint8) for level in (0, 60, 128, 200, 255)]
    for name, pix_fmt, setup in (("full", "yuvj420p", full), ("limited", "yuv420p", None)):
        path = write(tmp_path / f"{name}.mp4", pictures=gray, pix_fmt=pix_fmt, setup=setup, options={"crf": "1"})
        assert_reads(path, sequential(path))
        levels = video.read_frames(path, range(5)).float().mean((1, 2, 3))
        assert levels.tolist() == pytest.approx([0, 60, 128, 200, 255], abs=2)  # limited range has 219 steps for 255


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_variable_rate_frames_are_known_by_number_and_have_exact_times(tmp_path, suffix):
    times = np.cumsum([1 + 7 * n % 5 for n in range(N)]).tolist()
    path = write(tmp_path / f"a.{suffix}", options=CLOSED, times=times, rate=100)
    assert_reads(path, sequential(path))
    assert video.frame_times(path) == pytest.approx((np.array(times) - times[0]) / 100, abs=1e-6)


@pytest.mark.parametrize("codec, pix_fmt", [("mpeg4", "yuv420p"), ("mjpeg", "yuvj420p")])
def test_frames_that_an_avi_recorder_dropped_leave_a_gap_in_time_and_no_frame(tmp_path, codec, pix_fmt):
    times = [n + 3 * (n > 9) + 5 * (n > 30) for n in range(N)]  # AVI writes packets of no length into the gaps
    path = write(tmp_path / "a.avi", codec, times=times, pix_fmt=pix_fmt)
    expected = sequential(path)  # FFmpeg decodes nothing for them
    assert films.numbers(expected) == list(range(N))
    assert_reads(path, expected)
    assert video.frame_times(path) == pytest.approx(np.array(times) / 24, abs=1e-6)


@pytest.mark.parametrize("rate", [1, 240, Fraction(30000, 1001)])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_slow_and_fast_films_keep_their_rate(tmp_path, rate, suffix):
    path = write(tmp_path / f"a.{suffix}", "mpeg4" if suffix == "avi" else "libx264", rate=rate)
    info = assert_reads(path, sequential(path))
    assert info.fps == pytest.approx(float(rate), rel=0.001)
    assert video.frame_times(path) == pytest.approx(np.arange(N) / float(rate), abs=0.0011)


TURNS = {
    (1, 0, 0, 1): lambda p: p,
    (0, 1, -1, 0): lambda p: np.rot90(p, 3, (1, 2)),
    (-1, 0, 0, -1): lambda p: np.rot90(p, 2, (1, 2)),
    (0, -1, 1, 0): lambda p: np.rot90(p, 1, (1, 2)),
    (-1, 0, 0, 1): lambda p: np.flip(p, 2),
    (1, 0, 0, -1): lambda p: np.flip(p, 1),
    (0, 1, 1, 0): lambda p: np.swapaxes(p, 1, 2),
    (0, -1, -1, 0): lambda p: np.rot90(np.swapaxes(p, 1, 2), 2, (1, 2)),
}


@pytest.mark.parametrize("matrix", TURNS)
def test_a_turned_or_mirrored_film_is_read_as_it_is_displayed(tmp_path, matrix):
    plain = write(tmp_path / "plain.mp4", options=CLOSED, pictures=[picture(n) for n in range(15)])
    data, (a, b, c, d) = bytearray(plain.read_bytes()), (65536 * x for x in matrix)
    at = data.index(b"tkhd") + 44  # the display matrix of the track header
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(data)
    assert_reads(turned, TURNS[matrix](sequential(plain)))


def thumbnail() -> bytes:
    """A PNG of 20 x 20."""
    context = av.CodecContext.create("png", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 20, 20, "rgb24", Fraction(1, 24)
    [packet] = context.encode(av.VideoFrame.from_ndarray(np.full((20, 20, 3), 99, np.uint8), format="rgb24"))
    return bytes(packet)


def box(kind: bytes, *parts: bytes) -> bytes:
    return struct.pack(">I", 8 + sum(map(len, parts))) + kind + b"".join(parts)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_cover_picture_before_or_behind_the_film_is_not_the_film(tmp_path, is_first):
    plain = write(tmp_path / "plain.mp4", options=CLOSED)
    data = plain.read_bytes()
    at = data.rindex(b"moov") - 4  # the last box of the file
    inner = data[at + 8 :]
    cover = box(b"covr", box(b"data", struct.pack(">II", 14, 0), thumbnail()))
    handler = box(b"hdlr", bytes(8), b"mdirappl", bytes(9))
    tags = box(b"udta", box(b"meta", bytes(4), handler, box(b"ilst", cover)))
    header = struct.unpack(">I", inner[:4])[0]  # mvhd stays first
    parts = (inner[:header], tags, inner[header:]) if is_first else (inner, tags)
    path = tmp_path / "cover.mp4"
    path.write_bytes(data[:at] + box(b"moov", *parts))
    with av.open(str(path)) as container:
        covers = [bool(s.disposition & av.stream.Disposition.attached_pic) for s in container.streams.video]
    assert covers == ([True, False] if is_first else [False, True])
    assert_reads(path, sequential(plain))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_of_several_video_streams_the_first_is_read_and_a_note_says_so(tmp_path, suffix):
    parts = [
        write(tmp_path / f"{k}.mp4", options=CLOSED, pictures=[picture(100 * k + n) for n in range(N)]) for k in (0, 1)
    ]
    path = tmp_path / f"two.{suffix}"
    with av.open(str(path), "w") as target, av.open(str(parts[0])) as first, av.open(str(parts[1])) as second:
        streams = [target.add_stream_from_template(source.streams.video[0]) for source in (first, second)]
        for pair in zip(first.demux(video=0), second.demux(video=0), strict=True):
            for packet, stream in zip(pair, streams, strict=True):
                if packet.size:
                    packet.stream = stream
                    target.mux(packet)
    info = assert_reads(path, sequential(path))
    assert films.numbers(pixels(video.read_frames(path, [0, N - 1]))) == [0, N - 1]
    assert any("video streams" in note for note in info.notes)


@pytest.mark.parametrize(
    "name, content", [("a.ASF", "asf"), ("b.xyz", "matroska"), ("film", "avi"), ("c.mp4", "mpegts")]
)
def test_what_a_file_is_says_its_content_not_its_suffix(tmp_path, name, content):
    path = write(tmp_path / name, "mpeg4", format=content)
    assert_reads(path, sequential(path))


@pytest.mark.parametrize("codec, suffix, options", [("libx264", "ts", CLOSED), ("mpeg2video", "mpg", MPEG["open"])])
def test_two_recordings_joined_byte_by_byte_are_one_film(tmp_path, codec, suffix, options):
    parts = []
    for k in (0, 1):
        drawn = [picture(100 * k + n) for n in range(N)]
        parts.append(write(tmp_path / f"{k}.{suffix}", codec, options=options, pictures=drawn).read_bytes())
    path = tmp_path / f"joined.{suffix}"
    path.write_bytes(b"".join(parts))  # the times begin anew in the middle
    expected = sequential(path)
    assert films.numbers(expected) == [*range(N), *range(100, 100 + N)]
    assert_reads(path, expected)


def test_a_transport_stream_whose_clock_overflows_in_the_middle_is_read(tmp_path):
    start = int((2**33 / 90_000 - 1) * 24)  # its clock has 33 bits
    path = write(tmp_path / "a.ts", options=CLOSED, times=range(start, start + N))
    assert_reads(path, sequential(path))
    assert video.frame_times(path) == pytest.approx(np.arange(N) / 24, abs=0.0011)


def test_frames_of_equal_times_are_told_apart(tmp_path):
    def tie(n, packet):
        if n % 5 == 4:
            packet.pts = packet.dts = packet.pts - int(1 / 24 / packet.time_base) + (packet.pts % 2)
        return True

    whole = write(tmp_path / "whole.mkv", options={"x264-params": X264["no B-frames"]})
    path = remux(whole, tmp_path / "ties.mkv", tie)
    expected = sequential(path)
    assert films.numbers(expected) == list(range(N))
    assert_reads(path, expected)


def test_vp8_frames_that_are_not_shown_do_not_count(tmp_path):
    whole = write(tmp_path / "whole.webm", "libvpx", options={"cpu-used": "5", "g": "12"})
    with av.open(str(whole)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    data = bytearray(whole.read_bytes())
    for n in (7, 20, 33):
        at = data.index(packets[n])
        data[at] &= ~0x10  # RFC 6386 9.1: show_frame
    path = tmp_path / "hidden.webm"
    path.write_bytes(data)
    expected = sequential(path)
    assert films.numbers(expected) == [n for n in range(N) if n not in (7, 20, 33)]
    assert_reads(path, expected)


HDR = ":colorprim=bt2020:transfer={}:colormatrix=bt2020nc:log-level=none:pools=none:frame-threads=1"


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_read_and_noted(tmp_path, transfer):
    options = {"x265-params": X265["closed"] + HDR.format(transfer)}
    path = write(tmp_path / "a.mp4", "libx265", options=options, pix_fmt="yuv420p10le")
    assert any("high dynamic range" in note for note in assert_reads(path, sequential(path)).notes)


INTERLACED = [("libx264", "mp4", {"x264-params": X264["interlaced"]}), ("mpeg2video", "mpg", MPEG["interlaced"])]


@pytest.mark.parametrize("codec, suffix, options", INTERLACED)
def test_interlaced_video_is_read_and_noted(tmp_path, codec, suffix, options):
    path = write(tmp_path / f"a.{suffix}", codec, options=options)
    assert any("interlaced" in note for note in assert_reads(path, sequential(path)).notes)


def test_an_ordinary_film_has_nothing_odd_to_note(tmp_path):
    for suffix in ("mp4", "mkv", "ts"):
        assert video.probe(write(tmp_path / f"a.{suffix}", options=CLOSED)).notes == ()


def test_metadata_that_are_not_utf_8_do_not_matter(tmp_path):
    path = write(tmp_path / "named.mp4")
    expected, data = sequential(path), path.read_bytes()
    assert data.count(b"VideoHandler") == 1  # the track's name
    path.write_bytes(data.replace(b"VideoHandler", b"\xff\xfe\xe9Handler\x80\x81"))
    assert_reads(path, expected)
    assert video.damage(path) == ""
