import errno
import multiprocessing
import os
import warnings

import pytest
import torch
from safetensors.torch import load_file, save

from amc.base import seal
from amc.base.digests import content_key, digest
from amc.base.errors import AmcError
from amc.datasets.store import PixelCache

KEY = "abcdef"


class Compute:
    """Values that tell their index, and a record of what was asked for."""

    def __init__(self, size=(2, 3, 4)):
        self.asked, self.size = [], size

    def __call__(self, indices):
        self.asked.append(indices)
        return torch.stack([torch.full(self.size, index + 1 / 3) for index in indices])


def get(cache, indices, compute, dtype=torch.float16):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return cache.get(KEY, indices, compute, dtype)


def path_of(cache):
    (path,) = cache.folder.rglob("*.safetensors")
    return path


def test_only_missing_values_are_computed_sorted_and_once(tmp_path):
    compute = Compute()
    get(PixelCache(tmp_path), [5, 2, 5], compute)
    found = get(PixelCache(tmp_path), [9, 2, 5, 0, 9], compute)
    assert compute.asked == [[2, 5], [0, 9]]
    assert found[:, 0, 0, 0].round().tolist() == [9, 2, 5, 0, 9]
    file = load_file(path_of(PixelCache(tmp_path)))
    assert file["index"].tolist() == [0, 2, 5, 9] and file["values"].dtype == torch.float16


def test_fresh_and_kept_values_are_the_same_bits(tmp_path):
    fresh = get(PixelCache(tmp_path), [1, 2], Compute())
    kept = get(PixelCache(tmp_path), [1, 2], Compute())
    uncached = get(PixelCache(None), [1, 2], Compute())
    assert fresh.dtype == torch.float16 and torch.equal(fresh, kept) and torch.equal(fresh, uncached)


def test_pictures_keep_their_bytes(tmp_path):
    picture = torch.randint(0, 256, (1, 3, 4, 5), dtype=torch.uint8)
    for _ in range(2):
        assert torch.equal(get(PixelCache(tmp_path), [7], lambda indices: picture, torch.uint8), picture)


def test_keys_do_not_mix(tmp_path):
    cache = PixelCache(tmp_path)
    cache.get("aa1", [0], lambda indices: torch.zeros(1, 2), torch.float16)
    assert cache.get("aa2", [0], lambda indices: torch.ones(1, 2), torch.float16).tolist() == [[1, 1]]


def flip_a_byte(data):
    middle = len(data) - 400
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("damage", [flip_a_byte, lambda data: data[:300], lambda data: b"", lambda data: b"text" * 99])
def test_a_damaged_file_is_announced_computed_again_and_replaced(tmp_path, damage):
    cache, compute = PixelCache(tmp_path), Compute((2, 30, 40))
    right = get(cache, [3, 4], compute)
    path_of(cache).write_bytes(damage(path_of(cache).read_bytes()))
    with pytest.warns(UserWarning, match="damaged.*computed again"):
        assert torch.equal(cache.get(KEY, [3, 4], compute, torch.float16), right)
    assert torch.equal(get(cache, [3, 4], compute), right) and len(compute.asked) == 2


@pytest.mark.parametrize(
    "arrays",
    [
        {"index": torch.tensor([3])},
        {"index": torch.tensor([3, 4]), "values": torch.zeros(1, 2, dtype=torch.float16)},
        {"index": torch.tensor([3]), "values": torch.zeros(1, 2, dtype=torch.uint8)},
        {"index": torch.tensor([3]), "values": torch.full((1, 2), torch.nan, dtype=torch.float16)},
    ],
)
def test_a_file_with_other_content_counts_as_damaged(tmp_path, arrays):
    path = tmp_path / KEY[:2] / f"{KEY}.safetensors"
    path.parent.mkdir()
    seal.write(path, save(arrays, metadata=seal.metadata({})))
    with pytest.warns(UserWarning, match="damaged"):
        assert PixelCache(tmp_path).get(KEY, [3], Compute(), torch.float16).shape == (1, 2, 3, 4)


def test_values_of_another_shape_are_announced_and_computed_again(tmp_path):
    get(PixelCache(tmp_path), [0, 1], Compute((2, 8, 8)))
    with pytest.warns(UserWarning, match="another shape"):
        found = PixelCache(tmp_path).get(KEY, [1, 2], Compute((2, 4, 4)), torch.float16)
    assert found.shape == (2, 2, 4, 4)
    assert get(PixelCache(tmp_path), [1, 2], None).shape == (2, 2, 4, 4)


def test_a_full_disk_is_announced_once_and_costs_no_result(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    cache = PixelCache(tmp_path)
    kept = get(cache, [0], Compute())
    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(UserWarning, match="No space left.*without this cache"):
        found = cache.get(KEY, [0, 1], Compute(), torch.float16)
    assert torch.equal(found[:1], kept) and len(found) == 2
    assert len(get(cache, [2], Compute())) == 1  # and no second warning
    monkeypatch.undo()
    assert torch.equal(get(PixelCache(tmp_path), [0], None), kept)  # what was kept before is still there
    assert len(list(tmp_path.rglob("*.*"))) == 1  # and no half a file beside it


def write_often(folder, first):
    cache = PixelCache(folder)
    for i in range(30):
        cache.get(KEY, [first + i], Compute((2, 30, 40)), torch.float16)


def test_concurrent_writers_never_leave_a_wrong_or_half_file(tmp_path):
    workers = [multiprocessing.get_context("fork").Process(target=write_often, args=(tmp_path, n)) for n in (0, 100)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(worker.exitcode == 0 for worker in workers)
    file = load_file(path_of(PixelCache(tmp_path)))
    index, values = file["index"], file["values"]
    assert len(index) and (values[:, 0, 0, 0].round() == index).all()
    both = [*range(30), *range(100, 130)]
    found = PixelCache(tmp_path).get(KEY, both, Compute((2, 30, 40)), torch.float16)  # what one lost to the other too
    assert found[:, 0, 0, 0].round().tolist() == both


def test_no_folder_means_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    compute = Compute()
    for _ in range(2):
        get(PixelCache(None), [1], compute)
    assert len(compute.asked) == 2 and not list(tmp_path.iterdir())


def test_a_key_changes_with_content_and_parts_only(tmp_path):
    a, b = tmp_path / "a.mp4", tmp_path / "b.mp4"
    a.write_bytes(b"1" * 3000), b.write_bytes(b"1" * 3000)
    assert content_key(a, "dis", 128) == content_key(b, "dis", 128)
    assert len({content_key(a, *parts) for parts in [("dis", 128), ("dis", "128"), ("dis", 12, 8), ("dis",), ()]}) == 5
    before = content_key(a)
    a.write_bytes(b"1" * 1500 + b"2" + b"1" * 1499)
    os.utime(a, ns=(1, 1))  # as if written at another time, however coarse the clock
    assert content_key(a) != before and len(before) == 64


def test_a_folder_of_pictures_has_a_digest_of_names_and_content(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"one"), (tmp_path / "2.jpg").write_bytes(b"two")
    before = digest(tmp_path)
    (tmp_path / "2.jpg").rename(tmp_path / "3.jpg")
    renamed = digest(tmp_path)
    (tmp_path / "3.jpg").write_bytes(b"three")
    assert len({before, renamed, digest(tmp_path)}) == 3


def test_a_missing_file_has_no_key(tmp_path):
    with pytest.raises(AmcError, match="nowhere.mp4"):
        content_key(tmp_path / "nowhere.mp4")
