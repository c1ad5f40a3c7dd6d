"""The reports of the notebooks for readers: executed copies without widget state, a manifest, and an index page.

Files in `reports/` in, `manifest.json` and `index.html` out; nothing is computed again.
"""

import json
import os
import re
from itertools import groupby
from pathlib import Path

import jinja2
import nbformat
from PIL import Image

from amc.base import paths
from amc.base.digests import digest
from amc.base.errors import AmcError
from amc.runs import notebooks, readme, results

PROGRESS = re.compile(r"\d+%\|.*\| *\d+/\d+ \[")  # a progress bar, of no use to readers
WIDGET = "application/vnd.jupyter.widget-view+json"


def tidy(executed: Path, place: Path) -> None:
    """Move an executed notebook to its place, without widgets and progress bars.

    Without a kernel a reader would see «model not found» instead of widgets, and every step of a progress bar.
    """
    notebook = nbformat.read(executed, as_version=4)
    notebook.metadata.pop("widgets", None)
    if about := notebook.metadata.get("papermill"):
        about["output_path"] = os.path.relpath(place, paths.root())
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = [output for output in map(_without_bars, cell.outputs) if output]
    with paths.atomic(place) as temporary:
        nbformat.write(notebook, temporary)
    executed.unlink()


def seconds(reports: Path, name: str) -> float | None:
    """How long the notebook takes, by its last record; None without one.

    A notebook of tables takes at least the training of its rows on all cores; its last run may have found them done.
    """
    try:
        record = _record(reports, name)
    except AmcError:
        return None
    origin = record["provenance"]
    if name not in notebooks.SEEDED:
        return origin["seconds"]
    return max(origin["seconds"], readme.training_seconds([record]) / origin["cpu"]["count"])


def _without_bars(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """The output without lines of a progress bar; None if nothing is left, and for a widget."""
    if output.output_type != "stream":
        return None if WIDGET in output.get("data", {}) else output
    lines = re.findall(r"[^\r\n]+[\r\n]*|[\r\n]+", output.text)
    kept = "".join(line for line in lines if not PROGRESS.search(line))
    return nbformat.from_dict({**output, "text": kept}) if kept.strip() else None


def manifest(reports: Path) -> Path:
    """Write `manifest.json`: for each executed notebook its source, parameters, code, data, time and figures.

    Raises AmcError without a notebook, and for one without its record.
    """
    entries = {}
    for path in _executed(reports):
        record = _record(reports, path.stem)
        origin = record["provenance"]
        entries[path.stem] = {
            "source_sha256": digest(paths.root() / "notebooks" / path.name),
            "executed_bytes": path.stat().st_size,
            "parameters": record["parameters"],
            "commit": origin["commit"],
            "package_sha256": origin["package_sha256"],
            "video_reader": origin.get("video_reader", "not recorded"),
            "data_checksum": origin["data_checksum"],
            "seconds": origin["seconds"],
            "figures": {figure.name: digest(figure) for figure in _figures(reports, path.stem)},
        }
    return paths.write_text(reports / "manifest.json", json.dumps({"notebooks": entries}, indent=1) + "\n")


def index(reports: Path) -> Path:
    """Write `index.html`, see `page`. Raises AmcError as `manifest` does."""
    return paths.write_text(reports / "index.html", page(reports))


def page(reports: Path, *, is_site: bool = False) -> str:
    """The index as HTML: the paper's tables, each notebook's question and answer, all figures in the order of cells.

    The tables are those of the README, if their records lie in `reports`: records that may not be shown there are not
    shown here either, and the page says why. is_site: notebooks are pages too. Raises AmcError as `manifest` does.
    """
    notebooks = [_section(reports, path) for path in _executed(reports)]
    values = {"notebooks": notebooks, "intervals": readme.INTERVALS, "is_site": is_site}
    return render("report.html", values | _tables(reports))


def render(name: str, values: dict) -> str:
    """A page from a template beside this module."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    return jinja2.Environment(loader=loader, autoescape=True).get_template(name).render(values) + "\n"


def _tables(reports: Path) -> dict:
    """What the template needs for the tables: sizes (none: no tables), tables, and why they are missing."""
    try:
        records = readme.records(reports)
    except AmcError as error:
        return {"missing": str(error).replace(f"{paths.root()}/", ""), "sizes": [], "tables": []}
    sizes = [
        {
            "name": size,
            "seeds": each[0]["parameters"]["seeds"],
            "commit": ", ".join(dict.fromkeys(record["provenance"]["commit"] for record in each)),
            "facts": readme.facts(each),
        }
        for size, each in records.items()
    ]
    tables = [(name, list(rows)) for name, rows in groupby(readme.rows(records), lambda row: row["table"])]
    return {"missing": "", "sizes": sizes, "tables": tables}


def _executed(reports: Path) -> list[Path]:
    """The notebooks that papermill executed to their end; one that was stopped stands beside an older record."""
    candidates = [path for path in sorted(reports.glob("*.ipynb")) if path.suffixes == [".ipynb"]]
    if not (found := [path for path in candidates if _is_finished(path)]):
        raise AmcError(f"{reports}: no executed notebook; run `make reproduce` first")
    return found


def _is_finished(path: Path) -> bool:
    """Whether papermill noted an end and no error; a notebook that something else executed has no notes."""
    try:
        about = nbformat.read(path, as_version=4).metadata.get("papermill")
    except ValueError:  # cut off while it was written
        return False
    return about is None or (about.get("end_time") is not None and not about.get("exception"))


def _section(reports: Path, path: Path) -> dict:
    """The index entry of a notebook."""
    origin = _record(reports, path.stem)["provenance"]
    machine = f"{origin['cpu']['count']} × {origin['cpu']['model']}"
    notebook = nbformat.read(path, as_version=4)
    title, question = _heading(notebook)
    shown = _alts(notebook)
    figures = [_figure(reports, figure) for figure in _figures(reports, path.stem)]
    return {
        "number": _number(path.stem),
        "title": title,
        "question": question,
        "answer": origin.get("answer", ""),  # a record from before the answers has none
        "file": path.name,
        "record": f"results/{path.stem}.json",
        "facts": f"commit {origin['commit']}, {machine}, {origin['seconds'] or 0:.0f} s",
        # In the order of the cells; figures that no cell shows come last.
        "figures": sorted(figures, key=lambda figure: (*shown, figure["alt"]).index(figure["alt"])),
    }


def _alts(notebook: nbformat.NotebookNode) -> list[str]:
    """The alternative texts of the pictures that a notebook shows, in order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    about = [values for output in outputs for values in output.get("metadata", {}).values()]
    return [values["alt"] for values in about if isinstance(values, dict) and "alt" in values]


def _figure(reports: Path, path: Path) -> dict:
    png = path.relative_to(reports)
    with Image.open(path) as picture:
        alt = picture.text.get("Description", path.stem)
        size = {"width": picture.width, "height": picture.height}
    return size | {"png": png.as_posix(), "pdf": png.with_suffix(".pdf").as_posix(), "alt": alt}


def _figures(reports: Path, stem: str) -> list[Path]:
    return sorted((reports / "figures").glob(f"{_number(stem)}_*.png"))


def _number(stem: str) -> str:
    """The number of a notebook, with which the names of its figures begin: 000, 00, 01 …"""
    return stem.partition("_")[0]


def _heading(notebook: nbformat.NotebookNode) -> tuple[str, str]:
    """Title and question of a notebook, from the first cell."""
    lines = notebook.cells[0].source.splitlines()
    quoted = [line.removeprefix(">").strip() for line in lines if line.startswith("> ")]
    first = next(" ".join(part) for starts, part in groupby(quoted, lambda line: "**Paper" in line) if not starts)
    return lines[0].removeprefix("# "), first.replace("*", "")


def _record(reports: Path, stem: str) -> dict:
    return results.load(reports / "results" / f"{stem}.json")
