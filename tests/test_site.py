"""The site is for readers without Jupyter and without a network, and every link of it leads somewhere."""

from html.parser import HTMLParser
from pathlib import Path
from posixpath import normpath

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from amc.__main__ import main
from amc.base import provenance
from amc.base.errors import AmcError
from amc.runs import results, site

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="


class Page(HTMLParser):
    """Tags, addresses and anchors of a page; texts inside and outside of drop-downs."""

    def __init__(self, path: Path):
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.images: list[dict] = []
        self.inside = self.outside = ""
        self.depth = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        self.links += [given[name] for name in ("href", "src") if name in given]
        self.anchors |= {given["id"]} if "id" in given else set()
        self.images += [given] if tag == "img" else []
        self.depth += tag == "details"
        assert not (tag == "details" and "open" in given)

    def handle_endtag(self, tag):
        self.depth -= tag == "details"

    def handle_data(self, data):
        if self.depth:
            self.inside += data
        else:
            self.outside += data


@pytest.fixture
def reports(tmp_path, monkeypatch) -> Path:
    """Reports of one executed notebook, beside this repository's notebooks and texts."""
    return write(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The site of such reports."""
    with pytest.MonkeyPatch.context() as patch:
        reports = write(tmp_path_factory.mktemp("reports"), patch)
        first = site.build(reports, reports / "site")
        assert first == reports / "site" / "index.html"
    return first.parent


def write(reports: Path, patch: pytest.MonkeyPatch) -> Path:
    patch.setenv("AMC_REPORTS", str(reports))
    title = "# A & B\n\n> **Question.** Why?\n\nSee [mAP](../notebooks/README.md#map-macro), [more](../data/README.md)."
    picture = new_output("display_data", {"image/png": PIXEL}, metadata={"image/png": {"alt": "One <pixel>"}})
    table = new_output("display_data", {"text/html": "<table><tr><td>1</td></tr></table>"})
    solution = new_code_cell("# Solution 1\nseven = 7", outputs=[new_output("stream", text="it is 7")])
    solution.metadata["tags"] = ["solution"]
    lines = [new_output("stream", text=f"line {number}\n") for number in (1, 2)]
    link = new_code_cell("print(\"<a href='x'>\", '<a href=\"no_such_file\">')")
    cells = [new_markdown_cell(title), new_code_cell("1", outputs=[picture, table, *lines]), link, solution]
    nbformat.write(new_notebook(cells=cells), reports / "98_links.ipynb")
    results.write("98_links", {}, [], provenance.collect(seconds=3.0, data_checksum="abc"))
    (reports / "manifest.json").write_text("{}")
    return reports


def test_every_link_of_every_page_leads_to_a_file_and_a_heading_of_the_site(folder):
    """Those of all notebooks of the repository too: the page for teachers links them."""
    pages = {path.relative_to(folder).as_posix(): Page(path) for path in folder.rglob("*.html")}
    assert {"index.html", "98_links.html", "notebooks/README.html", "notebooks/03_ablation.html"} <= set(pages)
    counted = 0
    for name, page in pages.items():
        for link in (link for link in page.links if not link.startswith(("data:", "https://"))):
            address, _, anchor = link.partition("#")
            target = normpath(Path(name).parent / address) if address else name
            assert (folder / target).is_file(), f"{name}: {link}"
            assert not anchor or anchor in pages[target].anchors, f"{name}: {link}"
            counted += bool(anchor)
    assert counted > 20
    assert (folder / "results" / "98_links.json").exists()


def test_a_page_asks_for_nothing_from_elsewhere_and_keeps_alternative_texts(folder):
    page = Page(folder / "98_links.html")
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert [image["alt"] for image in page.images] == ["One <pixel>"]
    assert page.images[0]["src"].startswith("data:image/png;base64,")
    assert "no_such_file" in page.outside  # a link in code is a text
    assert "line 1\nline 2\n" in page.outside  # one output, not two


def test_solutions_are_closed_drop_downs_and_everything_else_is_outside(folder):
    page = Page(folder / "98_links.html")
    assert page.tags.count("details") == page.tags.count("summary") == 1
    assert all(text in page.inside for text in ("Solution 1", "seven", "it is 7"))
    assert "seven" not in page.outside and "Why?" in page.outside and "A & B" in page.outside


@pytest.mark.parametrize(
    "link, message",
    [
        ("../no/such.md", "98_links.ipynb: it links ../no/such.md, which is no file here; correct the link"),
        ("..", "98_links.ipynb: it links .., which is no file here"),
        ("/etc/hosts", "hosts: a page links it, but it is outside the repository"),
    ],
)
def test_a_link_that_leads_nowhere_is_refused(link, message, reports):
    path = reports / "98_links.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells.append(new_markdown_cell(f"[broken]({link})"))
    nbformat.write(notebook, path)
    with pytest.raises(AmcError, match=message):
        site.build(reports, reports / "site")


def test_the_command_says_where_the_site_is_and_that_it_needs_an_executed_notebook(reports, monkeypatch, capsys):
    monkeypatch.chdir(reports)
    monkeypatch.setattr(site, "build", lambda reports, folder: folder / "index.html")
    assert main(["site"]) == 0 and capsys.readouterr().out == "site/index.html\n"
    monkeypatch.undo()
    monkeypatch.setenv("AMC_REPORTS", str(reports / "empty"))
    assert main(["site", "--folder", str(reports / "site")]) == 2
    assert "no executed notebook; run `make reproduce` first" in capsys.readouterr().err
