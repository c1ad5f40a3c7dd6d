"""All files of one video: tables for other software, pictures, and what a human's annotation adds to them."""

from pathlib import Path

import pandas as pd

from amc.base.errors import AmcError
from amc.ethogram import agreement, annotated, exports, keys
from amc.ethogram.comparison import compare, points
from amc.ethogram.crops import Job
from amc.ethogram.events import Annotation
from amc.ethogram.formats import nwb
from amc.ethogram.inputs import ENDINGS
from amc.ethogram.matching import UNTRUSTED
from amc.ethogram.options import Options
from amc.ethogram.record import Ethogram
from amc.figures import beside_human, key_frames, style
from amc.figures import ethogram as drawn


def write(
    shown: Ethogram, job: Job, out: Path, options: Options, human: Annotation | None
) -> tuple[dict[str, pd.DataFrame], list[Path], list[str]]:
    """Write all files of a video, replacing those of an earlier run. Raises AmcError.

    Returns its rows in the folder's tables by name, the files, and notes.
    """
    for ending in ENDINGS:
        for earlier in (shown.name, f"{shown.name}{UNTRUSTED}"):
            (out / f"{earlier}{ending}").unlink(missing_ok=True)
    stem = shown.name + (UNTRUSTED if shown.stamp else "")  # other software's formats have no field for a stamp
    written = exports.write(shown, out, stem=stem)
    tables, notes = {"bouts": exports.tidy(shown), "time_budget": exports.time_budget(shown)}, []
    tables |= {"time_bins": exports.time_bins(shown, options.bin_seconds)} if options.bin_seconds else {}
    for name in tables.keys() - {"bouts"}:
        tables[name].insert(0, "video", shown.video)
    pictures = {"ethogram": drawn.ethogram(shown), "budget": drawn.time_budget(shown)}
    pictures["transitions"] = drawn.transitions(shown)
    if shown.bouts:
        pictures["key_frames"] = key_frames(**keys.frames(job.path, shown, job.crop))
    if human:
        compared, of_human, notes = _compared(shown, human, shown.subject or options.subject)
        pictures, tables = pictures | compared, tables | of_human
    for name, figure in pictures.items():
        written.append(style.write(figure, out / f"{stem}_{name}.png", f"{name} of {shown.name} {shown.stamp}"))
    if options.annotate:
        written.append(annotated.write(job.path, shown, out / f"{stem}{annotated.ENDING}"))
    if options.nwb:
        written.append(nwb.write(shown, job.path, out / f"{stem}{nwb.ENDING}"))
    return tables, written, notes


def _compared(shown: Ethogram, human: Annotation, subject: str) -> tuple[dict, dict[str, pd.DataFrame], list[str]]:
    """Figures and tables of the agreement, and notes; only a note for a video that the human has not annotated."""
    tables = {}
    try:
        if len(instants := points(shown, human, subject=subject)):
            tables["points"] = instants
        table, parts, notes = compare(shown, human, subject=subject)
    except AmcError as error:
        return {}, tables, [f"not compared, {error}"]
    tables["agreement"] = table.round(4)
    confused = agreement.confusion(*(parts[key] for key in ("human", "model", "names", "edges", "counted")))
    pictures = {"agreement": beside_human.agreement(**parts)}
    pictures["confusion"] = beside_human.confusion(confused, length=shown.edges[-1], stamp=shown.stamp)
    return pictures, tables, notes
