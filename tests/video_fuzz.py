"""Fuzzing: hundreds of damaged videos, each read correctly or refused in one line: `python tests/video_fuzz.py`.

Drawn films of many kinds, and real clips if available, are cut, overwritten, shuffled and joined by a seeded
generator. `amc.video` reads each file in a process of its own; the reference is PyAV alone, from the first packet to
the last, also in a process of its own. Wrong is: a crash, any error except one line of VideoError, more than 10 s of
processor time, more than 1 GB, times that do not fit the frames, and a frame that sequential decoding does not give at
that index. Behind a damage indices are uncertain: there, a frame has to be among those that PyAV gives up to it.

    python tests/video_fuzz.py [--files 500] [--seed 0] [--clips ../shared/clips] [--keep FOLDER] [--out RECORD]
"""

import argparse
import hashlib
import multiprocessing
import os
import re
import resource
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from damages import DAMAGES
from films import FILMS

SECONDS, GIGABYTES, WALL = 10, 1.0, 60  # processor time; memory without that of imports; seconds on the wall clock
LINE = 500  # characters of an error
LATE = 16  # frames by which a decoder may be early or late next to damage
HOW = ("whole", "in part", "refused", "wrong")


def sources(folder: Path, clips: Path | None) -> list[Path]:
    """The intact videos: every second drawn film, and the real clips, repeated for about equal shares."""
    drawn = [film.make(folder) for film in FILMS[::2]]
    real = [p for p in sorted(clips.rglob("*")) if p.suffix in (".mp4", ".mkv", ".gif", ".avi")] if clips else []
    return drawn + real * (len(drawn) // len(real) if real else 0)


def make(number: int, seed: int, whole: list[Path], folder: Path) -> tuple[Path, str]:
    """The `number`-th damaged file, and the name of its film with the damages."""
    rng = np.random.default_rng([seed, number])
    source, damage = whole[rng.integers(len(whole))], DAMAGES[number % len(DAMAGES)]
    suffix = source.suffix if rng.random() < 0.8 else rng.choice([".mp4", ".avi", ".mkv", ".ts", ".bin"])
    path = folder / f"{number:04}{suffix}"
    path.write_bytes(damage(bytearray(source.read_bytes()), rng))
    return path, f"{damage.__name__} {source.name}"


def digest(frame: np.ndarray) -> tuple[str, str]:
    """Digests of the pixels in order, and of their histogram, which rotation does not change."""
    counts = np.bincount(frame.ravel(), minlength=256)
    return tuple(hashlib.blake2b(np.ascontiguousarray(a), digest_size=8).hexdigest() for a in (frame, counts))


def reference(path: Path, seed: int) -> dict:
    """PyAV alone: every frame from decoding in order, and the number of frames before the first error."""
    found = {"frames": [], "sound": None, "is_turned": False}
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}, metadata_errors="replace") as container:
            stream = next(s for s in container.streams.video if not s.disposition & Disposition.attached_pic)
            stream.thread_count = 1
            for packet in container.demux(stream):
                if packet.size or packet.dts is None:
                    _decode(stream, packet, found)
    except (av.FFmpegError, OSError, StopIteration) as error:
        found |= {"error": str(error)}
        _stop(found)
    return found


def _decode(stream, packet, found: dict) -> None:
    try:
        frames = stream.codec_context.decode(packet if packet.size else None)
    except (av.FFmpegError, OSError):
        _stop(found)
        return
    for frame in frames:
        if frame.is_corrupt:
            _stop(found)
        found["is_turned"] |= "DISPLAYMATRIX" in frame.side_data
        found["frames"].append(digest(frame.to_ndarray(format="rgb24")))


def _stop(found: dict) -> None:
    if found["sound"] is None:
        found["sound"] = len(found["frames"])


def ours(path: Path, seed: int) -> dict:
    """The result of `amc.video`: {"error": …} or the frames of a stream and of some reads, by number."""
    from amc import video

    found = {"frames": [], "errors": [], "num_frames": 0, "notes": ()}
    try:
        info = video.probe(path)
        found |= {"num_frames": info.num_frames, "notes": info.notes}
        times = video.frame_times(path)
        found["is_timed"] = len(times) == info.num_frames and np.isfinite(times).all() and (np.diff(times) > 0).all()
        for numbers, frames in video.stream(path, range(info.num_frames)):
            found["frames"] += [(n, digest(f.permute(1, 2, 0).numpy())) for n, f in zip(numbers, frames, strict=True)]
    except video.VideoError as error:
        found["errors"].append(str(error))
    rng = np.random.default_rng([seed, found["num_frames"]])
    for size in (1, 1, 1, 1, 3, 8) if found["num_frames"] else ():
        asked = rng.integers(found["num_frames"], size=size).tolist()
        try:
            frames = video.read_frames(path, asked)
        except video.VideoError as error:
            found["errors"].append(str(error))
            continue
        found["frames"] += [(n, digest(f.permute(1, 2, 0).numpy())) for n, f in zip(asked, frames, strict=True)]
    return found


def _child(work, path: Path, seed: int, pipe) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (3 * SECONDS, 3 * SECONDS + 1))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders print to stderr
    before = resource.getrusage(resource.RUSAGE_SELF)
    try:
        found = work(path, seed)
    except BaseException:  # any error belongs in the table
        found = {"crash": traceback.format_exc().strip().splitlines()[-1]}
    after = resource.getrusage(resource.RUSAGE_SELF)
    found["seconds"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found["gb"] = (after.ru_maxrss - before.ru_maxrss) / 1e6
    pipe.send(found)


def apart(work, path: Path, seed: int) -> dict:
    """Run `work` in a process of its own; {"crash": …} if it ends or hangs without a result."""
    context = multiprocessing.get_context("fork")  # so that imports are not repeated hundreds of times
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(work, path, seed, there))
    process.start()
    there.close()
    try:
        found = here.recv() if here.poll(WALL) else {"crash": f"no result within {WALL} s"}
    except EOFError:
        found = {"crash": "the process died"}
    process.kill()
    process.join()
    return found


def judge(path: Path, seed: int) -> tuple[str, str, dict]:
    """(whole | in part | refused | wrong, why, what was measured) of one file."""
    got, bare = apart(ours, path, seed), apart(reference, path, seed)
    if why := _faults(path, got):
        return "wrong", why, got
    if got["frames"] and "crash" not in bare and (why := _compare(got, bare)):
        again = apart(reference, path, seed)
        if again.get("frames") == bare["frames"]:  # else the decoder itself is not deterministic
            return "wrong", why, got
    if not got["frames"]:
        return "refused", got["errors"][0].replace(str(path.parent), ""), got
    return ("in part" if got["errors"] else "whole"), "", got


def _faults(path: Path, got: dict) -> str:
    if "crash" in got:
        return got["crash"]
    bad = [e for e in got["errors"] if "\n" in e or len(e) > LINE + len(str(path)) or str(path) not in e]
    if bad:
        return f"not one clear line: {bad[0]!r}"
    if got["seconds"] > SECONDS or got["gb"] > GIGABYTES:
        return f"{got['seconds']:.1f} s, {got['gb']:.2f} GB"
    return "" if got.get("is_timed", True) else "times do not fit the frames"


def _compare(got: dict, bare: dict) -> str:
    kind = 1 if bare["is_turned"] else 0
    truth, places = [d[kind] for d in bare["frames"]], {}
    for place, value in enumerate(truth):
        places.setdefault(value, place)
    skipped = 0  # frames that PyAV invents before the first key frame
    if any("key frame" in note for note in got["notes"]):
        skipped = max(0, len(truth) - got["num_frames"])
    sound = len(truth) if bare["sound"] is None else bare["sound"]
    if got["num_frames"] > len(truth) + skipped:  # PyAV skips what it cannot decode and counts on
        sound = min([sound, *(int(n) for error in got["errors"] for n in re.findall(r"damaged at frame (\d+)", error))])
    given = {}
    for number, value in ((n, d[kind]) for n, d in got["frames"]):
        if given.setdefault(number, value) != value:
            return f"frame {number} is not the same in two reads"
        at = number + skipped
        if at < sound and truth[at] != value:
            return f"frame {number} is not that of sequential decoding ({places.get(value)} is)"
        if places.get(value, at + LATE + 1) > at + LATE:
            return f"frame {number}, behind a damage, is not among the frames of sequential decoding up to there"
    return ""


def run(numbers: range, seed: int, clips: Path | None, folder: Path) -> list[dict]:
    """One row per file with its result."""
    whole = sources(folder, clips)
    import amc.video  # before the processes are forked, so that they need not import it

    assert amc.video
    rows = []
    for number in numbers:
        path, what = make(number, seed, whole, folder)
        how, why, got = judge(path, seed)
        row = {"file": path.name, "what": what, "how": how, "why": why}
        rows.append(row | {"seconds": round(got.get("seconds", 0), 2), "gb": round(got.get("gb", 0), 3)})
        if how != "wrong":
            path.unlink()
    return rows


def table(rows: list[dict]) -> tuple[list[dict], dict[str, float]]:
    """Print the counts of results by kind; returns the wrong ones, and the largest time and memory of a file."""
    print(f"{'':16}" + "".join(f"{how:>9}" for how in HOW))
    for name in (damage.__name__ for damage in DAMAGES):
        count = Counter(row["how"] for row in rows if row["what"].split()[0] == name)
        print(f"{name:16}" + "".join(f"{count[how]:>9}" for how in HOW))
    wrong = [row for row in rows if row["how"] == "wrong"]
    for row in wrong:
        print(f"WRONG {row['file']} ({row['what']}): {row['why']}")
    most = {key: max(row[key] for row in rows) for key in ("seconds", "gb")}
    print(f"{len(rows)} files, {len(wrong)} wrong; at most {most['seconds']} s and {most['gb']} GB each")
    return wrong, most


def main() -> None:
    """Make and read the files, print a table and write the record."""
    from amc.base import provenance, seal

    shared = Path(__file__).resolve().parents[2] / "shared" / "clips"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="number of the first file, to see one again")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clips", type=Path, default=shared if shared.is_dir() else None)
    parser.add_argument("--keep", type=Path, help="a folder for the files that were read wrong")
    parser.add_argument("--out", type=Path, help="record in JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
        numbers = range(given.first, given.first + given.files)
        rows = run(numbers, given.seed, given.clips, given.keep or Path(folder))
    wrong, most = table(rows)
    if given.out:
        record = {"provenance": provenance.collect(device="cpu"), "seed": given.seed, "most": most, "rows": rows}
        seal.write_json(given.out, record, indent=1)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
