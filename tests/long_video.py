"""Time and memory for an hour of video: `python tests/long_video.py build FILE`, then `watch FILE`.

The video is 640 x 360 at 25 frames per second, made of upscaled Synth Kingdom scenes: a few minutes are drawn and
encoded, and their packets are repeated to fill the hour. So it is made in a minute or two and decodes as any other.

    python tests/long_video.py build FILE [--minutes 60]      the video
    python tests/long_video.py watch FILE --model RUN         `amc predict`: seconds, times real time and memory,
                                                              kept in long_video.json in
                                                              AMC_REPORTS (by default `out`)
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DRAWN = 2  # minutes of distinct scenes
WIDTH, HEIGHT, FPS = 640, 360, 25


def frames(minutes: float):
    """Scenes of all species one after another, uint8 (HEIGHT, WIDTH, 3)."""
    import cv2

    from amc.synth import generate, scene

    left, clip = round(minutes * 60 * FPS), 5000  # numbers beyond those of any data set
    while left:
        _, script, _, seed = generate.plan_clip("test", clip)
        stage = scene.compose(script, seed)
        for index in range(min(stage.num_frames, left)):
            picture = scene.frame(stage, index)[28:100]  # 128 x 72, the shape of the film
            yield cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        left -= min(stage.num_frames, left)
        clip += 1


def build(path: Path, minutes: float) -> None:
    """Draw DRAWN minutes and repeat their packets."""
    import av

    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "part.mp4"
        with av.open(str(part), "w") as container:
            stream = container.add_stream("libx264", rate=FPS)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            stream.options = {"crf": "23", "preset": "veryfast", "g": "50", "bf": "0"}
            for frame in frames(DRAWN):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
        with av.open(str(path), "w") as container:
            stream = None
            for turn in range(round(minutes / DRAWN)):
                with av.open(str(part)) as source:
                    stream = stream or container.add_stream_from_template(source.streams.video[0])
                    for packet in source.demux(video=0):
                        if packet.size:
                            shift = round(turn * DRAWN * 60 / packet.time_base)
                            packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                            container.mux(packet)


def watch(path: Path, model: str) -> None:
    """`amc predict` in a process of its own."""
    from amc import video
    from amc.base import paths, provenance, seal

    info = video.probe(path)
    how = ["--model", model] if model else ["--behaviours", "walking, eating, keeping still"]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "amc", "predict", str(path), *how, "--out", folder], check=True)
        seconds = time.perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        [rows] = [sum(1 for _ in file.open()) - 1 for file in Path(folder).glob("*_frames.csv")]
    row = {"video": f"{info.width}x{info.height}", "frames": info.num_frames, "rows": rows, "seconds": round(seconds)}
    row |= {"cpu_seconds": round(used.ru_utime + used.ru_stime), "largest_gb": used.ru_maxrss / 1e6}
    row |= {"times_real_time": round(info.duration / seconds, 2), "how": how}
    assert rows == info.num_frames, "not one row per frame"
    print(json.dumps(row))
    record = paths.reports() / "long_video.json"
    known = seal.read_json(record)["rows"] if record.is_file() else []
    kept = [other for other in known if other["how"] != how]  # one row for a model, one for names alone
    seal.write_json(record, {"provenance": provenance.collect(device="cpu"), "rows": [*kept, row]}, indent=1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["build", "watch"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--model", default="", help="a finished run; without it a zero-shot look")
    given = parser.parse_args()
    if given.what == "build":
        build(given.file, given.minutes)
    else:
        watch(given.file, given.model)
