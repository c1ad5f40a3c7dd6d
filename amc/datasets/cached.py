"""Cache of parsed tables: millions of rows are parsed once and stored on disk until a source file's content changes."""

import hashlib
import json
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from amc.base import paths, seal
from amc.base.digests import digest, state
from amc.base.errors import AmcError
from amc.datasets.table import Clip, ClipTable

FORMAT = 2  # of the file and of what readers make of a table: raise it when either changes
COLUMNS = tuple(field.name for field in fields(Clip))


def table(name: str, sources: list[Path], build: Callable[[], ClipTable]) -> ClipTable:
    """The result of `build`, from the cache if all files of `sources` are where they were and have the same content.

    A damaged cache file gives a warning, and the sources are read again. What was built while a source changed is not
    stored. Raises what `build` raises.
    """
    before = _states(sources)
    contents = [(str(path), digest(path)) for path in sources if path.exists()]
    key = hashlib.sha256(json.dumps([FORMAT, name, contents]).encode()).hexdigest()[:20]
    file = paths.cache() / "tables" / f"{key}.json"
    try:
        return _load(seal.read_json(file))
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        warnings.warn(f"{file}: damaged ({error}); {name} is read again", stacklevel=2)
    found = build()
    with suppress(AmcError):  # without write permission it is read again each time
        if _states(sources) == before:
            seal.write_json(file, _dump(found))
    return found


def _states(sources: list[Path]) -> list[str]:
    return [state(path) for path in sources if path.exists()]


def _dump(found: ClipTable) -> dict:
    rows = [[str(clip.path) if name == "path" else getattr(clip, name) for name in COLUMNS] for clip in found.clips]
    kept = {key: getattr(found, key) for key in ("name", "names", "notes", "held_out")}
    return kept | {"taxonomy": dict(found.taxonomy), "columns": COLUMNS, "clips": rows}


def _load(kept: dict) -> ClipTable:
    if tuple(kept["columns"]) != COLUMNS:
        raise ValueError("columns of another version")
    clips = []
    for row in kept["clips"]:
        values = dict(zip(COLUMNS, row, strict=True))
        clips.append(Clip(**values | {"path": Path(values["path"]), "labels": tuple(values["labels"])}))
    return ClipTable(
        name=kept["name"],
        names=tuple(kept["names"]),
        clips=tuple(clips),
        notes=tuple(kept["notes"]),
        taxonomy={species: tuple(levels) for species, levels in kept["taxonomy"].items()},
        held_out=tuple(kept["held_out"]),
    )
