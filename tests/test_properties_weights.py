"""Any wrapping, prefix, form and damage of a state dict: the same tensors come out, or one line of error."""

import contextlib
import tempfile
import warnings
from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_state_dicts import WRITERS, same

from amc.base import checkpoint, state_dicts
from amc.base.errors import AmcError

PARTS = st.text("abcz_0", min_size=1, max_size=4).filter(str.isidentifier)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map(".".join)
DTYPES = st.sampled_from([torch.float32, torch.float16, torch.float64, torch.bfloat16, torch.int64])
SHAPES = st.lists(st.integers(0, 3), min_size=1, max_size=3)


def is_tree(names) -> bool:
    """Whether modules can have these names: none is both a tensor and a module."""
    return not any(other.startswith(f"{name}.") for name in names for other in names)


@st.composite
def states(draw):
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True).filter(is_tree))
    made = {}
    for name in names:
        shape, dtype = draw(SHAPES), draw(DTYPES)
        made[f"w_{name}"] = torch.arange(torch.Size(shape).numel()).view(shape).to(dtype)
    return made


@st.composite
def files(draw):
    """A state, the form of its file, and the content to write."""
    state, form = draw(states()), draw(st.sampled_from([*WRITERS]))
    prefix = "".join(draw(st.lists(st.sampled_from(["module.", "model.", "_orig_mod."]), max_size=3)))
    content = {f"{prefix}{name}": tensor for name, tensor in state.items()}
    if form in ("zip", "legacy"):
        for key in draw(st.lists(st.sampled_from(state_dicts.WRAPPERS), max_size=3)):
            content = {key: content, "epoch": 3, "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}}}
    return state, form, content, draw(st.sampled_from([".pt", ".safetensors", ".bin", ""]))


@contextlib.contextmanager
def written(form, content, suffix):
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, f"weights{suffix}")
        WRITERS[form](content, path)
        yield path


@given(files())
def test_any_wrapping_prefix_form_and_suffix_gives_the_same_tensors(file):
    state, form, content, suffix = file
    with written(form, content, suffix) as path:
        assert same(checkpoint.read(path)[0], state)


@given(files(), st.floats(0, 1, exclude_max=True))
def test_a_cut_file_gives_the_same_tensors_or_one_line(file, part):
    state, form, content, suffix = file
    with written(form, content, suffix) as path:
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
        try:
            found = checkpoint.read(path)[0]
        except AmcError as error:
            assert "\n" not in str(error) and str(path) in str(error)
        else:
            assert same(found, state)


@given(files(), st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4))
def test_changed_bytes_give_tensors_or_one_line(file, changes):
    _, form, content, suffix = file
    with written(form, content, suffix) as path:
        data = bytearray(path.read_bytes())
        for place, change in changes:
            data[int(len(data) * place)] ^= change
        path.write_bytes(data)
        try:
            found = checkpoint.read(path)[0]
        except AmcError as error:
            assert "\n" not in str(error) and str(path) in str(error)
        else:
            assert all(type(name) is str and type(x) is torch.Tensor for name, x in found.items())


@settings(max_examples=settings().max_examples // 4)
@given(states(), st.data())
def test_a_module_takes_exactly_its_state_or_one_line_names_what_differs(state, data):
    module = torch.nn.ParameterDict({n.replace(".", "_"): x for n, x in state.items() if x.is_floating_point()})
    name = data.draw(st.sampled_from(sorted(module.state_dict()) or [""]))
    given = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    checkpoint.load_strictly(module, given, "here")
    damage = {
        "missing": lambda x: None,
        "of another shape": lambda x: x[None],
        "of another kind": lambda x: x.long(),
        "not finite": lambda x: torch.full_like(x, torch.nan) if x.numel() else None,
    }
    if not name:
        return
    kind = data.draw(st.sampled_from(sorted(damage)))
    given[name] = damage[kind](given[name])
    if given[name] is None:
        kind = "missing"
        del given[name]
    try:
        checkpoint.load_strictly(module, given, "here")
    except AmcError as error:
        assert f"1 {kind} ({name}" in str(error)
    else:
        raise AssertionError(f"{kind} {name} was taken")
