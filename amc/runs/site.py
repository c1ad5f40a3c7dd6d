"""The reports as a static site, for readers without Jupyter and without a network.

Executed notebooks, their records and figures in `reports/` in; a folder of HTML pages out, with everything they link.
Nothing is computed again. nbconvert renders notebooks and texts; our own are only the links and the drop-downs.
"""

import html
import re
import shutil
from pathlib import Path
from posixpath import relpath
from urllib.parse import quote, unquote

import nbformat
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

from amc.base import paths
from amc.base.errors import AmcError
from amc.runs import report

CELLS = """{% extends 'basic/index.html.j2' %}
{%- block any_cell %}
{%- if 'solution' in cell.metadata.get('tags', ()) %}
{%- set first = cell.source.split('\\n')[0] %}
<details><summary>{{ first[2:] if first.startswith('# Solution') else 'Solution' }}</summary>
{{ super() }}
</details>
{%- else %}{{ super() }}{% endif %}
{%- endblock %}"""
HEADING = re.compile(r'(<h[1-6] id=")([^"]*)(">.*?)<a class="anchor-link"[^>]*></a>', re.S)
SETTINGS = Config(
    HTMLExporter={"anchor_link_text": "", "exclude_input_prompt": True, "exclude_output_prompt": True},
    CoalesceStreamsPreprocessor={"enabled": True},  # printed lines of a cell as one text, not one each
)
# No colon: neither an address of the web nor a data URI. In a text or a value, < and > are always escaped.
LINK = re.compile(r'(<(?:a|img|source|video)\b[^<>]*?\s(?:href|src)=")([^"#:]+)((?:#[^"]*)?")')


def build(reports: Path, folder: Path) -> Path:
    """Write the site of `reports` into `folder`; returns its first page, `index.html`.

    The first page is that of `report.page`. Whatever a page links comes too: a notebook as a page, executed if
    `reports` has it executed; a text in Markdown as a page; any other file as a copy. Files of an earlier site stay.
    Raises AmcError without an executed notebook, for one without its record, and for a link that leads nowhere.
    """
    first = reports / "index.html"
    waiting, written = [first], set()
    while waiting:
        source = waiting.pop()
        if source in written:
            continue
        written.add(source)
        target = folder / _place(source, reports)
        if source != first and source.suffix not in (".ipynb", ".md"):
            with paths.atomic(target) as temporary:
                shutil.copyfile(source, temporary)
            continue
        text = report.page(reports, is_site=True) if source == first else _body(source)
        text, linked = _relink(text, source, reports)
        waiting += linked
        text = text if source == first else _page(text, relpath("index.html", _up(source, reports)))
        paths.write_text(target, text)
    return folder / "index.html"


def _body(source: Path) -> str:
    """A notebook or a text in Markdown as HTML, without what every page has."""
    if source.suffix == ".ipynb":
        notebook = nbformat.read(source, as_version=4)
    else:
        text = nbformat.v4.new_markdown_cell(source.read_text(encoding="utf-8"), id="text")  # not by chance
        notebook = nbformat.v4.new_notebook(cells=[text])
    body, _ = HTMLExporter(raw_template=CELLS, config=SETTINGS).from_notebook_node(notebook)
    body = HEADING.sub(lambda found: found[1] + _anchor(found[2]) + found[3], body)
    return body.replace("<table", '<div class="scroll"><table').replace("</table>", "</table></div>")


def _page(body: str, home: str) -> str:
    """The whole page; `home`: where the first page is, seen from this one."""
    title = re.search(r"<h1[^>]*>(.*?)</h1>", body, re.S)
    values = {
        "title": html.unescape(re.sub(r"<[^>]+>", "", title[1])) if title else "Notes",
        "style": HtmlFormatter(style="default").get_style_defs(".highlight"),
        "home": home,
        "body": body,
    }
    return report.render("page.html", values)


def _anchor(words: str) -> str:
    """The name of a heading in links, as GitHub and JupyterLab make it: `mAP,-macro` is `map-macro`."""
    return re.sub(r"[^\w-]", "", html.unescape(words).lower())


def _relink(text: str, source: Path, reports: Path) -> tuple[str, list[Path]]:
    """A page whose links lead to the site's files, and the files that they stand for."""
    linked = []

    def inside(found: re.Match) -> str:
        path = _linked(unquote(html.unescape(found[2])), source, reports)
        linked.append(path)
        address = relpath(_place(path, reports).as_posix(), _up(source, reports))
        return found[1] + html.escape(quote(address)) + found[3]

    return LINK.sub(inside, text), linked


def _linked(link: str, source: Path, reports: Path) -> Path:
    """The file that a link of `source` means; of a notebook its executed copy, where there is one."""
    # Links in a notebook are written for its place in `notebooks`, wherever it is executed.
    here = paths.root() / "notebooks" if source.suffix == ".ipynb" else source.parent
    path = (here / link).resolve()
    executed = reports / path.name
    if path.suffix == ".ipynb" and executed.exists():
        return executed
    if not path.is_file():
        raise AmcError(f"{source.name}: it links {link}, which is no file here; correct the link, or add the file")
    return path


def _place(path: Path, reports: Path) -> Path:
    """Where a file of `reports`, or another one of the repository, is in the site."""
    if not (bases := [base for base in (reports, paths.root()) if path.is_relative_to(base)]):
        raise AmcError(f"{path.name}: a page links it, but it is outside the repository; link files inside")
    place = path.relative_to(bases[0])
    return place.with_suffix(".html") if path.suffix in (".ipynb", ".md") else place


def _up(path: Path, reports: Path) -> str:
    return _place(path, reports).parent.as_posix()
