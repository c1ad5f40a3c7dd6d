"""Find a finished run: by the name that people use, by its folder, or by its file of weights."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from amc.base import bundled, checkpoint, paths
from amc.base.checkpoint import LAST
from amc.base.errors import AmcError
from amc.config import METHOD, Experiment
from amc.runs import results

MODEL = "model.safetensors"  # in the folder of a run, beside its score files
DEMO = "animalmotionclip-synth"  # the bundled trained model, by its name in data/weights


def find(name: str | Path) -> Path:
    """The file of weights that `name` means. Raises AmcError, with the list of runs, if there is none or several.

    "demo" is the trained model that comes with the repository. A run is named by its folder, its title ("synth quick
    sparse rgb+flow seed 0"), or the title without data set, size or the text behind the seed, as long as only one run
    matches.
    """
    if str(name) == "demo":
        return bundled.find(DEMO)[0]
    given = Path(name).expanduser()
    if given.is_file():
        return given
    if (given / MODEL).is_file():
        return given / MODEL
    if given.exists() and not given.is_dir():
        paths.regular(given, "give a run's model.safetensors")
    runs = {path: title(path) for path in sorted((paths.cache() / "runs").glob(f"*/{MODEL}"))}
    for is_meant in (_is_exact, _is_part):
        found = [path for path, known in runs.items() if is_meant(str(name), path, known)]
        if len(found) == 1:
            return found[0]
        if found:
            break
    newest = sorted(found or runs, key=lambda path: -path.stat().st_mtime)
    offers = "; ".join(f"{runs[path]} ({path.parent.name}, of {_day(path)})" for path in newest)
    what = "means several runs" if found else "is no file, no folder of a run, and no run's name"
    offers = f"{offers or 'none yet: train one with amc train'}; or demo, which comes with the repository"
    raise AmcError(f"model: {str(name)!r} {what}; give one of: {offers}")


def validation_scores(path: Path) -> Path:
    """The validation scores of a file of weights, whether or not they exist.

    They are `val.npz` in the folder of a run; scores with a name of their own, as `<name>-val.npz`, come first.
    """
    own = results.validation_file(path)
    return own if own.is_file() else path.with_name("val.npz")


def title(path: Path) -> str:
    """The title of a model's run; "?" if the file is damaged or of another version."""
    try:
        return experiment(path, checkpoint.read(path)[1]).title
    except AmcError:
        return "?"


def experiment(path: Path, meta: dict) -> Experiment:
    """The configuration that a model was trained with. Raises AmcError if the file does not contain it."""
    try:
        found = Experiment.fromdict(meta["experiment"])
    except (KeyError, TypeError) as error:
        raise AmcError(f"{path}: was not written by this version's training ({error}); train it again") from error
    if found.method != METHOD:
        raise AmcError(f"{path}: is a model of {found.method}; give one of {METHOD}")
    return found


def advice(folders: Mapping[str, Path]) -> str:
    """How to continue runs that were stopped, by their names: from which epoch each of them goes on."""
    unfinished = {name: folder / LAST for name, folder in folders.items() if not (folder / "test.npz").exists()}
    done = {name: checkpoint.stored(file, "epoch") for name, file in unfinished.items()}
    epochs = ", ".join(f"epoch {epoch + 1} ({name})" for name, epoch in done.items() if epoch) or "epoch 1"
    return f"run the same again; it goes on from {epochs}"


def _is_exact(name: str, path: Path, known: str) -> bool:
    return name in (known, path.parent.name)


def _is_part(name: str, path: Path, known: str) -> bool:
    """Whether `name` is a title without its data set, its size, or the text behind the seed."""
    words = known.split(" ")
    shorter = (words, words[1:], words[2:], [words[0], *words[2:]])
    return any(f"{' '.join(part)} ".startswith(f"{name} ") for part in shorter)


def _day(path: Path) -> str:
    return f"{datetime.fromtimestamp(path.stat().st_mtime):%Y-%m-%d %H:%M}"
