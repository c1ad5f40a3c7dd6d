"""A score file comes back bit for bit, or is refused in one line."""

from dataclasses import replace

import numpy as np
import pytest

from amc.base.errors import AmcError
from amc.scores import Scores


@pytest.fixture
def scores() -> Scores:
    rng = np.random.default_rng(0)
    return Scores(
        ids=np.array(["a", "bb", "c"]),
        names=np.array(["jumping", "Affection ☂"]),
        labels=np.array([[1, 0], [0, 1], [1, 1]], dtype=bool),
        logits=rng.normal(size=(3, 4, 2)).astype(np.float32),
        frames=rng.integers(0, 9, (3, 4, 5), dtype=np.int32),
        num_frames=np.array([9, 10, 11], dtype=np.int32),
        species=np.array(["fox", "", "hare;fox"]),
        meta={"stamps": ["random weights"], "parameters": {"scheme": "dense", "num_windows": 4}},
    )


def test_what_is_saved_is_loaded_again_bit_for_bit(scores, tmp_path):
    loaded = Scores.load(scores.save(tmp_path / "new" / "s.npz"))
    for name in ("ids", "names", "labels", "logits", "frames", "num_frames", "species"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(scores, name))
        assert getattr(loaded, name).dtype == getattr(scores, name).dtype
    assert loaded.meta == scores.meta


def test_saving_twice_gives_the_same_bytes(scores, tmp_path):
    first, second = (scores.save(tmp_path / name).read_bytes() for name in ("1.npz", "2.npz"))
    assert first == second


def test_probs_are_a_sigmoid_that_neither_overflows_nor_ties_large_logits(scores):
    logits = np.zeros((3, 4, 2), dtype=np.float32)
    logits[0, 0], logits[0, 1] = (-1000, 1000), (25, 26)
    probs = replace(scores, logits=logits).probs
    assert probs[0, 0].tolist() == [0, 1]
    assert probs[0, 1, 0] < probs[0, 1, 1] < 1
    assert probs[1, 0, 0] == 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros((2, 2), bool)}, "labels"),
        ({"logits": np.zeros((3, 2), np.float32)}, "logits"),
        ({"logits": np.full((3, 4, 2), np.nan, np.float32)}, "3 videos have logits that are not finite, first a"),
        ({"frames": np.zeros((3, 3, 5), np.int32)}, "frames"),
        ({"frames": np.zeros((3, 0, 5), np.int32), "logits": np.zeros((3, 0, 2), np.float32)}, "logits"),
        ({"labels": np.zeros((3, 2), int)}, "labels is int64"),
        ({"ids": np.array(["a", "a", "c"])}, "twice"),
        ({"ids": np.array(["a", "b", "c"], dtype=object)}, "ids"),
        ({"names": np.array(["x", "y", "z"])}, "labels"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(scores, change, message):
    with pytest.raises(AmcError, match=message):
        replace(scores, **change)


def test_a_predictor_that_looks_at_no_frame_is_allowed_one_without_classifiers_or_behaviours_is_not(scores, tmp_path):
    blind = replace(scores, frames=np.zeros((3, 4, 0), np.int32))
    assert Scores.load(blind.save(tmp_path / "s.npz")).frames.shape == (3, 4, 0)
    for axis, name in ((1, "labels"), (1, "logits"), (2, "logits")):
        with pytest.raises(AmcError, match=name):
            replace(blind, **{name: np.delete(getattr(blind, name), np.s_[:], axis)})


def damaged(path, content: bytes):
    return {
        "missing": lambda: path.unlink(),
        "empty": lambda: path.write_bytes(b""),
        "truncated": lambda: path.write_bytes(content[: len(content) // 2]),
        "flipped": lambda: path.write_bytes(content[:900] + bytes([content[900] ^ 255]) + content[901:]),
        "text": lambda: path.write_text("video,score\n"),
        "array": lambda: np.save(path.with_suffix(".npy"), np.zeros(3)) or path.with_suffix(".npy").rename(path),
        "foreign": lambda: np.savez(path, meta="{}", a=np.zeros(3)),
        "pickle": lambda: np.savez(path, meta=np.array([{}], dtype=object)),
    }


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "flipped", "text", "array", "foreign", "pickle"])
def test_a_missing_damaged_or_foreign_file_gives_one_clear_line(scores, tmp_path, damage):
    path = scores.save(tmp_path / "s.npz")
    damaged(path, path.read_bytes())[damage]()
    with pytest.raises(AmcError, match=r"s\.npz: not a readable score file") as caught:
        Scores.load(path)
    assert "\n" not in str(caught.value)


def test_a_failed_write_leaves_the_earlier_file_as_it_was(scores, tmp_path):
    path = scores.save(tmp_path / "s.npz")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        replace(scores, meta={"x": float("nan")}).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".npz"] == ["s.npz"]
