"""What a run of the notebooks leaves for readers: executed copies without widget state, a manifest, and an index page.

`reports/` in, `manifest.json` and `index.html` out, from what lies there; nothing is computed again.
"""

import hashlib
import html
import json
import re
from itertools import groupby
from pathlib import Path

import nbformat
from PIL import Image

from amc.base import paths
from amc.base.errors import AmcError
from amc.runs import results

PROGRESS = re.compile(r"\d+%\|.*\| *\d+/\d+ \[")  # a bar on its way; a reader of the finished notebook gains nothing
WIDGET = "application/vnd.jupyter.widget-view+json"
STYLE = """
body { font: 1.05rem/1.5 system-ui, sans-serif; color: #222; max-width: 72rem; margin: 0 auto; padding: 1rem 1.5rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 3rem; border-top: 2px solid #e4e4e4; padding-top: 1rem; }
figure { margin: 2rem 0; break-inside: avoid; } img { max-width: 100%; height: auto; }
figcaption, .facts { color: #555; font-size: .95rem; } a { color: #004488; } nav li { margin: .2rem 0; }
"""


def tidy(path: Path) -> None:
    """Take widgets and progress bars out of an executed notebook.

    Without a kernel a reader would see «model not found» instead of widgets; of a bar, every step that it took.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = [output for output in map(_without_bars, cell.outputs) if output]
    with paths.atomic(path) as temporary:
        nbformat.write(notebook, temporary)


def _without_bars(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """The output without the lines that are steps of a progress bar; None where nothing is left, and for a widget."""
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
            "source_sha256": _sha256(paths.root() / "notebooks" / path.name),
            "executed_bytes": path.stat().st_size,
            "parameters": record["parameters"],
            "commit": origin["commit"],
            "package_sha256": origin["package_sha256"],
            "video_reader": origin.get("video_reader", "not recorded"),
            "data_checksum": origin["data_checksum"],
            "seconds": origin["seconds"],
            "figures": {figure.name: _sha256(figure) for figure in _figures(reports, path.stem)},
        }
    return _write(reports / "manifest.json", json.dumps({"notebooks": entries}, indent=1) + "\n")


def index(reports: Path) -> Path:
    """Write `index.html`, which shows every figure with its alternative text, by notebook. Raises AmcError."""
    sections, links = [], []
    for path in _executed(reports):
        title, question = _heading(path)
        links.append(f'<li><a href="#n{path.stem[:2]}">{path.stem[:2]} · {title}</a></li>')
        sections.append(_section(reports, path, title, question))
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AnimalMotionCLIP: figures of a run</title>
<style>{STYLE}</style>
</head>
<body>
<h1>AnimalMotionCLIP: figures of a run</h1>
<p>All figures of the notebooks. Sources and parameters of each run are in
<a href="manifest.json">manifest.json</a>, its numbers in <a href="results/">results/</a>.</p>
<nav aria-label="Notebooks"><ul>
{chr(10).join(links)}
</ul></nav>
<main>
{chr(10).join(sections)}
</main>
</body>
</html>
"""
    return _write(reports / "index.html", page)


def _executed(reports: Path) -> list[Path]:
    if not (found := sorted(reports.glob("*.ipynb"))):
        raise AmcError(f"{reports}: no executed notebook; run `make reproduce` first")
    return found


def _section(reports: Path, path: Path, title: str, question: str) -> str:
    origin = _record(reports, path.stem)["provenance"]
    machine = f"{origin['cpu']['count']} × {origin['cpu']['model']}"
    facts = f"commit {origin['commit']}, {machine}, {origin['seconds'] or 0:.0f} s"
    figures = "\n".join(_figure(reports, figure) for figure in _figures(reports, path.stem))
    return f"""<section id="n{path.stem[:2]}">
<h2>{title}</h2>
<p>{question}</p>
<p class="facts"><a href="{path.name}">executed notebook</a> · {html.escape(facts)}</p>
{figures}
</section>"""


def _figure(reports: Path, path: Path) -> str:
    with Image.open(path) as picture:
        width, height, alt = *picture.size, picture.text.get("Description", path.stem)
    source, vector = path.relative_to(reports).as_posix(), path.with_suffix(".pdf").relative_to(reports).as_posix()
    return f"""<figure>
<img src="{source}" width="{width}" height="{height}" alt="{html.escape(alt, quote=True)}" loading="lazy">
<figcaption>{html.escape(alt)} <a href="{vector}">PDF</a></figcaption>
</figure>"""


def _figures(reports: Path, stem: str) -> list[Path]:
    return sorted((reports / "figures").glob(f"{stem[:2]}_*.png"))


def _heading(path: Path) -> tuple[str, str]:
    """Title and question of a notebook, from the first cell."""
    lines = nbformat.read(path, as_version=4).cells[0].source.splitlines()
    quoted = [line.removeprefix(">").strip() for line in lines if line.startswith(">")]
    first = next(" ".join(part) for starts, part in groupby(quoted, lambda line: "**Paper" in line) if not starts)
    return html.escape(lines[0].removeprefix("# ")), html.escape(first.replace("**", ""))


def _record(reports: Path, stem: str) -> dict:
    return results.load(reports / "results" / f"{stem}.json")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write(path: Path, text: str) -> Path:
    with paths.atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
