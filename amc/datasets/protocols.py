"""Which clips are trained on and tested: a table with its three splits in, the same table with clips left out.

A protocol only leaves clips out, so its test clips are a subset of the official ones and two protocols can be compared
clip by clip. The table's notes say what it did.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from amc.base.errors import AmcError
from amc.datasets.table import Clip, ClipTable


def official(table: ClipTable) -> ClipTable:
    """The published splits as they are."""
    return table


def no_leak(table: ClipTable) -> ClipTable:
    """Without the test clips whose source group occurs in training or validation too.

    Groups are estimated if a data set does not name its source videos: see `Clip.group`.
    """
    known = {clip.group for clip in table.clips if clip.split != "test" and clip.group}
    return _keep(table, lambda clip: clip.split != "test" or clip.group not in known)


def unseen_species(table: ClipTable) -> ClipTable:
    """Training without the species that the data set holds out, and a test on those only.

    A clip that shows both kinds of animal is left out of both. Raises AmcError if no species is held out.
    """
    if not table.held_out:
        raise AmcError(f"protocol: {table.name} names no held-out species; choose another than unseen-species")
    kept = set(table.held_out)

    def is_fit(clip: Clip) -> bool:
        animals = set(clip.species.split(";"))
        return animals <= kept if clip.split == "test" else not animals & kept

    return _keep(table, is_fit)


def unseen_behaviours(table: ClipTable) -> ClipTable:
    """Training without the labels and clips of a quarter of the behaviours; the test split is the official one.

    They are every second one of the middle half by frequency in training (our choice: the most frequent would empty the
    training split, the rarest have too few test clips to be measured). The model gets their names only at scoring:
    zero-shot recognition, together with trained behaviours.
    """
    order = np.argsort(-table.split("train").labels().sum(axis=0), kind="stable")
    hidden = {int(label) for label in order[len(order) // 4 : 3 * len(order) // 4 : 2]}
    left = _keep(table, lambda clip: clip.split == "test" or not hidden & set(clip.labels))
    names = ", ".join(table.names[label] for label in sorted(hidden))
    return replace(left, hidden=tuple(sorted(hidden)), notes=(*left.notes, f"hidden in training: {names}"))


PROTOCOLS: dict[str, Callable[[ClipTable], ClipTable]] = {
    "official": official,
    "no-leak": no_leak,
    "unseen-species": unseen_species,
    "unseen-behaviours": unseen_behaviours,
}


def _keep(table: ClipTable, is_fit: Callable[[Clip], bool]) -> ClipTable:
    clips = tuple(clip for clip in table.clips if is_fit(clip))
    left = replace(table, clips=clips)
    before, after = table.counts(), left.counts()
    if missing := set(before) - set(after):
        raise AmcError(f"protocol: no clip of {table.name} is left in {sorted(missing)}; choose another protocol")
    counts = ", ".join(f"{after[split]} of {before[split]} {split}" for split in before)
    return replace(left, notes=(*table.notes, f"clips kept by the protocol: {counts}"))
