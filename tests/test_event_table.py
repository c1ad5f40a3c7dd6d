"""Tables of events lose no row: what other systems write is read, what cannot be meant is refused with its line.

Times of queued videos run over the whole observation, as BORIS writes them.
"""

import shutil

import numpy as np
import pytest
from test_annotations import BORIS_8, EDGES, HEAD_8, LABELS, ROW_8, SIMBA, read

from amc import video
from amc.base.errors import AmcError
from amc.ethogram import annotations
from amc.ethogram.bouts import Bout
from amc.synth import generate

HEAD = (
    "Observation id,Source,Time offset (s),Media duration (s),Subject,Behavior,Behavior type,{},Media file name,Comment"
)
AGGREGATED = HEAD.format("Start (s),Stop (s)").replace(",", "\t") + "\n"
TABULAR = HEAD.format("Time").replace(",", "\t") + "\n"
QUEUE = "player #1:a.mp4;b.mp4"


def whole(kind: str, first: float, stop: float, media: str, *, source=QUEUE, durations="10;20", offset=0) -> str:
    cells = ("obs", source, offset, durations, "", "eating", kind, first, stop, media, "")
    return "\t".join(map(str, cells)) + "\n"


def half(kind: str, time: float, media: str, *, source=QUEUE, durations="10;20", comment="") -> str:
    return "\t".join(map(str, ("obs", source, 0, durations, "", "eating", kind, time, media, comment))) + "\n"


def spans(found: annotations.Annotation, video: str) -> list[tuple[float, float]]:
    return [(event.first, event.stop) for event in found.of(video)]


def test_an_event_in_the_second_video_of_a_queue_has_that_video_s_time(tmp_path):
    found = read(tmp_path, AGGREGATED + whole("STATE", 12, 14, "b.mp4"))
    assert spans(found, "b.mp4") == [(2, 4)] and spans(found, "a.mp4") == []
    assert "run over 2 videos one after another (a.mp4, b.mp4)" in found.notes[0]
    with pytest.raises(AmcError, match="no events of c"):
        found.of("c.mp4")


@pytest.mark.parametrize(
    "text",
    [
        AGGREGATED + whole("STATE", 8, 12, "a.mp4"),
        AGGREGATED + whole("STATE", 13, 17, "a.mp4", offset=5),
        TABULAR + half("START", 8, "a.mp4") + half("STOP", 12, "b.mp4"),
        TABULAR + half("STOP", 12, "b.mp4") + half("START", 8, "a.mp4"),
        AGGREGATED + whole("STATE", 8, 12, "v/a.mp4", source="player #1:v/a.mp4;w/b.mp4|player #2:c.mp4;d.mp4",
                           durations="10.000;20.000|10.000;20.000"),
    ],
    ids=["aggregated", "with an offset", "tabular", "tabular, unsorted", "two views"],
)  # fmt: skip
def test_an_event_over_the_border_of_two_queued_videos_is_divided(text, tmp_path):
    found = read(tmp_path, text)
    assert spans(found, "a") == [(8, 10)] and spans(found, "b") == [(0, 2)]


def test_a_border_within_boris_s_rounding_leaves_no_sliver_in_the_next_video(tmp_path):
    found = read(tmp_path, AGGREGATED + whole("STATE", 8, 10.004, "a.mp4") + whole("STATE", 10, 12, "b.mp4"))
    assert spans(found, "a") == [(8, 10)] and spans(found, "b") == [(0, 2)]


def test_points_and_what_outlasts_a_queue_stay_in_their_video(tmp_path):
    rows = [
        half("POINT", 10, "b.mp4"),
        half("POINT", 9.5, "a.mp4"),
        half("START", 29, "b.mp4"),
        half("STOP", 31, "b.mp4"),
    ]
    found = read(tmp_path, TABULAR + "".join(rows))
    assert spans(found, "a") == [(9.5, 9.5)] and sorted(spans(found, "b")) == [(0, 0), (19, 21)]


def test_simultaneous_views_and_a_semicolon_in_a_name_are_no_queue(tmp_path):
    views = whole("STATE", 12, 14, "a.mp4", source="player #1:a.mp4|player #2:b.mp4", durations="20|20")
    found = read(tmp_path, AGGREGATED + views)
    assert spans(found, "a") == spans(found, "b") == [(12, 14)]  # another camera at the same time
    named = whole("STATE", 12, 14, "a;b.mp4", source="player #1:a;b.mp4", durations="20")
    assert spans(read(tmp_path, AGGREGATED + named), "a;b.mp4") == [(12, 14)]


def test_a_second_player_s_queue_has_its_own_borders_and_ends_when_it_ends(tmp_path):
    both = {"source": "player #1:a.mp4;b.mp4|player #2:c.mp4;d.mp4", "durations": "10.000;20.000|6.000;5.000"}
    found = read(
        tmp_path, AGGREGATED + whole("STATE", 5, 12, "a.mp4", **both) + whole("STATE", 20, 22, "b.mp4", **both)
    )
    assert spans(found, "a") == [(5, 10)] and spans(found, "b") == [(0, 2), (10, 12)]
    assert spans(found, "c") == [(5, 6)] and spans(found, "d") == [(0, 5)]


def test_a_queue_without_a_column_of_media_is_read_from_source(tmp_path):
    head = "Observation id\tSource\tMedia duration (s)\tBehavior\tBehavior type\tStart (s)\tStop (s)\n"
    found = read(tmp_path, head + "obs\tplayer #1:a.mp4;b.mp4\t10;20\teating\tSTATE\t8\t12\n")
    assert spans(found, "a") == [(8, 10)] and spans(found, "b") == [(0, 2)]
    one = read(tmp_path, head + "obs\tplayer #1:v/a.mp4\t10\teating\tSTATE\t8\t9\n")
    assert spans(one, "a.mp4") == [(8, 9)]


def test_durations_that_are_not_written_are_those_of_the_files(tmp_path):
    generate.write_video(tmp_path / "a.mp4", iter(np.zeros((30, 64, 64, 3), np.uint8)))
    shutil.copy(tmp_path / "a.mp4", tmp_path / "b.mp4")
    lasts = video.probe(tmp_path / "a.mp4").duration
    rows = BLOCK + f"0.5\ta.mp4\teating\tSTART\n{lasts + 0.25:.3f}\tb.mp4\teating\tSTOP\n"
    (tmp_path / "notes").mkdir()
    for place, videos in ((tmp_path, ()), (tmp_path / "notes", [tmp_path / "a.mp4", tmp_path / "b.mp4"])):
        (place / "boris.tsv").write_text(rows)
        found = annotations.read(place / "boris.tsv", videos=videos)
        assert spans(found, "a") == [(0.5, pytest.approx(lasts))] and spans(found, "b") == [
            (0, pytest.approx(0.25, abs=1e-3))
        ]
    with pytest.raises(
        AmcError, match="whose times run over all of them, but its durations are 'not given'; put the video"
    ):
        annotations.read(tmp_path / "notes" / "boris.tsv")


def test_several_videos_of_an_observation_without_their_order_are_refused(tmp_path):
    head = "Observation id\tBehavior\tBehavior type\tStart (s)\tStop (s)\tMedia file name\n"
    rows = "obs\teating\tSTATE\t{}\t{}\t{}\n"
    with pytest.raises(AmcError, match=":3: the observation 'obs' shows a.mp4 and b.mp4, .* no column Source"):
        read(tmp_path, head + rows.format(8, 9, "a.mp4") + rows.format(12, 14, "b.mp4"))
    time = "Time\tMedia file path\tBehavior\tStatus\n1\ta.mp4\teating\tSTART\n2\ta.mp4\teating\tSTOP\n"
    with pytest.raises(AmcError, match=":4: the observation '' shows a.mp4 and b.mp4"):
        read(tmp_path, time + "12\tb.mp4\teating\tSTART\n14\tb.mp4\teating\tSTOP\n")
    assert len(read(tmp_path, head + rows.format(8, 9, "v/a.mp4") + rows.format(12, 14, "a.mp4")).of("a.mp4")) == 2


@pytest.mark.parametrize("start, stop", [("Start..s.", "Stop..s."), ("Start_sec", "Stop_sec"), ("start.s", "STOP (S)")])
def test_names_of_columns_are_compared_by_letters_and_digits(start, stop, tmp_path):
    head = '"","Observation.id","Subject","Behavior","Behavior.type","{}","{}","Media.file.name","Time.offset..s."\n'
    found = read(tmp_path, head.format(start, stop) + '"1","obs",NA,"eating","STATE",6.5,8,"a.mp4",5\n')
    assert spans(found, "a.mp4") == [(1.5, 3)] and found.subjects == ()


BLOCK = "Media file(s)\nPlayer #1\ta.mp4\nPlayer #1\tb.mp4\nTime\tMedia file path\tBehavior\tStatus\n"


@pytest.mark.parametrize(
    "text, message",
    [
        (AGGREGATED + whole("STATE", 12, 14, "b.mp4", durations="30"), ":2: a queue of 2 videos (a.mp4, b.mp4)"),
        (AGGREGATED + whole("STATE", 12, 14, "b.mp4", durations="NA;20"), "its durations are 'NA;20'"),
        (AGGREGATED + whole("STATE", 2, 4, "b.mp4"), ":2: at 2 s its queue shows a.mp4, but the row names b.mp4"),
        (AGGREGATED + whole("STATE", 2, 4, "x/a.mp4", source="player #1:x/a.mp4;y/a.mp4"), "are called 'a.mp4'"),
        (TABULAR + half("START", 1, "a.mp4") + half("STOP", 2, "b.mp4"), ":3: at 2 s its queue shows a.mp4"),
        (BLOCK + "12\tb.mp4\teating\tSTART\n14\tb.mp4\teating\tSTOP\n", ":5: a queue of 2 videos"),
        ("Behavior\tStart (s)\tStop (s)\tMedia file\neating\t12\t14\ta.mp4;b.mp4\n", ":2: a queue of 2 videos"),
    ],
)
def test_a_queue_whose_times_cannot_be_told_apart_is_refused_with_the_reason(text, message, tmp_path):
    with pytest.raises(AmcError) as error:
        read(tmp_path, text)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_comment_that_begins_with_a_quote_swallows_no_event(tmp_path):
    rows = [(1, "START"), (2, "STOP"), (3, "START"), (4, "STOP")]
    lines = [half(kind, time, "a.mp4", source="a.mp4", durations="20") for time, kind in rows]
    quoted = [
        line.rstrip("\n") + mark + "\n" for line, mark in zip(lines, ('"so', "", 'he said "x"', '"'), strict=True)
    ]
    for text in (TABULAR + quoted[0] + "".join(lines[1:]), TABULAR + "".join(quoted)):
        with pytest.raises(AmcError, match=r":2: .*quote"):
            read(tmp_path, text)
    lines[2] = lines[2].rstrip("\n") + 'he said "x"\n'  # a quote within a cell opens nothing
    assert spans(read(tmp_path, TABULAR + "".join(lines)), "a") == [(1, 2), (3, 4)]


def test_lines_are_counted_as_the_file_has_them(tmp_path):
    text = HEAD_8 + "\n" + ROW_8.format("", "attack", "START", 1) + "\n" + ROW_8.format("", "attack", "STOP", "x")
    with pytest.raises(AmcError, match=":5: 'x' is no time"):
        read(tmp_path, text)
    assert spans(read(tmp_path, text.replace(",x,", ",2,")), "Video10") == [(1, 2)]


def test_a_row_longer_than_its_header_is_refused_but_for_empty_cells(tmp_path):
    assert annotations.bouts(read(tmp_path, SIMBA.replace("\n", ",,\n")).events, EDGES)
    with pytest.raises(AmcError, match=":3: has 8 cells, more than the header"):
        read(tmp_path, SIMBA.replace("Video10,sniffing", "Video10,sniffing,biting"))


def test_what_spreadsheets_write_in_other_countries_is_read(tmp_path):
    comma = AGGREGATED.replace("\t", ";") + whole("STATE", "1,25", "2,5", "a.mp4", source="a.mp4").replace("\t", ";")
    found = read(tmp_path, comma.replace("10;20", "20"))
    assert spans(found, "a") == [(1.25, 2.5)]
    head = "Source;Media duration (s);Behavior;Start (s);Stop (s);Media file name\n"
    queue = read(tmp_path, head + '"player #1:a.mp4;b.mp4";"10,500;20,000";eating;8,25;12;a.mp4\n')
    assert spans(queue, "a") == [(8.25, 10.5)] and spans(queue, "b") == [(0, 1.5)]
    (tmp_path / "wide.csv").write_bytes(SIMBA.encode("utf-16"))
    assert len(annotations.read(tmp_path / "wide.csv").events) == 3
    assert len(read(tmp_path, SIMBA.replace("\n", "\r")).events) == 3


def test_the_cause_is_named_where_a_table_cannot_be_read(tmp_path):
    with pytest.raises(AmcError, match=":2: '1,5' is no time or frame; expected a number from 0, with a decimal point"):
        read(tmp_path, SIMBA.replace("10,24", '"1,5",24'))
    with pytest.raises(AmcError, match=":1: the column 'subject' is there twice"):
        read(tmp_path, BORIS_8.replace("FPS,Subject", "Subject,Subject"))


def test_a_row_without_a_behaviour_and_a_table_without_rows_are_refused(tmp_path):
    with pytest.raises(AmcError, match=":2: names no behaviour; write its name, or remove the row"):
        read(tmp_path, AGGREGATED + whole("STATE", 1, 2, "a.mp4").replace("eating", ""))
    with pytest.raises(AmcError, match=":2: names no behaviour"):
        read(tmp_path, SIMBA.replace("attack", "", 1))
    with pytest.raises(AmcError, match="has no event of any video; annotate one"):
        read(tmp_path, AGGREGATED)


def test_a_frame_that_is_missing_among_labels_is_told_and_shifts_nothing(tmp_path):
    with pytest.raises(AmcError, match=":7: frame '6', expected 5"):
        read(tmp_path, LABELS.replace("\n5,1,0,0\n", "\n"))


def test_of_two_videos_that_differ_in_their_ending_each_has_its_own(tmp_path):
    text = SIMBA.replace("Video10,attack,1.0", "Video10.avi,attack,1.0").replace("Video10,", "Video10.mp4,")
    found = read(tmp_path, text)
    assert [len(found.of(f"Video10{end}")) for end in (".avi", ".mp4")] == [1, 2]
    assert annotations.bouts(found.of("Video10.avi"), EDGES) == [Bout("attack", 10, 25)]
