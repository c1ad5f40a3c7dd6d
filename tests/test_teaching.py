"""The page for teachers has the sections of the notebooks, minutes that add up, and every term that is linked."""

import json
import re

import pytest
from user_commands import NOTEBOOKS

PAGE = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
BOTH_WAYS = ("01_sampling_windows", "02_flow_interleaving", "05_error_analysis", "07_your_own_video")
TERMS = re.findall(r"^### (.+)$", PAGE.split("## Glossary")[1], flags=re.MULTILINE)
NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
NO_LESSON = {"Check", "Record", "Answer", "In three sentences"}


def text(name: str) -> str:
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def anchor(title: str) -> str:
    """The address that GitHub and JupyterLab make of a heading."""
    return re.sub(r"[^\w\- ]", "", title.casefold()).replace(" ", "-")


def anchors(page: str) -> set[str]:
    return {anchor(title) for title in re.findall(r"^#+ (.+)$", page, flags=re.MULTILINE)}


def minutes(name: str) -> list[list[str]]:
    part = PAGE.split(f"### {name}\n")[1].split("\n#")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("name", NAMES)
def test_every_section_has_its_minutes_and_they_add_up_to_those_of_the_notebook(name):
    (_, *ways), _, *rows, last = minutes(name)
    assert ways == (["short", "long"] if name in BOTH_WAYS else ["minutes"])
    sections = re.findall(r"^## (.+)$", text(name), flags=re.MULTILINE)
    assert [re.sub(r" \(short: .*", "", title) for title, *_ in rows] == [
        title for title in sections if title not in NO_LESSON
    ]
    sums = [sum(int(row[column]) for row in rows if row[column] != "–") for column in range(1, len(ways) + 1)]
    assert sums == [int(total) for total in last[1:]]
    goal = re.search(rf"^\| .*\({name}\.ipynb\).* \| ([\d to]+) \|$", PAGE, flags=re.MULTILINE)[1]
    assert goal.endswith(f"{sums[-1]}") and (len(sums) == 1 or goal == f"{sums[0]} to {sums[1]}")


def test_the_lesson_is_ninety_minutes_without_gaps_and_takes_what_its_sections_take():
    plan = re.findall(r"^\| (\d+) to (\d+) \| .+ \| (.+) \((\d+)\) \|$", PAGE, flags=re.MULTILINE)
    assert plan[0][0] == "0" and plan[-1][1] == "90"
    assert all(before[1] == after[0] for before, after in zip(plan, plan[1:], strict=False))
    for start, stop, where, stated in plan:
        assert int(stop) - int(start) == int(stated)
        number, _, sections = where.partition("sections ")
        if sections:
            [name] = (name for name in NAMES if name.startswith(f"{number[:2]}_"))
            column = minutes(name)[0].index("short" if "short" in number else "minutes")
            of = {row[0].partition(".")[0]: row[column] for row in minutes(name)}
            assert sum(int(of[section]) for section in re.findall(r"\d+", sections)) == int(stated), where


def test_every_notebook_has_its_goal():
    assert re.findall(r"^\| \[\d+\]\((\w+)\.ipynb\)", PAGE, flags=re.MULTILINE) == NAMES


def test_the_glossary_is_in_order():
    assert len(TERMS) >= 25 and sorted(TERMS, key=str.casefold) == TERMS


def body(name: str) -> str:
    """The text of a notebook in which a term can have its link: no title cell, no headings, no code, no targets."""
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"][1:]
    words = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    other = r"^#+ .*$|`[^`\n]*`|\bby chance\b|CLIP"  # CLIP is no clip
    return re.sub(other, "", words, flags=re.MULTILINE)


def use_of(term: str) -> str:
    """The pattern of a term in a text: `Macro mAP` of `mAP, macro`; `found` is a term only where it is marked."""
    words = " ".join(reversed(term.split(", ")))
    return r"(?<=\*)found(?=\*)" if term == "Found" else rf"\b{words}s?\b"


@pytest.mark.parametrize("name", NAMES)
def test_a_term_is_linked_once_and_where_the_text_uses_it_first(name):
    linked = re.findall(r"\]\(\.\./notebooks/README\.md#([^)]+)\)", text(name))
    assert set(linked) <= anchors(PAGE)
    assert len(linked) == len(set(linked))
    for term in TERMS:
        before, link, _ = body(name).partition(f"](../notebooks/README.md#{anchor(term)})")
        if link:
            plain = re.sub(r"\]\([^)\n]*\)", "]", before.rpartition("[")[0])
            assert not re.search(use_of(term), plain, flags=re.IGNORECASE), term


def test_every_term_is_linked_somewhere():
    linked = {term for name in NAMES for term in re.findall(r"README\.md#([^)]+)\)", text(name))}
    assert linked == {anchor(term) for term in TERMS}
