"""A long loop says how far it is, a short one nothing, and every item passes."""

from amc.base import progress


def run(monkeypatch, seconds_each: float, count: int, start: float = 0) -> tuple[list[int], list[str]]:
    clock = iter([1.0, *(1 + start + n * seconds_each for n in range(1, count + 1))])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    said: list[str] = []
    found = list(progress.progress(range(count), "scoring", total=count, unit="batches", log=said.append))
    return found, said


def test_a_line_comes_now_and_then_with_what_is_left_at_the_pace_so_far(monkeypatch):
    found, said = run(monkeypatch, seconds_each=10, count=6)
    assert found == list(range(6))
    assert said == [
        "scoring: 2 of 6 batches, 40 s left",
        "scoring: 4 of 6 batches, 20 s left",
        "scoring: 6 of 6 batches, 0 s left",
    ]


def test_what_the_first_item_waits_for_is_no_part_of_the_pace(monkeypatch):
    _, said = run(monkeypatch, seconds_each=10, count=4, start=100)
    assert said[1] == "scoring: 3 of 4 batches, 10 s left"


def test_a_short_loop_says_nothing(monkeypatch):
    assert run(monkeypatch, seconds_each=1, count=10) == (list(range(10)), [])


def test_without_a_report_there_is_a_bar(capsys):
    assert list(progress.progress([1, 2, 3], "reading", total=3, unit="videos", log=None)) == [1, 2, 3]
    assert "reading: 100%" in capsys.readouterr().err
