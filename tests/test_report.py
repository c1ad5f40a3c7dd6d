"""The index shows every figure to everybody, and the manifest says what each was made from."""

import hashlib
import json
from html.parser import HTMLParser

import nbformat
import pytest
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from amc import figures
from amc.base import paths, provenance
from amc.base.errors import AmcError
from amc.runs import readme, report, results


class Page(HTMLParser):
    """Tags and attributes of a page, in order."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def reports(tmp_path, monkeypatch):
    """The reports of a run of one notebook with two figures."""
    monkeypatch.setenv("AMC_REPORTS", str(tmp_path))
    view = new_output("display_data", {report.WIDGET: {"model_id": "1"}, "text/plain": "VBox()"})
    kept = new_output("stream", text="kept")
    steps = [f"\rdrawing:  {k}%|█   | {k}/100 [00:0{k}<00:09,  2.0clip/s]" for k in (1, 2)]
    bar = new_output("stream", name="stderr", text="".join(steps) + "\n")
    warned = new_output("stream", name="stderr", text=f"{steps[0]}\na warning\n")
    title = "# Quickstart & more\n\n> **Question.** What is\n> *this*?\n> **Paper.** A figure."
    notebook = new_notebook(cells=[new_markdown_cell(title), new_code_cell("1", outputs=[bar, view, kept, warned])])
    notebook.metadata["widgets"] = {"state": {}}
    nbformat.write(notebook, tmp_path / "00_quickstart.ipynb")
    for name, alt in (("00_flow", 'Arrows, "px" & colours'), ("00_scores", "Scores of a clip")):
        figure = Figure((3, 2))
        figure.text(0.2, 0.2, name)
        figures.save(figure, name, alt)
    origin = provenance.collect(seconds=3.0, data_checksum="abc") | {"answer": "Chance < 5 % & more."}
    results.write("00_quickstart", {"size": "smoke"}, [{"x": 1}], origin)
    return tmp_path


def test_a_notebook_moves_to_its_place_without_widgets_and_progress_bars(reports):
    path = reports / "00_quickstart.ipynb"
    executed = path.rename(reports / "00_quickstart.unfinished.ipynb")
    report.tidy(executed, path)
    notebook = nbformat.read(path, 4)
    assert not executed.exists()
    assert "widgets" not in notebook.metadata
    assert [output.text.strip() for output in notebook.cells[1].outputs] == ["kept", "a warning"]
    assert {output.output_type for output in notebook.cells[1].outputs} == {"stream"}


def test_the_index_shows_all_figures_with_their_alternative_text_and_links_that_lead_somewhere(reports):
    page = Page(report.index(reports).read_text(encoding="utf-8"))
    assert [image["alt"] for image in page.all("img")] == ['Arrows, "px" & colours', "Scores of a clip"]
    addresses = [image["src"] for image in page.all("img")] + [link["href"] for link in page.all("a")]
    report.manifest(reports)
    for address in addresses:
        assert address in ("#n00", "#answers") or (reports / address).exists(), address
    assert page.all("html")[0]["lang"] == "en" and {"id": "n00"} in page.all("section")
    assert not page.all("script") and not page.all("link")  # nothing from elsewhere


def test_the_index_shows_the_answer_of_a_notebook_between_its_question_and_its_figures(reports):
    text = report.index(reports).read_text(encoding="utf-8")
    answer = '<p class="answer"><strong>Answer.</strong> Chance &lt; 5 % &amp; more.</p>'
    assert text.index("What is") < text.index(answer) < text.index("<figure>")


def test_figures_are_in_the_order_of_the_cells_and_those_of_no_cell_come_last(reports):
    path = reports / "00_quickstart.ipynb"
    notebook = nbformat.read(path, 4)
    for number, alt in enumerate(("Scores of a clip", 'Arrows, "px" & colours')):
        picture = new_output("display_data", {"image/png": ""}, metadata={"image/png": {"alt": alt}})
        notebook.cells.append(new_code_cell(str(number), outputs=[picture]))
    nbformat.write(notebook, path)
    figure = Figure((3, 2))
    figure.text(0.2, 0.2, "x")
    figures.save(figure, "00_a_first_name", "Of no cell")
    page = Page(report.page(reports))
    assert [image["alt"] for image in page.all("img")] == ["Scores of a clip", 'Arrows, "px" & colours', "Of no cell"]


@pytest.fixture
def record(reports, monkeypatch):
    """Writes a record that the README may show into the reports: rows of Tables 2 and 3 by one commit."""
    monkeypatch.setattr(paths, "root", lambda: reports)
    monkeypatch.setattr(readme, "RECORDS", {"quick": {"results/03_ablation.json": "0"}})
    monkeypatch.setattr(readme, "_recompute", lambda record, path: None)  # this record has no score files

    def write(commits: tuple[str, ...]) -> None:
        maps = {f"{name}{end}": 31.6 for name in ("map_macro", "map_micro") for end in ("", "_low", "_high")}
        row = {"table": 2, "scheme": "dense", "modality": "rgb", "paper": 68.0, "paper_metric": "micro", **maps}
        origin = {"cpu": {"count": 2, "model": "C"}, "seconds": 60.0, "clips": {"train": 3, "test": 2}}
        origin |= {"commit": commits[0], "run_commits": list(commits)}
        rows = [row, row | {"table": 3, "modality": "flow", "paper": None, "paper_metric": None}]
        parameters = {"size": "quick", "seeds": "0"} | readme.WHOLE["03_ablation"]
        results.write("03_ablation", parameters, rows, origin)

    return write


def test_the_tables_of_the_readme_come_first_with_size_seeds_and_commit(reports, record):
    record(("abc",))
    text = report.page(reports)
    row = '<th scope="row">dense, rgb</th><td>68.0 micro</td><td>31.6 [31.6, 31.6]</td><td>31.6 [31.6, 31.6]</td>'
    places = [text.index(part) for part in ("<caption>Table 2<", row, "<caption>Table 3<", "seeds 0, commit abc ")]
    assert sorted(places) == places and places[-1] < text.index("What is")
    assert "make reproduce SIZE=quick SEEDS=0" in text


def test_tables_that_the_readme_may_not_show_are_not_shown_and_the_page_says_why(reports, record):
    record(("abc", "abd"))
    text = report.page(reports)
    assert "<table>" not in text and "Not shown: 03_ablation: runs of abc, abd, notebook of abc" in text
    (reports / "results" / "03_ablation.json").unlink()
    assert "Not shown: results/03_ablation.json: no readable result" in report.page(reports)  # no folder of one machine


def test_reports_of_another_folder_have_no_tables_of_this_repository(reports):
    assert 'id="tables"' not in report.page(reports)


def test_a_record_from_before_the_answers_has_none_in_the_index(reports):
    results.write("00_quickstart", {"size": "smoke"}, [{"x": 1}], provenance.collect(seconds=3.0, data_checksum="abc"))
    assert 'class="answer"' not in report.index(reports).read_text(encoding="utf-8")


def test_the_manifest_names_source_parameters_data_and_every_figure(reports):
    found = json.loads(report.manifest(reports).read_text(encoding="utf-8"))
    entry = found["notebooks"]["00_quickstart"]
    source = (paths.root() / "notebooks" / "00_quickstart.ipynb").read_bytes()
    assert entry["source_sha256"] == hashlib.sha256(source).hexdigest()
    assert entry["parameters"] == {"size": "smoke"} and entry["data_checksum"] == "abc" and entry["seconds"] == 3.0
    assert set(entry["figures"]) == {"00_flow.png", "00_scores.png"}
    assert entry["package_sha256"] == provenance.package_sha256()


def test_an_index_of_nothing_and_a_run_without_a_record_are_refused(reports):
    (reports / "results" / "00_quickstart.json").unlink()
    with pytest.raises(AmcError, match="00_quickstart.json: no readable result .* run its notebook first"):
        report.index(reports)
    (reports / "00_quickstart.ipynb").unlink()
    for write in (report.index, report.manifest):
        with pytest.raises(AmcError, match="no executed notebook; run `make reproduce` first"):
            write(reports)


def test_a_notebook_whose_runs_were_done_still_takes_their_training(reports):
    rows = [
        {"method": method, "scheme": "sparse", "modality": "rgb", "seeds": 2, "training_seconds": 50.0,
         "pretraining_seconds": seconds}
        for method, seconds in [("A", 0.0), ("B", 10.0), ("B", 10.0)]
    ]  # fmt: skip
    for name in ("03_ablation", "05_error_analysis"):
        results.write(name, {}, rows, provenance.collect(seconds=3.0) | {"cpu": {"count": 4}})
    assert report.seconds(reports, "03_ablation") == 2 * (50 + 60) / 4  # B is in two tables, and trained once
    assert report.seconds(reports, "05_error_analysis") == 3.0
    assert report.seconds(reports, "09_unseen") is None


@pytest.mark.parametrize("notes", [{"end_time": None}, {"end_time": "2026-11-28", "exception": True}, "cut"])
def test_a_notebook_that_was_stopped_is_not_listed_beside_an_older_record(reports, notes):
    path = reports / "01_sampling_windows.ipynb"
    notebook = nbformat.read(reports / "00_quickstart.ipynb", 4)
    results.write("01_sampling_windows", {"size": "smoke"}, [], provenance.collect(seconds=1.0))
    notebook.metadata["papermill"] = {"end_time": "2026-11-28", "exception": None}
    nbformat.write(notebook, path)
    assert path.name in report.page(reports)
    if notes == "cut":
        path.write_text(path.read_text()[:-50])
    else:
        notebook.metadata["papermill"] |= notes
        nbformat.write(notebook, path)
    assert path.name not in report.page(reports)
    assert path.stem not in json.loads(report.manifest(reports).read_text())["notebooks"]


def test_a_notebook_that_is_running_is_not_listed(reports):
    (reports / "01_sampling_windows.unfinished.ipynb").write_bytes((reports / "00_quickstart.ipynb").read_bytes())
    assert list(json.loads(report.manifest(reports).read_text())["notebooks"]) == ["00_quickstart"]


def test_a_figure_belongs_to_the_notebook_whose_number_begins_its_name(reports):
    figures.save(Figure((1, 1)), "000_jump", "A frog")
    nbformat.write(nbformat.read(reports / "00_quickstart.ipynb", 4), reports / "000_first_look.ipynb")
    results.write("000_first_look", {}, [], provenance.collect(data_checksum="abc"))
    entries = json.loads(report.manifest(reports).read_text(encoding="utf-8"))["notebooks"]
    assert [*entries["000_first_look"]["figures"]] == ["000_jump.png"]
    assert [*entries["00_quickstart"]["figures"]] == ["00_flow.png", "00_scores.png"]
