"""An archive gives all its files or one line, and writes nowhere but into its folder."""

import io
import os
import random
import shutil
import tarfile
import zipfile
from collections import namedtuple

import pytest

from amc.base.errors import AmcError
from amc.datasets import download


@pytest.mark.parametrize("kind", ["", "gz", "xz"])
@pytest.mark.parametrize("damage", ["cut", "header", "zeros"])
def test_a_damaged_archive_is_refused_and_nothing_is_unpacked(tmp_path, kind, damage):
    noise = [random.Random(number).randbytes(5000) for number in range(5)]
    with tarfile.open(tmp_path / "a.tar", f"w:{kind}") as file:
        for number, data in enumerate(noise):
            info = tarfile.TarInfo(f"{number}.bin")
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    data = bytearray((tmp_path / "a.tar").read_bytes())
    third = 2 * (512 + 5120)  # where the third member's header begins in a plain archive
    if damage == "cut":
        data = data[:third]
    elif damage == "header":
        data[third : third + 200] = b"?" * 200
    else:
        data[third : third + 512] = bytes(512)
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(AmcError, match="a.tar: cannot be unpacked"):
        download.unpack(tmp_path / "a.tar", tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_a_damaged_or_encrypted_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.bin", "abc" * 1000)
    data = bytearray((tmp_path / "a.zip").read_bytes())
    for place, value in ((38, 0xFF), (6, 1)):  # in the packed bytes; the mark of encryption, here and in the directory
        broken = data.copy()
        broken[place] = value
        if place == 6:
            broken[data.index(b"PK\1\2") + 8] = value
        (tmp_path / "b.zip").write_bytes(broken)
        with pytest.raises(AmcError, match="b.zip: cannot be unpacked"):
            download.unpack(tmp_path / "b.zip", tmp_path / "into")


def tar(path, *members):
    with tarfile.open(path, "w:gz") as file:
        for name, kind in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, "/etc/passwd", 3 if kind == tarfile.REGTYPE else 0
            file.addfile(info, io.BytesIO(b"abc"))
    return path


def test_archives_unpack_into_their_folder(tmp_path):
    path = tar(tmp_path / "a.tar.gz", ("video", tarfile.DIRTYPE), ("video/a.mp4", tarfile.REGTYPE))
    assert download.unpack(path, tmp_path / "tar") == 1
    assert (tmp_path / "tar" / "video" / "a.mp4").read_bytes() == b"abc"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("video/", "")
        file.writestr("video/a.mp4", "abc")
    assert download.unpack(tmp_path / "a.zip", tmp_path / "zip") == 1
    assert (tmp_path / "zip" / "video" / "a.mp4").read_bytes() == b"abc"


@pytest.mark.parametrize("name", ["../out.mp4", "/out.mp4", "video/../../out.mp4"])
def test_an_archive_that_leads_out_of_its_folder_writes_nothing(tmp_path, name):
    path = tar(tmp_path / "a.tar", ("good.mp4", tarfile.REGTYPE), (name, tarfile.REGTYPE))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("good.mp4", "abc")
        file.writestr(name, "abc")
    for archive in (path, tmp_path / "a.zip"):
        with pytest.raises(AmcError, match="leaves the folder"):
            download.unpack(archive, tmp_path / "into")
    assert not (tmp_path / "into").exists() and not (tmp_path / "out.mp4").exists()


def test_links_in_archives_and_what_is_no_archive_are_refused(tmp_path):
    path = tar(tmp_path / "a.tar", ("link", tarfile.SYMTYPE))
    with pytest.raises(AmcError, match="link is neither a file nor a folder"):
        download.unpack(path, tmp_path / "into")
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(AmcError, match="link is neither a file nor a folder"):
        download.unpack(tmp_path / "a.zip", tmp_path / "into")
    (tmp_path / "text").write_text("no archive")
    for name, says in (("text", "cannot be unpacked"), ("absent.tar", "no such file")):
        with pytest.raises(AmcError, match=says):
            download.unpack(tmp_path / name, tmp_path / "into")


def pax(path, headers: dict[str, str]):
    """A tar file of one member with this extended header."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as file:
        info = tarfile.TarInfo("a.txt")
        info.size, info.pax_headers = 1024, headers
        file.addfile(info, io.BytesIO(bytes(1024)))
    return path


@pytest.mark.parametrize("time", ["nan", "inf", "-1e30"])
def test_a_time_that_no_file_can_have_is_left_out(tmp_path, time):
    assert download.unpack(pax(tmp_path / "a.tar", {"mtime": time}), tmp_path / "into") == 1
    assert (tmp_path / "into" / "a.txt").stat().st_size == 1024


def test_wrong_headers_and_names_are_one_line(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("aé.txt", "abc")
    (tmp_path / "a.zip").write_bytes((tmp_path / "a.zip").read_bytes().replace("é".encode(), b"\xff\xfe"))
    wrong = {
        tmp_path / "a.zip": "cannot be unpacked .'utf-8' codec",
        pax(tmp_path / "nul.tar", {"path": "a\0b"}): r"a\\x00b has a null character in its name; nothing was unpacked",
        pax(tmp_path / "map.tar", {"GNU.sparse.map": "0,4,x", "GNU.sparse.size": "9"}): "cannot be unpacked",
        pax(tmp_path / "1.0.tar", {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}): "cannot be unpacked",
    }
    for path, says in wrong.items():
        with pytest.raises(AmcError, match=f"{path}: {says}"):
            download.unpack(path, tmp_path / "into")
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("names", ["a a", "a a/b", "a/b a", "a ./a", "b ."])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_would_take_the_place_of_one_another_are_refused(tmp_path, names):
    names = names.split()
    path = tar(tmp_path / "a.tar", *((name, tarfile.REGTYPE) for name in names))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for name in names:
            file.writestr(name, "abc")
    for archive in (path, tmp_path / "a.zip"):
        with pytest.raises(AmcError, match="is in it twice, or as a file and a folder; nothing was unpacked"):
            download.unpack(archive, tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_an_archive_without_files_is_refused(tmp_path):
    (tmp_path / "zeros.zip").write_bytes(bytes(10**6))
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    for path in (tmp_path / "zeros.zip", tmp_path / "empty.zip", tar(tmp_path / "a.tar", (".", tarfile.DIRTYPE))):
        with pytest.raises(AmcError, match=f"{path}: holds no file; get it again"):
            download.unpack(path, tmp_path / "into")


def test_a_tar_that_ends_with_a_zip_is_unpacked_as_the_tar_that_it_is(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("inside.txt", "abc")
    for kind in ("", "gz"):
        with tarfile.open(tmp_path / "a.tar", f"w:{kind}") as file:
            for name, data in (("video/a.mp4", b"film"), ("last.zip", inner.getvalue())):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))
        assert download.unpack(tmp_path / "a.tar", tmp_path / f"into{kind}") == 2
        assert (tmp_path / f"into{kind}" / "video" / "a.mp4").read_bytes() == b"film"
        assert (tmp_path / f"into{kind}" / "last.zip").read_bytes() == inner.getvalue()


def packed(path, kind: str, *sizes: int):
    """An archive of files 0.mp4, 1.mp4 … of so many bytes that nothing makes smaller."""
    files = [(f"{number}.mp4", random.Random(number).randbytes(size)) for number, size in enumerate(sizes)]
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in files:
                file.writestr(name, data)
    else:
        with tarfile.open(path, f"w:{kind}") as file:
            for name, data in files:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("kind", ["", "gz", "zip"])
@pytest.mark.parametrize("kept", [0.2, 0.7, 0.85])
def test_a_cut_archive_is_said_to_be_cut_and_leaves_nothing(tmp_path, kind, kept):
    path = packed(tmp_path / "a", kind, 5000, 50_000, 5000)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(AmcError, match=r"cannot be unpacked \(.*(its end is missing|unexpected end|ended before)"):
        download.unpack(path, tmp_path / "into")
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("kind", ["", "gz", "zip"])
def test_an_unpacking_that_is_killed_leaves_no_cut_file_under_its_own_name(tmp_path, monkeypatch, kind):
    path, into = packed(tmp_path / "a", kind, 5000, 5000, 5000), tmp_path / "into"
    read, blocks = download._block, iter(range(99))
    monkeypatch.setattr(download, "BLOCK_SIZE", 1000)
    # Five blocks and the end make a file: killed in the middle of the second one.
    monkeypatch.setattr(download, "_block", lambda source: read(source) if next(blocks) < 9 else os._exit(7))
    if not (child := os.fork()):
        download.unpack(path, into)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert {file.name: file.stat().st_size for file in into.glob("[0-9]*")} == {"0.mp4": 5000}
    monkeypatch.undo()
    assert download.unpack(path, into) == 3  # the same command goes on
    assert [file.stat().st_size for file in sorted(into.glob("[0-9]*"))] == [5000] * 3


def test_a_damaged_member_of_a_zip_leaves_the_whole_ones_and_no_part_of_itself(tmp_path):
    path = packed(tmp_path / "a.zip", "zip", 5000, 5000)
    data = bytearray(path.read_bytes())
    data[7000] ^= 0xFF  # in the second member
    path.write_bytes(data)
    with pytest.raises(AmcError, match="cannot be unpacked"):
        download.unpack(path, tmp_path / "into")
    assert [file.name for file in (tmp_path / "into").iterdir()] == ["0.mp4"]


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_an_archive_that_unpacks_to_more_than_the_disk_holds_is_refused_before_anything_is_written(
    tmp_path, monkeypatch, kind
):
    path = packed(tmp_path / "a", kind, 5000, 5000)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 9999))
    with pytest.raises(AmcError, match=r"unpacks to 0.0 GB, but .*into has 0.0 GB free; free some"):
        download.unpack(path, tmp_path / "into")
    assert not (tmp_path / "into").exists()
