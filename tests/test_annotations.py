"""What humans wrote: BORIS of both generations, SimBA and DeepEthogram are read; what cannot be meant is refused.

Rows follow the layouts of published files: SimBA's samples of BORIS 7 and 8 exports and of its own bouts.
"""

import numpy as np
import pytest

from amc.base.errors import AmcError
from amc.ethogram import annotations, timeline
from amc.ethogram.bouts import Bout

EDGES = timeline.edges(np.arange(100) / 10, 10)
BOUTS = [Bout("attack", 10, 25), Bout("sniffing", 20, 31), Bout("attack", 60, 70)]

BORIS_7 = """\
Observation id,testobs,,,,,,,
,,,,,,,,
Media file(s),,,,,,,,
Player #1,D:/videos/Video10.mp4,,,,,,,
,,,,,,,,
Observation date,4/13/2021 12:55,,,,,,,
Time offset (s),0,,,,,,,
independent variables,,,,,,,,
variable,value,,,,,,,
,,,,,,,,
Time,Media file path,Total length,FPS,Subject,Behavior,Behavioral category,Comment,Status
1.0,Z:/rgb/Video10.mp4,10.0,10,,attack,,,START
2.0,Z:/rgb/Video10.mp4,10.0,10,,sniffing,,,START
2.5,Z:/rgb/Video10.mp4,10.0,10,,attack,,,STOP
3.1,Z:/rgb/Video10.mp4,10.0,10,,sniffing,,,STOP
6.0,Z:/rgb/Video10.mp4,10.0,10,,attack,,,START
7.0,Z:/rgb/Video10.mp4,10.0,10,,attack,,,STOP
"""
HEAD_8 = (
    "Observation id,Observation date,Description,Observation duration,Observation type,Source,Media duration (s),FPS,"
    "Subject,Behavior,Behavioral category,Behavior type,Time,Media file name,Image index,Image file path,Comment\n"
)
ROW_8 = "obs,2023-05-09 17:15:54,,10,Media file(s),player #1:v/Video10.mp4,10,10,{},{},,{},{},v/Video10.mp4,NA,NA,\n"
BORIS_8 = HEAD_8 + "".join(
    ROW_8.format("", name, status, time)
    for name, status, time in [
        ("attack", "START", 1), ("attack", "STOP", 2.5), ("sniffing", "START", 2), ("sniffing", "STOP", 3.1),
        ("attack", "START", 6), ("attack", "STOP", 7),
    ]
)  # fmt: skip
AGGREGATED_7 = """\
Observation id\tObservation date\tMedia file\tTotal length\tFPS\tSubject\tBehavior\tBehavioral category\tModifiers\t\
Behavior type\tStart (s)\tStop (s)\tDuration (s)\tComment start\tComment stop
obs\t2019-01-01\tVideo10.mp4\t10\t10\tNo focal subject\tattack\t\t\tSTATE\t1.0\t2.5\t1.5\t\t
obs\t2019-01-01\tVideo10.mp4\t10\t10\tNo focal subject\tsniffing\t\t\tSTATE\t2.0\t3.1\t1.1\t\t
obs\t2019-01-01\tVideo10.mp4\t10\t10\tNo focal subject\tattack\t\t\tSTATE\t6.0\t7.0\t1.0\t\t
"""
SIMBA = """\
Video,Event,Start_time,End Time,Start_frame,End_frame,Bout_time
Video10,attack,1.0,2.5,10,24,1.5
Video10,sniffing,2.0,3.1,20,30,1.1
Video10,attack,6.0,7.0,60,69,1.0
"""
LABELS = ",background,attack,sniffing\n" + "".join(
    f"{k},{int(not (10 <= k < 31 or 60 <= k < 70))},{int(10 <= k < 25 or 60 <= k < 70)},{int(20 <= k < 31)}\n"
    for k in range(100)
)
SAMPLES = {"BORIS 7": BORIS_7, "BORIS 8": BORIS_8, "aggregated 7": AGGREGATED_7, "SimBA": SIMBA, "DeepEthogram": LABELS}


def read(tmp_path, text: str, name: str = "Video10_labels.csv") -> annotations.Annotation:
    (tmp_path / name).write_bytes(text.encode())
    return annotations.read(tmp_path / name)


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_every_generation_gives_the_same_bouts_of_the_same_video(sample, tmp_path):
    found = read(tmp_path, sample)
    assert annotations.bouts(found.of("video10"), EDGES) == BOUTS
    assert {event.video.rpartition("/")[2].removesuffix(".mp4") for event in found.events} <= {"Video10", "obs"}


@pytest.mark.parametrize("change", ["\ufeff{}", "{}\r\n", "{}\n\n"])
def test_byte_order_marks_windows_line_ends_and_empty_lines_do_not_matter(change, tmp_path):
    text = change.format(SIMBA.replace("\n", "\r\n") if "\r" in change else SIMBA)
    assert annotations.bouts(read(tmp_path, text).events, EDGES) == BOUTS


def test_semicolons_and_other_case_in_the_header_do_not_matter(tmp_path):
    text = SIMBA.replace(",", ";").replace("Event", "EVENT")
    assert annotations.bouts(read(tmp_path, text).events, EDGES) == BOUTS


def test_two_animals_that_do_the_same_at_once_are_paired_apart_and_joined(tmp_path):
    rows = [("a", "START", 1), ("b", "START", 2), ("a", "STOP", 3), ("b", "STOP", 5)]
    text = HEAD_8 + "".join(ROW_8.format(who, "attack", status, time) for who, status, time in rows)
    assert annotations.bouts(read(tmp_path, text).events, EDGES) == [Bout("attack", 10, 50)]


def test_a_point_event_is_no_bout_and_its_behaviour_is_not_among_those_with_duration(tmp_path):
    rows = [("bite", "POINT", 3.05), ("attack", "START", 1), ("attack", "STOP", 2), ("bite", "POINT", 0)]
    found = read(tmp_path, HEAD_8 + "".join(ROW_8.format("dog", *row) for row in rows))
    assert annotations.bouts(found.events, EDGES) == [Bout("attack", 10, 20)] and found.behaviours == ("attack",)
    assert annotations.points(found.events, EDGES) == [("bite", "dog", 0, 0), ("bite", "dog", 3.05, 30)]
    with pytest.raises(AmcError, match="'bite' begins at 3.05 s, but the video ends at 2"):
        annotations.points(found.events, EDGES[:21])


def test_an_event_beyond_the_end_is_cut_to_the_video(tmp_path):
    text = SIMBA.splitlines()[0] + "\nVideo10,attack,9,12,90,119,3\n"
    assert annotations.bouts(read(tmp_path, text).events, EDGES) == [Bout("attack", 90, 100)]


def test_an_event_that_begins_after_the_end_is_about_another_video(tmp_path):
    for text in (SIMBA, BORIS_8):
        with pytest.raises(AmcError, match=r"'attack' begins at 6\d? .*, but the video ends at 2"):
            annotations.bouts(read(tmp_path, text.replace(",6.0,", ",60.0,")).events, EDGES[:21])


def test_a_file_about_several_videos_gives_each_its_own(tmp_path):
    found = read(tmp_path, SIMBA.replace("Video10,attack,6.0", "Video11,attack,6.0"))
    assert len(found.of("Video10")) == 2 and len(found.of("Video11")) == 1
    with pytest.raises(AmcError, match="no events of Video12, only of Video10, Video11"):
        found.of("Video12")


def test_a_file_about_one_other_video_is_not_taken_for_this_one(tmp_path):
    with pytest.raises(AmcError, match="no events of Video12, only of Video10"):
        read(tmp_path, SIMBA).of("Video12")


def test_unlabelled_frames_are_told_and_marked_and_every_column_counts_as_looked_for(tmp_path):
    found = read(tmp_path, LABELS.replace("\n0,1,0,0\n", "\n0,1,-1,-1\n").replace("sniffing", "yawning"))
    assert found.notes == ("1 frames are not labelled and do not count",)
    labelled = found.labelled_frames("Video10.mp4")
    assert np.flatnonzero(~labelled).tolist() == [0] and len(labelled) == 100
    assert found.labelled_frames("other") is None
    text = "\n".join(line + ",0" for line in LABELS.splitlines()).replace("sniffing,0", "sniffing,never")
    assert read(tmp_path, text).behaviours == ("attack", "sniffing", "never")


def test_a_time_offset_is_taken_off_wherever_boris_writes_it(tmp_path):
    head, *rows = AGGREGATED_7.splitlines()
    later = [row.replace("\t1.0\t2.5", "\t6\t7.5").replace("\t2.0\t3.1", "\t7\t8.1") for row in rows]
    later = [row.replace("\t6.0\t7.0", "\t11\t12") + "\t5" for row in later]
    aggregated = "\n".join([f"{head}\tTime offset (s)", *later])
    block = BORIS_7.replace("Time offset (s),0", "Time offset (s),0.5")
    for old, new in (
        ("1.0", "1.5"),
        ("2.0", "2.5"),
        ("2.5,Z", "3.0,Z"),
        ("3.1", "3.6"),
        ("6.0", "6.5"),
        ("7.0", "7.5"),
    ):
        block = block.replace(f"\n{old}", f"\n#{new}")
    for text in (aggregated, block.replace("#", "")):
        assert annotations.bouts(read(tmp_path, text).of("video10"), EDGES) == BOUTS
    with pytest.raises(AmcError, match=":2: '6' is no time or frame after an offset of 8 s"):
        read(tmp_path, aggregated.replace("\t5\n", "\t8\n"))


def test_a_behaviour_with_two_modifiers_at_once_is_paired_with_each(tmp_path):
    rows = [("START", 1, "A"), ("START", 2, "B"), ("STOP", 3, "A"), ("STOP", 4, "B")]
    text = HEAD_8.replace("Comment", "Modifier #1") + "".join(
        ROW_8.format("", "attack", status, time).replace(",\n", f",{partner}\n") for status, time, partner in rows
    )
    assert annotations.bouts(read(tmp_path, text).events, EDGES) == [Bout("attack", 10, 40)]


def test_labels_without_any_behaviour_are_still_about_their_video(tmp_path):
    path = tmp_path / "Video10_labels.csv"
    path.write_text(LABELS.replace(",1,0\n", ",0,0\n").replace(",0,1\n", ",0,0\n").replace(",1,1\n", ",0,0\n"))
    found = annotations.read(path)
    assert found.of("Video10.mp4") == () and found.labelled_frames("Video10.mp4").all()
    with pytest.raises(AmcError, match="no events of film, only of Video10"):
        found.of("film")


def test_dots_in_a_name_are_no_ending(tmp_path):
    early, late = "2023-05-01 10.30.15", "2023-05-01 10.30.45"
    rows = SIMBA.replace("Video10,attack,1.0", f"{early},attack,1.0").replace("Video10,", f"{late},")
    found = read(tmp_path, rows)
    assert [len(found.of(name)) for name in (early, f"{early}.mp4", f"{late}.MOV")] == [1, 1, 2]
    boris = read(tmp_path, AGGREGATED_7.replace("Video10.mp4", f"C:\\films\\{early}.mp4"))
    assert len(boris.of(f"{early}.mp4")) == 3


def test_two_observers_of_a_video_are_not_one(tmp_path):
    for text in (AGGREGATED_7, BORIS_8):
        head, *rows = text.splitlines(keepends=True)
        both = head + "".join(rows) + "".join(row.replace("obs", "Ben", 1) for row in rows)
        found = read(tmp_path, both)
        with pytest.raises(AmcError, match="2 observations of Video10.mp4: Ben, obs; give one"):
            found.of("Video10.mp4")


def test_a_point_event_of_boris_has_no_stop(tmp_path):
    found = read(tmp_path, AGGREGATED_7.replace("STATE\t1.0\t2.5\t1.5", "POINT\t1.0\tNA\tNA"))
    assert annotations.points(found.events, EDGES) == [("attack", "", 1, 10)]
    assert annotations.bouts(found.events, EDGES) == BOUTS[1:]


@pytest.mark.parametrize(
    "text, message",
    [
        (BORIS_8.replace("STOP", "START", 1), ":3: START of 'attack' without its partner"),
        (HEAD_8 + ROW_8.format("", "attack", "START", 1), ":2: START of 'attack' is never stopped"),
        (SIMBA.replace("10,24", "10,x"), ":2: 'x' is no time or frame"),
        (SIMBA.replace("10,24", "10,4"), ":2: stops at 5.0 before it starts at 10.0"),
        (LABELS.replace("\n3,1,0,0\n", "\n3,1,0.5,0\n"), "values other than 0, 1 and -1"),
        (BORIS_7.rsplit("7.0,", 1)[0] + "7.0,Z:/rgb/Video10.mp4\n", ":17: names no behaviour"),
        ('{"time_format": "hh:mm:ss"}', "JSON, but no project of BORIS"),
        ("x" * 200_000, "no header of BORIS"),
        ("a,b\n1,2\n", "no header of BORIS aggregated or tabular events, SimBA bouts"),
        ("", "no header"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(text, message, tmp_path):
    with pytest.raises(AmcError) as error:
        read(tmp_path, text)
    assert message in str(error.value) and "\n" not in str(error.value)
