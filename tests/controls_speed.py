"""How long a student waits: a redraw of each control of the notebooks, and the first picture of the first notebook.

Each notebook with controls runs in a kernel of its own, as under Run All. Then each panel is drawn again with its own
values: processor seconds of drawing and of the whole redraw, with the picture in its format; the least of several,
because other work on the machine adds to them, and the record has its load. Timed by the clock are the first picture,
from the start of a fresh kernel to the end of the cell that shows it, and each whole notebook at the size that it
starts at, redraws included. Writes controls_speed.json into AMC_REPORTS (by default `out`).

    python tests/controls_speed.py [--notebooks 01_sampling_windows,07_your_own_video] [--rounds 5]
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

SLOWEST, FIRST = 0.4, 20.0  # processor seconds of a redraw; seconds to the first picture
SPY = """
from amc.companion import widgets as _widgets
_explore, _panels = _widgets.explore, []
def _seen(draw, controls, **more):
    _panels.append((draw, controls, more))
    return _explore(draw, controls, **more)
_widgets.explore = _seen
"""
MEASURE = """
import json, time
from amc.companion import widgets as _widgets
def _redrawn(draw, controls, *, alt, slow=False):
    started = time.process_time()
    figure = draw(**{{name: control.value for name, control in controls.items()}})
    drawn = time.process_time()
    _widgets._picture(_widgets.preview(figure, alt), alt)
    return drawn - started, time.process_time() - started
_found = []
for _draw, _controls, _more in _panels:
    _parts = [_redrawn(_draw, _controls, **_more) for _ in range({rounds} + 1)][1:]  # the first one loads
    _drawing, _whole = min(_parts, key=lambda parts: parts[1])  # other work on the machine only adds
    _found.append({{"control": _draw.__name__, "has_run_button": _more.get("slow", False)}})
    _found[-1] |= {{"drawing_cpu_seconds": _drawing, "redraw_cpu_seconds": _whole}}
print(json.dumps(_found))
"""


def client(notebook: nbformat.NotebookNode, folder: str) -> NotebookClient:
    """What runs a notebook in `folder`."""
    return NotebookClient(notebook, timeout=None, resources={"metadata": {"path": folder}})


def environment(folder: str) -> dict[str, str]:
    """That of a kernel: a notebook's own results stay out of the reports."""
    return os.environ | {"AMC_REPORTS": folder}


def redraws(path: Path, rounds: int, folder: str) -> list[dict]:
    """A row for each panel of controls of a notebook, in its order."""
    notebook = nbformat.read(path, as_version=4)
    first, last = (nbformat.v4.new_code_cell(text) for text in (SPY, MEASURE.format(rounds=rounds)))
    notebook.cells = [first, *notebook.cells, last]
    client(notebook, folder).execute(env=environment(folder))
    printed = "".join(output.text for output in notebook.cells[-1].outputs if output.get("name") == "stdout")
    return [{"notebook": path.stem} | row for row in json.loads(printed)]


def first_picture(path: Path, folder: str) -> float:
    """Seconds from the start of a fresh kernel to the end of the first cell of a notebook that shows a picture."""
    notebook = nbformat.read(path, as_version=4)
    running, started = client(notebook, folder), time.time()
    with running.setup_kernel(env=environment(folder)):
        for index, cell in enumerate(notebook.cells):
            running.execute_cell(cell, index)
            if any(_is_picture(output.get("data", {})) for output in cell.get("outputs", ())):
                return time.time() - started
    raise SystemExit(f"{path.name}: no cell shows a picture")


def _is_picture(data: dict) -> bool:
    return any(kind.startswith("image/") for kind in data) or "<img" in data.get("text/html", "")


def main() -> None:
    """Measure, and write the record."""
    from amc.base import paths, provenance, seal
    from amc.runs import notebooks

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notebooks", default=",".join(notebooks.INTERACTIVE))
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    sources, rows, whole = paths.root() / "notebooks", [], {}
    with tempfile.TemporaryDirectory() as folder:
        seconds = first_picture(sources / "000_first_look.ipynb", folder)
        print(f"first picture of 000_first_look: {seconds:.1f} s (at most {FIRST:.0f})", flush=True)
        for name in given.notebooks.split(","):
            started = time.time()
            found = redraws(sources / f"{name}.ipynb", given.rounds, folder)
            whole[name] = time.time() - started
            rows += found
            print(f"{name}: {whole[name]:.0f} s", *map(json.dumps, found), sep="\n", flush=True)
    record = {"provenance": provenance.collect(device="cpu"), "rounds": given.rounds}
    record |= {"most": {"redraw_cpu_seconds": SLOWEST, "first_picture_seconds": FIRST}}
    record |= {"load_per_core": os.getloadavg()[2] / os.cpu_count()}  # of the last 15 minutes
    record |= {"first_picture_seconds": seconds, "notebook_seconds": whole, "rows": rows}
    seal.write_json(paths.reports() / "controls_speed.json", record, indent=1)


if __name__ == "__main__":
    main()
