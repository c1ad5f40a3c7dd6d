"""Property tests: whatever stands in a table, a name or a parameter, it is read whole or refused in one line."""

import csv
import inspect
import io
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from amc.base import parameters
from amc.base.errors import AmcError, printable
from amc.datasets import charades, delimited, folder, names
from amc.runs.ablation import ablation

SIGNS = "abé,;\t\" \n\r'|\u200b\u2028\u0301\u00a0.0=\x00\ufeff\x85"
TEXT = st.text(SIGNS, max_size=12) | st.text(max_size=4)
PLAIN = st.text("abcdéü-_.'&", min_size=1, max_size=8)


def one_line(error: AmcError, path: Path) -> None:
    assert "\n" not in str(error) and str(error).isprintable()
    assert str(path) in str(error)


@given(
    rows=st.lists(st.tuples(PLAIN, st.lists(PLAIN, min_size=1, max_size=3)), min_size=1, max_size=6),
    separator=st.sampled_from(delimited.SEPARATORS), end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    header=st.sampled_from([("file", "labels"), ("File", "LABELS"), (" file", "labels "), ("file", "labels", "")]),
    blank=st.integers(0, 3),
)  # fmt: skip
def test_properties_every_row_that_a_program_writes_comes_back_with_its_line(
    rows, separator, end, quoting, encoding, header, blank
):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerow(header)
    text.write(end * blank)
    writer.writerows([(file, ";".join(labels), *header[2:]) for file, labels in rows])
    with tempfile.TemporaryDirectory() as root:
        path = Path(root) / "labels.csv"
        path.write_bytes(text.getvalue().encode(encoding))
        found = delimited.read(path, ("file", "labels"))
    wanted = [{"file": file, "labels": ";".join(labels)} for file, labels in rows]
    assert found == list(zip(range(2 + blank, 2 + blank + len(rows)), wanted, strict=True))


@given(head=st.sampled_from(["file,labels", "file;labels", "file\tlabels", ""]), body=st.lists(TEXT, max_size=8))
def test_properties_no_cell_of_any_text_vanishes(head, body):
    text = "\n".join([head, *body])
    with tempfile.TemporaryDirectory() as root:
        path = Path(root) / "labels.csv"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            found = delimited.read(path, ("file", "labels"))
        except AmcError as error:
            return one_line(error, path)
    separator = head[4]
    lines = io.StringIO(text, newline="").readlines()
    for number, line in enumerate(lines[1:], start=2):  # every line with something in it is a row, in whole
        kept = "".join("".join(row.values()) for at, row in found if at == number)
        assert dull(kept) == dull(line.replace(separator, "") if '"' not in line else kept)
        assert bool(dull(line.replace(separator, "").replace('"', ""))) <= any(at == number for at, _ in found)


def dull(text: str) -> str:
    return "".join(text.split())


@given(
    data=st.binary(max_size=80),
    head=st.sampled_from([b"", b"file,labels\n", b"\xff\xfe", b"\xef\xbb\xbffile;labels\n"]),
)
def test_properties_any_bytes_are_rows_or_one_line(data, head):
    with tempfile.TemporaryDirectory() as root:
        path = Path(root) / "labels.csv"
        path.write_bytes(head + data)
        for reader in (
            lambda: folder.index(root),
            lambda: charades.read(path, 9),
            lambda: charades.read_light(path, 9),
        ):
            try:
                reader()
            except AmcError as error:
                one_line(error, path)


@given(frames=st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 9)), min_size=1, max_size=20))
def test_properties_the_frames_of_a_clip_are_the_distinct_ones(frames):
    with tempfile.TemporaryDirectory() as root:
        path = Path(root) / "train.csv"
        rows = [f"{clip} 0 {frame} p 2 train" for clip, frame in frames]
        path.write_text("\n".join(["original_vido_id video_id frame_id path labels type", *rows]))
        found = {clip: entry.num_frames for clip, entry in charades.read(path, 9).items()}
    assert found == {clip: len({at for name, at in frames if name == clip}) for clip in dict(frames)}


@given(labels=st.lists(st.lists(TEXT, min_size=1, max_size=3), min_size=6, max_size=12))
def test_properties_a_folder_keeps_every_clip_with_all_its_labels_or_names_the_line(labels):
    with tempfile.TemporaryDirectory() as root:
        path = Path(root) / "labels.csv"
        text = io.StringIO(newline="")
        rows = [(f"{number}.mp4", ";".join(found)) for number, found in enumerate(labels)]
        csv.writer(text).writerows([("file", "labels"), *rows])
        for file, _ in rows:
            (Path(root) / file).touch()
        path.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))
        try:
            table = folder.index(root)
        except AmcError as error:
            return one_line(error, path)
    found = {clip.id: {names.key(table.names[label]) for label in clip.labels} for clip in table.clips}
    wanted = {file: {names.key(label) for label in names_of.split(";")} - {""} for file, names_of in rows}
    assert found == wanted


@given(name=TEXT, other=TEXT)
def test_properties_a_clean_name_is_clean_and_names_of_one_key_are_never_two(name, other):
    assert names.clean(names.clean(name)) == names.clean(name)
    assert names.key(names.clean(name)) == names.key(name)
    try:
        names.check([name, other], "own")
    except AmcError as error:
        assert str(error).isprintable()
    else:
        assert names.key(name) != names.key(other) and not {",", '"'} & {*name, *other}


@given(text=st.text(max_size=20) | st.binary(max_size=20).map(lambda data: data.decode("utf-8", "surrogateescape")))
def test_properties_a_printable_path_is_one_line_of_utf_8_and_stays_as_it_is(text):
    once = printable(text)
    assert once.isprintable() and once.encode() and printable(once) == once if text else once == ""


VALUES = st.one_of(
    *(st.none(), st.booleans(), st.integers(-2, 3), st.floats(), st.text(max_size=5)),
    *(st.lists(st.integers(0, 2), max_size=2), st.dictionaries(st.text(max_size=2), st.none(), max_size=1)),
    st.sampled_from(["sparse", "rgb", "smoke", "0,1", "dis"]),
)
ASKED = sorted(inspect.signature(ablation).parameters)


@given(asked=st.dictionaries(st.sampled_from(ASKED), VALUES, min_size=1, max_size=3))
def test_properties_any_value_of_a_parameter_is_a_cell_or_one_line(asked):
    try:
        cells = parameters.take({"In": []} | asked, ablation)
    except AmcError as error:
        assert str(error).isprintable() and any(str(error).startswith(name) for name in (*ASKED, "flow", "size"))
    else:
        assert cells and all(isinstance(asked.get("pretrained", ""), str) for _ in cells)
