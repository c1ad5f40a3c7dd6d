"""NWB files with the extension ndx-ethogram (the extra `nwb`): bouts in seconds of one video, read and written.

The packages are imported in the functions: they are optional, and take a second.
"""

import importlib.util
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from amc import __version__
from amc.base.errors import AmcError, printable
from amc.base.paths import atomic
from amc.base.wording import first_few
from amc.datasets.delimited import NoHeader
from amc.ethogram.events import WHOLE, Annotation, Event
from amc.ethogram.matching import named_after
from amc.ethogram.record import Ethogram

if TYPE_CHECKING:
    from ndx_ethogram import EthogramBouts

ENDING = "_bouts.nwb"
OURS = "AnimalMotionCLIP"  # `source_software`
AUTOMATED = "automated"  # `labeling_method` of a model's bouts; those of a human are manual, or curated
CURATED = "change its labeling_method to curated"
HDF5 = b"\x89HDF"  # first bytes
UNDATED = datetime(2000, 1, 1, tzinfo=UTC)  # NWB needs a time of the recording; what it was is not known


def check() -> None:
    """Raise AmcError if the packages are not installed."""
    if importlib.util.find_spec("ndx_ethogram") is None:
        raise AmcError("nwb: NWB files need the package ndx-ethogram; python -m pip install ndx-ethogram")


def read(path: Path, lengths: Callable[[str], float | None]) -> Annotation:
    """The bouts of every table of bouts in a file, in the time of its video. lengths: not needed.

    Only what lies in a table's observation intervals was observed; without them it was all. Tables of a model
    (`automated`) are left out if the file has others. Raises NoHeader for a file of another kind; AmcError for a
    damaged one, one without bouts, and without the packages.
    """
    try:
        with path.open("rb") as file:
            is_hdf5 = file.read(4) == HDF5
    except OSError as error:
        raise AmcError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if not is_hdf5:
        raise NoHeader(f"{path}: no NWB file; give one with bouts of ndx-ethogram")
    check()
    from ndx_ethogram import EthogramBouts
    from pynwb import NWBHDF5IO

    events, shown, notes, predicted, labelled = [], [], [], {}, {}
    try:
        with NWBHDF5IO(str(path), "r") as io:
            file = io.read()
            who = file.subject.subject_id or "" if file.subject else ""
            tables = [one for one in file.objects.values() if isinstance(one, EthogramBouts)]
            human = [one for one in tables if one.labeling_method != AUTOMATED]
            if human and len(human) < len(tables):
                notes.append(f"{path}: a model's tables of bouts are left out, as it has those of a human")
            for table in human or tables:
                name, begin = _video(table, path)
                shown.append(name)
                rows = zip(table["label"][:], table["start_time"][:], table["stop_time"][:], strict=True)
                times = [(label, *(round(float(second) - begin, 9) for second in span)) for label, *span in rows]
                events += [Event(name, label, start, stop, True, subject=who) for label, start, stop in times]
                predicted |= {name: CURATED} if table.labeling_method == AUTOMATED else {}
                labelled.setdefault(name, []).extend(_observed(table, begin))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise AmcError(f"{path}: is no sound NWB file ({printable(error)}); export it again") from error
    if not shown:
        raise AmcError(f"{path}: holds no bouts of ndx-ethogram; write them with that extension")
    names = tuple(dict.fromkeys(event.behaviour for event in events))
    limited = {video: tuple(spans) for video, spans in labelled.items() if WHOLE not in spans}
    for video, spans in limited.items():
        stretches = first_few([f"{first:g} to {stop:g} s" for first, stop in spans])
        notes.append(f"{video}: observed from {stretches} (NWB's observation intervals); other frames do not count")
    return Annotation(str(path), tuple(events), tuple(notes), names, limited, tuple(shown), predicted=predicted)


def _observed(table: "EthogramBouts", begin: float) -> list[tuple[float, float]]:
    """What was observed of a table's video, which begins at `begin`: (first, stop), seconds of the video."""
    spans = table.observation_intervals
    if spans is None:
        return [WHOLE]
    times = zip(spans["start_time"][:], spans["stop_time"][:], strict=True)
    return [(round(float(first) - begin, 9), round(float(stop) - begin, 9)) for first, stop in times]


def _video(table: "EthogramBouts", path: Path) -> tuple[str, float]:
    """The file name of a table's video, or that of the NWB file; and when it begins, seconds of the session.

    Our times are those of the video file, whose first frame may be late.
    """
    video = table.source_video
    if video is None or not video.external_file:
        return named_after(path.name, Path(ENDING).stem), 0.0
    begin = video.timestamps[0] if video.rate is None else video.starting_time
    is_ours = (table.source_software or "").startswith(OURS)
    return PurePath(video.external_file[0]).name, 0.0 if is_ours else float(begin)


def write(shown: Ethogram, video: Path, path: Path) -> Path:
    """Write the bouts of a video, all behaviours, and the interval that was looked at. Raises AmcError."""
    from ndx_ethogram import Ethogram as Catalogue
    from ndx_ethogram import EthogramBouts
    from pynwb import NWBHDF5IO, NWBFile
    from pynwb.epoch import TimeIntervals
    from pynwb.file import Subject
    from pynwb.image import ImageSeries

    says = f"Bouts predicted by a model. When the video was taken is not known. {shown.stamp}".strip()
    file = NWBFile(says, shown.name, UNDATED)
    file.subject = Subject(subject_id=shown.subject) if shown.subject else None
    source = {"external_file": [printable(video)], "format": "external", "starting_frame": [0], "unit": "n.a."}
    film = ImageSeries(name="video", timestamps=shown.edges[:-1], **source)
    file.add_acquisition(film)
    behaviours = Catalogue(name="ethogram", description="What the model can recognise.", exclusive=False)
    for name in shown.names:
        behaviours.add_row(behavior=name, definition="as in the training of the model")
    seen = TimeIntervals(name="observation_intervals", description="When the animal is seen, or the whole video.")
    first, stop = shown.span or (0.0, shown.edges[-1])
    seen.add_interval(start_time=float(first), stop_time=float(stop))
    bouts = EthogramBouts(
        name="bouts", description=says, labeling_method=AUTOMATED, source_software=f"{OURS} {__version__}",
        source_video=film, ethogram=behaviours, observation_intervals=seen,
    )  # fmt: skip
    for bout in shown.bouts:
        times = {"start_time": float(shown.edges[bout.start]), "stop_time": float(shown.edges[bout.stop])}
        bouts.add_row(label=bout.behaviour, **times)
    module = file.create_processing_module("behavior", "bouts of behaviour")
    for part in (behaviours, seen, bouts):
        module.add(part)
    with atomic(path) as temporary, NWBHDF5IO(str(temporary), "w") as io:
        io.write(file)
    return path
