"""One flipped bit is noticed in every kind of file that is written to be read again."""

import io
import json
import random
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch
from safetensors.torch import load_file, save_file

from amc.base import bundled, checkpoint, paths, seal
from amc.base.errors import AmcError
from amc.datasets import cached, codecs
from amc.datasets.store import PixelCache
from amc.datasets.table import Clip, ClipTable
from amc.ethogram import predictor
from amc.ethogram.out_of_distribution import OutOfDistribution
from amc.runs import lookup, results
from amc.runs.ablation import ablation
from amc.scores import Scores
from amc.synth import raft_train as raft_train

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = 60  # bits flipped in each kind of file, besides all those of its seal

Kind = tuple[Path, Callable[[], object]]  # a file, and what reads it, or makes its content again and says so


def scores(folder: Path) -> Kind:
    rng = np.random.default_rng(0)
    ids, names, labels = np.array(["a", "b"]), np.array(["x", "y"]), np.eye(2, dtype=bool)
    logits, frames = rng.normal(size=(2, 3, 2)).astype(np.float32), np.zeros((2, 3, 1), np.int32)
    made = Scores(ids, names, labels, logits, frames, np.full(2, 9, np.int32), np.array(["", "fox"]))
    path = made.save(folder / "s.npz")
    return path, lambda: Scores.load(path).logits.tolist()


def model(folder: Path) -> Kind:
    path = folder / "model.safetensors"
    checkpoint.save(torch.nn.Linear(3, 2), path, {"names": ["x", "y"]})
    return path, lambda: (checkpoint.read(path)[0]["weight"].tolist(), checkpoint.read(path)[1])


def state(folder: Path) -> Kind:
    path = folder / "last.pt"
    checkpoint.save_state(path, {"epoch": 3, "model": {"w": torch.arange(5.0)}, "best": {}})
    return path, lambda: checkpoint.load_state(path)["model"]["w"].tolist()


def raft_state(folder: Path) -> Kind:
    path = folder / raft_train.STATE
    checkpoint.save_state(path, {"run": {"step": 3}, "model": {"w": torch.arange(5.0)}})
    return path, lambda: raft_train.state(folder)


def record(folder: Path) -> Kind:
    path = results.write("03_ablation", {"scheme": "sparse"}, [{"map_macro": 12.5, "µ": None}], {"commit": "ab"})
    return path, lambda: results.load(path)


def card(folder: Path) -> Kind:
    path = bundled.write(torch.nn.Linear(3, 2), "tiny", {"steps": 12}, meta={})
    return path.with_suffix(".json"), lambda: bundled.find("tiny")[1]


def carded_weights(folder: Path) -> Kind:
    path = bundled.write(torch.nn.Linear(3, 2), "tiny", {"steps": 12}, meta={})
    return path, lambda: bundled.find("tiny")[1]


def table(folder: Path) -> Kind:
    clips = tuple(Clip(f"c{k}", Path("v.mp4"), (0,), "train", 10 + k, "fox") for k in range(3))
    found = ClipTable("t", ("x", "y"), clips)
    cached.table("t", [], lambda: found)
    (path,) = (paths.cache() / "tables").glob("*.json")
    return path, lambda: cached.table("t", [], lambda: replace(found, notes=("read again",))).clips


def pictures(folder: Path, codec=None, dtype=torch.uint8) -> Kind:
    cache = PixelCache(folder, codec)
    values = torch.arange(2 * 2 * 8 * 9).reshape(2, 2, 8, 9).to(dtype)
    cache.get("abc", [4, 7], lambda indices: values, dtype)
    (path,) = folder.rglob("*.safetensors")
    return path, lambda: cache.get("abc", [4, 7], lambda indices: values, dtype).tolist()


def fields(folder: Path) -> Kind:
    return pictures(folder, None, torch.float16)


def packed_fields(folder: Path) -> Kind:
    return pictures(folder, codecs.jpeg(20.0), torch.float16)


def detector(folder: Path) -> Kind:
    OutOfDistribution(np.arange(3.0), np.eye(3), 1.5).save(folder / "f.npz")
    return folder / "f.npz", lambda: OutOfDistribution.load(folder / "f.npz").mean.tolist()


KINDS = (
    scores, model, state, raft_state, record, card, carded_weights, table, pictures, fields, packed_fields, detector,
)  # fmt: skip


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("AMC_REPORTS", str(tmp_path / "reports"))
    monkeypatch.setattr(bundled, "place", lambda name: tmp_path / "weights" / f"{name}.safetensors")


def is_noticed(read: Callable[[], object]) -> bool:
    """Whether reading ends with one line, or says in a warning that it makes the content again."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            read()
        except AmcError as error:
            return "\n" not in str(error)
        except ValueError as error:  # of `load_state`, whose callers make a line or a warning of it
            return str(error) in (seal.WRONG, seal.NONE)
    return any("damaged" in str(one.message) and "again" in str(one.message) for one in told)


@pytest.mark.parametrize("kind", KINDS)
def test_every_flipped_bit_is_noticed(kind, tmp_path):
    path, read = kind(tmp_path)
    right, data = read(), path.read_bytes()
    assert read() == right and not is_noticed(read)
    bits = random.Random(0).sample(range(8 * len(data)), SAMPLE)
    if (at := data.find(b"amc-sha256:")) >= 0:
        bits += random.Random(1).sample(range(8 * at, 8 * (at + 75)), SAMPLE)  # of the seal itself
    silent = []
    for bit in bits:
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        if not is_noticed(read):
            silent.append(bit)
    assert silent == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: data + b"\n"])
def test_a_cut_an_empty_and_a_longer_file_are_noticed(kind, damage, tmp_path):
    path, read = kind(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert is_noticed(read)


def test_a_damaged_run_does_not_hide_the_others_and_is_told_when_it_is_named():
    [cell] = ablation(scheme="sparse", modality="rgb", size="smoke")
    runs = [paths.cache() / "runs" / name / lookup.MODEL for name in ("one", "two")]
    for path in runs:
        checkpoint.save(torch.nn.Linear(3, 2), path, {"experiment": cell.asdict()})
    runs[1].write_bytes(runs[1].read_bytes()[:-1] + b"x")
    assert lookup.find("sparse rgb seed 0") == runs[0] and lookup.find("two") == runs[1]
    with pytest.raises(AmcError, match=r"\? \(two, "):
        lookup.find("three")
    with pytest.raises(AmcError, match="its sha256 is not the one inside it"):
        predictor.by_model("two")


@pytest.mark.parametrize("pattern", ["reports/**/*.json", "reports/**/*.npz", "data/weights/*"])
def test_what_is_committed_is_as_it_was_written(pattern):
    files = [path for path in sorted(ROOT.glob(pattern)) if path.parent.name in ("results", "scores", "weights")]
    assert len(files) >= 4
    for path in files:
        seal.check(path)


def test_other_programs_read_what_is_sealed(tmp_path):
    with np.load(scores(tmp_path)[0]) as file:
        assert file["names"].tolist() == ["x", "y"]
    assert torch.load(state(tmp_path)[0], weights_only=True)["epoch"] == 3
    assert load_file(model(tmp_path)[0])["weight"].shape == (2, 3)
    assert json.loads(record(tmp_path)[0].read_text(encoding="utf-8"))["rows"][0]["map_macro"] == 12.5


def test_weights_of_other_programs_need_no_seal_and_ours_do(tmp_path):
    path = tmp_path / "theirs.safetensors"
    save_file({"w": torch.ones(2)}, path, metadata={"format": "pt"})
    assert checkpoint.read(path)[0]["w"].tolist() == [1, 1]
    save_file({"w": torch.ones(2)}, path, metadata={"amc": "{}"})  # as ours were before there were seals
    with pytest.raises(AmcError, match="has no seal"):
        checkpoint.read(path)


def test_a_text_that_looks_like_a_seal_is_not_written_over(tmp_path):
    with pytest.raises(ValueError, match="holds the text of a seal"):
        seal.write(tmp_path / "x", f"amc-sha256:{'1' * 64} {seal.EMPTY}".encode())
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("text", ["a/amc-sha256:1/b.mp4", "\\amc-sha256:", seal.EMPTY])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_path_that_looks_like_a_seal_comes_back_as_it_was(tmp_path, text, indent):
    seal.write_json(tmp_path / "x.json", {"path": [text], text: 1}, indent=indent)
    assert seal.read_json(tmp_path / "x.json") == {"path": [text], text: 1}
    checkpoint.save(torch.nn.Linear(3, 2), tmp_path / "x.safetensors", {"path": text})
    assert checkpoint.read(tmp_path / "x.safetensors")[1] == {"path": text}


@pytest.mark.parametrize("while_read", [False, True])
def test_a_table_whose_source_is_replaced_while_it_is_read_is_not_stored(tmp_path, while_read):
    source = tmp_path / "clips.csv"

    def build(replaced=False):
        found = source.read_text()
        if replaced:
            source.write_text("another text")
        return ClipTable("t", ("x",), (Clip(found.replace(" ", "-"), Path("v.mp4"), (0,), "train"),))

    source.write_text("text")
    cached.table("t", [source], lambda: build(replaced=while_read))
    assert len([*(paths.cache() / "tables").glob("*.json")]) == (not while_read)
    assert cached.table("t", [source], build).clips == build().clips


def test_a_file_name_that_is_no_utf_8_comes_back_as_it_was(tmp_path):
    seal.write_json(tmp_path / "x.json", {"path": "caf\udce8.mp4", "µ": 1})
    assert seal.read_json(tmp_path / "x.json") == {"path": "caf\udce8.mp4", "µ": 1}
    assert "µ" in (tmp_path / "x.json").read_text(encoding="utf-8")


def test_a_sealed_zip_is_the_zip_that_numpy_wrote_with_a_comment(tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, a=np.arange(3))
    plain = buffer.getvalue()
    seal.write_zip(tmp_path / "a.npz", buffer)
    assert (tmp_path / "a.npz").read_bytes()[: len(plain) - 2] == plain[:-2]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_weights_that_are_not_finite_are_not_written_and_are_named(value, tmp_path):
    layer = torch.nn.Linear(3, 2)
    with torch.no_grad():
        layer.bias[1] = value
    with pytest.raises(AmcError, match="1 of 2 values of bias are not finite"):
        checkpoint.save(layer, tmp_path / "w.safetensors", {}, dtype=torch.float16)
    assert not (tmp_path / "w.safetensors").exists()


def test_a_file_replaced_while_it_is_read_is_read_again(tmp_path):
    path, values = tmp_path / "values.json", iter(({"is": "new"}, {"is": "newer"}))
    seal.write_json(path, {"is": "old"})

    def read(path):
        found = path.read_text()
        if (value := next(values, None)) is not None:
            seal.write_json(path, value)
        return json.loads(found)["is"]

    assert seal.load(path, read) == "newer"


def test_an_error_of_a_replaced_file_is_not_that_of_the_new_one(tmp_path):
    path, values = tmp_path / "values.json", iter(({"is": "new"},))
    path.write_text("damaged")

    def read(path):
        return json.loads(path.read_text())["is"]

    def check(path, check=seal.check):
        for value in values:
            seal.write_json(path, value)
            raise ValueError("damaged")
        check(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seal, "check", check)
        assert seal.load(path, read) == "new"
    path.write_text("damaged")
    with pytest.raises(ValueError, match="no seal"):
        seal.load(path, read)


def test_weights_replaced_while_they_are_read_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "weights.safetensors"
    save_file({"weight": torch.zeros(3)}, path)

    def replaced(path, open=safetensors.safe_open, **kwargs):
        save_file({"weight": torch.ones(3)}, tmp_path / "new.safetensors")
        (tmp_path / "new.safetensors").replace(path)
        return open(path, **kwargs)

    monkeypatch.setattr(safetensors, "safe_open", replaced)
    with pytest.raises(AmcError, match="was replaced while it was read; run the same again"):
        checkpoint.read(path)
