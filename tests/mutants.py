"""Mutation testing, run by hand: `make mutants`, or `python tests/mutants.py MODULE ...`.

It changes one operator, condition or constant of a module at a time and runs the module's tests. Prints the killed
mutants per module, and the survivors. Each mutant runs in a process forked after importing the libraries; the change
is made in the loaded syntax tree, no file is written. Error messages, docstrings and annotations are not changed.
"""

import ast
import gc
import importlib
import importlib.machinery
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

TESTS = Path(__file__).resolve().parent
MODULES = {  # module: test files that have to detect a change
    "sampling": "test_sampling",
    "interleave": "test_interleave",
    "flow_color": "test_flow_color",
    "transforms": "test_transforms",
    "aggregate": "test_aggregate",
    "metrics": "test_metrics",
    "intervals": "test_intervals",
    "ethogram.bouts": "test_ethogram",
    "model.temporal": "test_model test_model_parts",
    "model.prompts": "test_model test_model_parts",
    "model.vision": "test_model test_model_parts",
    "model.layers": "test_model test_model_parts",
    "model.xclip": "test_model test_model_parts",
}
LIBRARIES = (
    *("pytest", "hypothesis", "numpy", "torch", "cv2", "pandas", "openpyxl", "sklearn.metrics"),
    *("amc.base.torchvision_cpu", "torchvision.utils"),  # in this order
)
FOR_MODELS = ("transformers", "open_clip")
SLOW = ("B/32", "scores_as_published")  # left out: slow tests, which take seconds
OPTIONS = ("-x", "-q", "-pno:cacheprovider", "-k", f"not ({' or '.join(SLOW)})")  # of pytest, for speed
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # finding plugins takes longer than most tests
TIMEOUT = 120  # seconds; a mutant that takes longer counts as killed
SWAPS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.USub: ast.UAdd,
}  # fmt: skip


def changeable(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below `node` that decide what the code computes."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns") or isinstance(value, ast.Raise | ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            is_text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if isinstance(child, ast.AST) and not is_text and not isinstance(child, ast.Raise | ast.JoinedStr):
                yield child
                yield from changeable(child)


def changes(node: ast.AST) -> Iterator[tuple[str, Callable[[], None]]]:
    """The possible changes of one node: a description, and the function that makes the change."""
    if isinstance(node, ast.Compare):
        for k, operator in enumerate(node.ops):
            if new := SWAPS.get(type(operator)):
                others = [*node.ops[:k], new(), *node.ops[k + 1 :]]
                yield f"{type(operator).__name__} -> {new.__name__}", partial(setattr, node, "ops", others)
    elif isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign | ast.UnaryOp):
        if new := SWAPS.get(type(node.op)):
            yield f"{type(node.op).__name__} -> {new.__name__}", lambda: setattr(node, "op", new())
        if isinstance(node.op if isinstance(node, ast.UnaryOp) else None, ast.Not):
            negated = ast.UnaryOp(ast.Not(), node.operand)
            yield "not left out", lambda: setattr(node, "operand", negated)
    elif isinstance(node, ast.IfExp | ast.If | ast.While):
        yield "condition negated", lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Constant):
        kinds = {bool: lambda x: not x, int: lambda x: x + 1, float: lambda x: 2 * x + 1, str: lambda x: x + "?"}
        if change := kinds.get(type(node.value)):
            new = change(node.value)
            yield f"{node.value!r} -> {new!r}", lambda: setattr(node, "value", new)


def mutants(path: Path) -> Iterator[tuple[str, ast.Module]]:
    """Every mutant of a file: place and change, and its syntax tree."""
    source = path.read_text(encoding="utf-8")
    for n, node in enumerate(changeable(ast.parse(source))):
        for k, (what, _) in enumerate(changes(node)):
            tree = ast.parse(source)
            changed = list(changeable(tree))[n]
            list(changes(changed))[k][1]()
            yield f"{path.name}:{node.lineno} {what}", ast.fix_missing_locations(tree)


def passes(path: Path, tree: ast.Module, tests: list[str]) -> bool:
    """Whether the tests pass when `path` is loaded as `tree`."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            load = importlib.machinery.SourceFileLoader.get_code
            importlib.machinery.SourceFileLoader.get_code = lambda self, name: (
                compile(tree, str(path), "exec") if Path(self.path) == path else load(self, name)
            )
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1), os.dup2(silence, 2)
            status = int(sys.modules["pytest"].main([*OPTIONS, *tests]))
        finally:
            os._exit(status)
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def main(names: list[str]) -> None:
    """Test the modules of these names; without names, all."""
    os.chdir(TESTS.parent)
    for name in names or MODULES:
        for library in LIBRARIES + FOR_MODELS * name.startswith("model"):
            importlib.import_module(library)
        gc.freeze()  # garbage collection in a child would copy all pages of the parent
        path = TESTS.parent / "amc" / f"{name.replace('.', '/')}.py"
        tests = [str(TESTS / f"{file}.py") for file in MODULES[name].split()]
        if not passes(path, ast.parse(path.read_text(encoding="utf-8")), tests):
            sys.exit(f"{name}: its tests fail without any change; run pytest {' '.join(tests)}")
        found = [(what, passes(path, tree, tests)) for what, tree in mutants(path)]
        survived = [what for what, is_alive in found if is_alive]
        killed = len(found) - len(survived)
        print(f"{name}: {killed} of {len(found)} killed ({killed / len(found):.0%})", flush=True)
        print(*(f"    {what}\n" for what in survived), sep="", end="", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
