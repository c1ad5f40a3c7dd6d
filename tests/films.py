"""Small films with the frame number encoded in each picture, in any container, codec and kind of GOP that PyAV writes.

Picture n shows n as eight bits in eight big blocks (dark 0, bright 1), readable after any lossy codec, and a moving
texture, so that a frame decoded without its reference frames differs. `write` makes a film, `remux` copies one packet
by packet with changes, `sequential` is the truth: PyAV alone from the first packet to the last.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder logs errors only
H, W, N = 48, 64, 60
BITS = 8

X264 = {
    "closed": "keyint=12:min-keyint=12:bframes=2:open-gop=0:scenecut=0",
    "open": "open-gop=1:keyint=12:min-keyint=1:bframes=3:b-adapt=0:scenecut=0",
    "intra refresh": "intra-refresh=1:keyint=12:bframes=0:scenecut=0",
    "B-pyramid": "b-pyramid=normal:bframes=5:b-adapt=0:keyint=24:ref=4:scenecut=0",
    "no B-frames": "bframes=0:keyint=12:scenecut=0",
    "all intra": "keyint=1",
    "long": "keyint=250:bframes=3:scenecut=0",
    "interlaced": "tff=1:keyint=12:bframes=2:scenecut=0",
}
X265 = {
    "closed": "keyint=12:min-keyint=12:open-gop=0",
    "open": "keyint=12:min-keyint=12",  # its default
    "B-pyramid": "b-pyramid=1:bframes=6:b-adapt=0:keyint=30:min-keyint=30",
    "no B-frames": "keyint=12:min-keyint=12:bframes=0",
    "long": "keyint=250:scenecut=0",
}
MPEG = {
    "open": {"g": "12", "bf": "2"},  # for FFmpeg's MPEG encoders
    "closed": {"g": "12", "bf": "2", "flags": "+cgop", "sc_threshold": "1000000000"},
    "no B-frames": {"g": "12"},
    "all intra": {"g": "1"},
    "B-pyramid": {"g": "12"},  # AV1 makes one by default
    "interlaced": {"g": "12", "bf": "2", "flags": "+ildct+ilme"},
}
OTHERS = {"libvpx": {"cpu-used": "5"}, "libvpx-vp9": {"cpu-used": "5"}, "libsvtav1": {"preset": "11", "crf": "40"}}


@dataclass(frozen=True)
class Film:
    """One kind of file: suffix (which picks the container), encoder and GOP."""

    suffix: str
    codec: str
    gop: str
    pix_fmt: str = "yuv420p"

    def __str__(self) -> str:
        return f"{self.codec} {self.gop}.{self.suffix}".replace(" ", "_")

    @property
    def options(self) -> dict[str, str]:
        """Options of the encoder."""
        if self.codec == "libx264":
            return {"x264-params": X264[self.gop]}
        if self.codec == "libx265":
            return {"x265-params": X265[self.gop] + ":log-level=none:pools=none:frame-threads=1"}
        return MPEG[self.gop] | OTHERS.get(self.codec, {})

    def make(self, folder: Path) -> Path:
        """The film of N pictures in `folder`."""
        return write(folder / f"{self}", self.codec, options=self.options, pix_fmt=self.pix_fmt)


def kinds(codec: str, gops: str, suffixes: str, pix_fmt: str = "yuv420p") -> Iterator[Film]:
    """Each of `gops` (separated by commas) in each of `suffixes` (separated by blanks)."""
    for gop in gops.split(", "):
        for suffix in suffixes.split():
            yield Film(suffix, codec, gop, pix_fmt)


FILMS = (
    *kinds("libx264", ", ".join(X264), "mp4 ts mkv"),
    *kinds("libx264", "closed, open, no B-frames", "avi mov flv"),
    *kinds("libx264", "closed, intra refresh", "m2ts h264"),
    *kinds("libx264", "closed", "mts 3gp m4v nut mxf asf wmv"),
    *kinds("libx265", ", ".join(X265), "mp4 ts"),
    *kinds("libx265", "open", "mkv mov hevc"),
    *kinds("mpeg4", "open, no B-frames", "mp4 avi mkv ts m4v"),
    *kinds("mpeg2video", "open, closed, no B-frames, all intra, interlaced", "mpg"),
    *kinds("mpeg2video", "open", "ts mkv avi mp4 vob mxf m2v"),
    *kinds("mpeg1video", "open", "mpg mkv avi"),
    *kinds("mjpeg", "all intra", "avi mov mkv", "yuvj420p"),
    *kinds("wmv2", "no B-frames", "wmv asf avi"),
    *kinds("wmv1", "no B-frames", "wmv"),
    *kinds("msmpeg4", "no B-frames", "avi asf mkv"),
    *kinds("msmpeg4v2", "no B-frames", "avi"),
    *kinds("flv", "no B-frames", "flv"),
    *kinds("h263p", "no B-frames", "avi"),
    *kinds("rv20", "no B-frames", "rm"),
    *kinds("libvpx", "no B-frames", "webm mkv ogg ivf avi"),
    *kinds("libvpx-vp9", "no B-frames", "webm mp4 ivf"),
    *kinds("libsvtav1", "B-pyramid", "mp4 mkv webm ivf"),
    *kinds("ffv1", "no B-frames, all intra", "mkv avi"),
    *kinds("huffyuv", "all intra", "avi", "yuv422p"),
    *kinds("prores", "all intra", "mov", "yuv422p10le"),
    *kinds("rawvideo", "all intra", "avi nut"),
    *kinds("png", "all intra", "mov", "rgb24"),
    *kinds("cinepak", "no B-frames", "avi", "rgb24"),
    *kinds("gif", "no B-frames", "gif", "rgb8"),
    *kinds("apng", "no B-frames", "apng", "rgb24"),
)


def picture(n: int, size: tuple[int, int] = (H, W)) -> np.ndarray:
    """The n-th picture, uint8 RGB (*size, 3), n below 256."""
    height, width = size
    bits = np.array([n >> k & 1 for k in range(BITS)]).reshape(2, 4)
    rows, columns = np.arange(height) * 2 // height, np.arange(width) * 4 // width
    texture = 20 * np.sin((np.arange(width) + 3 * np.arange(height)[:, None]) / 5 + n)  # moves by 1 radian per picture
    gray = 60 + 130 * bits[rows][:, columns] + texture
    return np.stack([gray, gray * 0.9, 250 - gray], axis=-1).round().astype(np.uint8)


def numbers(frames: np.ndarray) -> list[int]:
    """The number encoded in each picture of (T, H, W, 3)."""
    height, width = frames.shape[1:3]
    told = np.zeros(len(frames), np.int64)
    for bit in range(BITS):
        row, column = divmod(bit, 4)
        block = frames[:, row * height // 2 : (row + 1) * height // 2, column * width // 4 : (column + 1) * width // 4]
        inner = block[:, height // 10 : -height // 10, width // 20 : -width // 20, 0].astype(float)
        told |= (inner.mean((1, 2)) > 125).astype(np.int64) << bit
    return told.tolist()


def sequential(path: Path, *, stream: int = 0, format: str | None = None) -> np.ndarray:
    """Every frame of the `stream`-th video stream, uint8 RGB (N, H, W, 3): PyAV alone, no seeking."""
    with av.open(str(path), format=format) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=stream)])


def write(
    path: Path,
    codec: str = "libx264",
    *,
    options: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
    pictures: Iterable[np.ndarray] | None = None,
    times: Iterable[int] | None = None,
    rate: Fraction | int = 24,
    bit_rate: int = 1_000_000,
    format: str | None = None,
    muxer: dict[str, str] | None = None,
    setup: Callable | None = None,
    sound_seconds: float = 0,
) -> Path:
    """A film of `pictures` (N of them by default), the n-th shown at `times[n]` (n by default) over `rate`.

    `options` go to the encoder (with `bit_rate` 0 they set the quality), `muxer` to the container; `setup(stream)` may
    change the stream before it opens; `sound_seconds` of silence come before the pictures.
    """
    pictures = [picture(n) for n in range(N)] if pictures is None else list(pictures)
    times = range(len(pictures)) if times is None else times
    with av.open(str(path), "w", format=format, options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.options, stream.thread_count = pix_fmt, options or {}, 1
        stream.bit_rate = 0 if codec == "libsvtav1" else bit_rate
        if setup:
            setup(stream)
        if sound_seconds:
            _silence(container, sound_seconds)
        for time, drawn in zip(times, pictures, strict=True):
            layout = "rgba" if drawn.shape[2] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(drawn, format=layout)
            frame.pts, frame.time_base = time, 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _silence(container, seconds: float) -> None:
    sound = container.add_stream("aac", rate=8000)
    for k in range(round(seconds * 8000 / 1024)):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate, frame.pts, frame.time_base = 8000, 1024 * k, Fraction(1, 8000)
        container.mux(sound.encode(frame))
    container.mux(sound.encode())


def remux(source: Path, target: Path, change: Callable, *, muxer: dict[str, str] | None = None) -> Path:
    """Copy video packets of `source` to `target`; `change(n, packet)` may edit the n-th, and returns if it is kept."""
    with av.open(str(source)) as given, av.open(str(target), "w", options=muxer or {}) as container:
        stream = container.add_stream_from_template(given.streams.video[0])
        for n, packet in enumerate(packet for packet in given.demux(video=0) if packet.size):
            if change(n, packet):
                packet.stream = stream
                container.mux(packet)
    return target
