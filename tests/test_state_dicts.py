"""Files of weights in every form that other tools write: the same tensors come out, or one line says what is wrong."""

import collections
import io
import json
import zipfile

import pytest
import safetensors.torch
import torch
from torch import nn

from amc.base import checkpoint, state_dicts
from amc.base.errors import AmcError


class Holder(nn.Module):
    """A module of parameters with given names, which can be scripted."""

    def __init__(self, state: dict[str, torch.Tensor]):
        super().__init__()
        for name in {name.split(".")[0]: None for name in state}:
            if name in state:
                self.register_buffer(name, state[name])
            else:
                inside = {n.split(".", 1)[1]: x for n, x in state.items() if n.startswith(f"{name}.")}
                self.add_module(name, Holder(inside))

    def forward(self):
        return 0


def scripted(state, path):
    torch.jit.save(torch.jit.script(Holder(state)), path)


def legacy(content, path):
    torch.save(content, path, _use_new_zipfile_serialization=False)


WRITERS = {"safetensors": safetensors.torch.save_file, "zip": torch.save, "legacy": legacy, "torchscript": scripted}


def state() -> dict[str, torch.Tensor]:
    """Halves, whole numbers, a scalar, an empty tensor."""
    return {
        "visual.proj": torch.arange(6.0).view(2, 3),
        "visual.ln.weight": torch.tensor([0.5, -2]).half(),
        "bn.num_batches_tracked": torch.tensor(7),
        "logit_scale": torch.tensor(4.6),
        "none": torch.zeros(0, 3),
    }


def same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> bool:
    return found.keys() == expected.keys() and all(
        found[name].dtype == x.dtype and torch.equal(found[name], x) for name, x in expected.items()
    )


def tensors(path) -> dict[str, torch.Tensor]:
    return checkpoint.read(path)[0]


def fails(match: str):
    return pytest.raises(AmcError, match=match)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors", ".ckpt", ""])
@pytest.mark.parametrize("form", WRITERS)
def test_the_content_decides_how_a_file_is_read_and_not_its_suffix(tmp_path, form, suffix):
    WRITERS[form](state(), tmp_path / f"weights{suffix}")
    assert same(tensors(tmp_path / f"weights{suffix}"), state())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: {"model": x, "optimizer": {"state": {"fc.weight": {"exp_avg": torch.ones(2)}}, "lr": 1e-4}},
        lambda x: {"state_dict": x, "epoch": 3, "best": torch.tensor(0.5), "hyper_parameters": {"name": "ViT"}},
        lambda x: {"model_state_dict": collections.OrderedDict(x), "loss": [0.5, 0.25]},
        lambda x: {"state_dict": {"model": x}, "args": None},
        lambda x: {"module": x, "ema": {name: 0 * tensor for name, tensor in x.items()}},
        lambda x: {"ema": x, "step": torch.tensor(9)},
        lambda x: {"anything": {"at all": x}},
        lambda x: {name: nn.Parameter(tensor, requires_grad=False) for name, tensor in x.items()} | {"epoch": 3},
    ],
)
def test_what_training_wraps_around_a_state_dict_is_taken_off(tmp_path, wrap):
    torch.save(wrap(state()), tmp_path / "run.pth")
    found = tensors(tmp_path / "run.pth")
    assert same(found, state()) and not any(tensor.requires_grad for tensor in found.values())


@pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.", "module._orig_mod.model.", "model.model."])
def test_a_prefix_of_all_names_is_taken_off(tmp_path, prefix):
    torch.save({f"{prefix}{name}": tensor for name, tensor in state().items()}, tmp_path / "run.pth")
    assert same(tensors(tmp_path / "run.pth"), state())


def test_a_prefix_of_some_names_belongs_to_them(tmp_path):
    mixed = {"model.proj": torch.ones(2), "module.proj": torch.ones(2), "head.weight": torch.ones(3)}
    torch.save(mixed, tmp_path / "run.pth")
    assert same(tensors(tmp_path / "run.pth"), mixed)


def test_what_torch_compile_and_weight_averages_add_is_taken_off(tmp_path):
    compiled = {"visual._orig_mod.proj": torch.ones(2), "ln.weight": torch.ones(3)}
    torch.save(compiled, tmp_path / "compiled.pth")
    assert tensors(tmp_path / "compiled.pth").keys() == {"visual.proj", "ln.weight"}
    averaged = torch.optim.swa_utils.AveragedModel(Holder(state()), use_buffers=True)
    torch.save(averaged.state_dict(), tmp_path / "averaged.pth")
    assert same(tensors(tmp_path / "averaged.pth"), state())
    torch.save(compiled | {"visual.proj": torch.ones(2)}, tmp_path / "twice.pth")
    with fails("names that differ in _orig_mod"):
        tensors(tmp_path / "twice.pth")


def test_openais_three_numbers_are_no_weights_and_tell_the_activation(tmp_path):
    numbers = {"input_resolution": 224, "context_length": 77, "vocab_size": 49408}
    scripted(state() | {name: torch.tensor(value) for name, value in numbers.items()}, tmp_path / "ViT-B-16.pt")
    found, meta = checkpoint.read(tmp_path / "ViT-B-16.pt")
    assert same(found, state()) and meta == {"quick_gelu": True}


def test_two_sets_of_weights_of_equal_right_are_refused_by_name(tmp_path):
    torch.save({"student": state(), "teacher": state()}, tmp_path / "run.pth")
    with fails(r"several sets of weights \(student, teacher\)"):
        tensors(tmp_path / "run.pth")


def test_an_archive_is_read_as_torch_reads_it_without_its_code(tmp_path, monkeypatch):
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Sequential(nn.ReLU(), nn.Linear(2, 2))).eval()
    torch.jit.save(torch.jit.trace(model, torch.ones(1, 3)), tmp_path / "traced.pt")
    expected = torch.jit.load(tmp_path / "traced.pt").state_dict()
    monkeypatch.setattr(torch.jit, "load", None)
    monkeypatch.setattr(torch._C, "import_ir_module", None)
    assert same(tensors(tmp_path / "traced.pt"), dict(expected))


def archive(path, data: bytes, **members: bytes):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/data.pkl", data)
        file.writestr("a/constants.pkl", b"")
        for name, content in members.items():
            file.writestr(f"a/data/{name}", content)


MODULE = b"c__torch__.M\nM\n)\x81}(Vw\n"  # of TorchScript's pickles: a module whose attribute w follows
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n((Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nK%ctQK\0(K%ct(K\1t\x89}tR"


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"cposix\nsystem\n(Vtouch ran\ntR.", "holds posix.system, not only tensors"),
        (MODULE + b"cbuiltins\neval\n(V1\ntRub.", "holds builtins.eval, not only tensors"),
        (MODULE + TENSOR % (b"\2", b"\3") + b"ub.", "not a readable file.*shape"),
        (MODULE + TENSOR % (b"\3", b"\3") + b"ub.", "not a readable file.*8 bytes"),
        (b"}.", "not a readable file.*no module"),
        (b"c__torch__.M\nM\n)\x81q\0}(Vm\nh\0ub.", "not a readable file.*within itself"),
        (MODULE + b"K\1ub.", "holds no named weights"),
        (b"", "not a readable file"),
    ],
)
def test_an_archive_of_more_or_less_than_tensors_is_refused(tmp_path, monkeypatch, data, match):
    monkeypatch.chdir(tmp_path)
    archive(tmp_path / "a.pt", data, **{"0": b"\0" * 8})
    with fails(match) as caught:
        tensors(tmp_path / "a.pt")
    assert "\n" not in str(caught.value) and not (tmp_path / "ran").exists()


def test_a_plain_archive_of_one_tensor_is_read(tmp_path):
    archive(tmp_path / "a.pt", MODULE + TENSOR % (b"\2", b"\2") + b"ub.", **{"0": b"\0\0\x80?\0\0\0\xc0"})
    assert tensors(tmp_path / "a.pt")["w"].tolist() == [1, -2]


@pytest.mark.parametrize("write", [torch.save, legacy])
def test_a_pickle_of_more_than_tensors_is_refused_and_what_it_holds_is_named(tmp_path, write):
    write({"model": state(), "when": io.StringIO}, tmp_path / "run.pth")
    with fails(r"run.pth: holds _?io.StringIO, not only tensors and plain values.*save the state_dict alone") as caught:
        tensors(tmp_path / "run.pth")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tensor", [torch.eye(3).to_sparse(), torch.empty(3, device="meta")])
def test_tensors_that_are_not_plain_numbers_are_refused_by_name(tmp_path, tensor):
    torch.save({"a.weight": tensor, "b": torch.ones(2)}, tmp_path / "run.pth")
    with fails("a.weight is torch"):
        tensors(tmp_path / "run.pth")


def test_a_mapping_within_itself_is_refused(tmp_path):
    content = {"epoch": 3}
    content["model"] = content
    torch.save(content, tmp_path / "run.pth")
    with fails("holds no named weights"):
        tensors(tmp_path / "run.pth")


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "open_clip_model.safetensors"])
def test_a_folder_gives_its_weights_from_one_file_or_from_several(tmp_path, name):
    write = safetensors.torch.save_file if name.endswith(".safetensors") else torch.save
    (tmp_path / "whole").mkdir()
    write(state(), tmp_path / "whole" / name)
    assert same(tensors(tmp_path / "whole"), state())
    (tmp_path / "parts").mkdir()
    places = {key: f"part-{number % 2}{name}" for number, key in enumerate(state())}
    for part in set(places.values()):
        write({key: x for key, x in state().items() if places[key] == part}, tmp_path / "parts" / part)
    (tmp_path / "parts" / f"{name}.index.json").write_text(json.dumps({"weight_map": places}))
    assert same(tensors(tmp_path / "parts"), state())
    (tmp_path / "parts" / f"part-1{name}").unlink()
    with fails("part-1.*: absent, but .*index.json lists it"):
        tensors(tmp_path / "parts")


@pytest.mark.parametrize(
    ("index", "match"),
    [
        ("{", "no readable weight_map"),
        ('{"weight_map": ["a"]}', "no readable weight_map"),
        ('{"weight_map": {"a": "../other/model.safetensors"}}', "which is not in its folder"),
        ('{"weight_map": {"a": "part", "b": "part"}}', "lacks b of model.safetensors.index.json"),
    ],
)
def test_a_folder_whose_index_is_wrong_is_refused(tmp_path, index, match):
    torch.save({"a": torch.ones(2)}, tmp_path / "part")
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with fails(match):
        tensors(tmp_path)


def test_a_folder_without_weights_is_refused_with_what_it_lacks(tmp_path):
    with fails("a folder without weights; expected one of open_clip_model.safetensors, model.safetensors"):
        tensors(tmp_path)


def test_a_name_with_a_line_end_is_told_in_one_line(tmp_path):
    torch.save({"a\nb": torch.eye(2).to_sparse()}, tmp_path / "run.pth")
    with fails(r"a\\nb is torch.sparse_coo") as caught:
        tensors(tmp_path / "run.pth")
    assert "\n" not in str(caught.value) and len(state_dicts.shown("x" * 999)) == 100
