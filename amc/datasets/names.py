"""Names of behaviours: which are the same, and which cannot be used. Names in; the names as they are kept, or an error.

CLIP's text tower reads names without case, doubled blanks and the like; what it, or a human, cannot tell apart has to
be one behaviour.
"""

import html
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import ftfy

from amc.base.errors import AmcError

RESERVED = ("background", "frame", "time_s", "stamp", "distance_from_training")  # columns of the tables of `predict`
FORBIDDEN = {",": "comma", '"': "quote"}  # `predict --behaviours` takes names by commas; a quote is left from a table


def clean(name: str) -> str:
    """A name as it is kept: composed letters (NFC), one blank between words, nothing invisible."""
    plain = "".join(letter for letter in " ".join(name.split()) if unicodedata.category(letter) not in ("Cc", "Cf"))
    return unicodedata.normalize("NFC", " ".join(plain.split()))


@lru_cache(maxsize=10_000)
def key(name: str) -> str:
    """What two names have in common that are the same: cleaned as CLIP's tokenizer does, without what is invisible."""
    return clean(html.unescape(html.unescape(ftfy.fix_text(clean(name))))).casefold()


def check(names: Sequence[str], place: str) -> None:
    """Raise AmcError, which says `place`, for the first name that nothing can be called, and for two that are the same.

    No name is empty or a column of the tables, or holds a comma or a quote.
    """
    known: dict[str, str] = {}
    for name in names:
        same = key(name)
        if not same:
            raise AmcError(f"{place}: behaviour {name!r} has no letters; give it a name")
        if same in known:
            raise AmcError(f"{place}: {known[same]!r} and {name!r} are the same behaviour; keep one of them")
        if same in RESERVED or same.startswith("prob "):
            raise AmcError(f"{place}: behaviour {name!r} is a column of the tables of predict; give it another name")
        if found := [FORBIDDEN[letter] for letter in FORBIDDEN if letter in name]:
            raise AmcError(f"{place}: behaviour {name!r} holds a {found[0]}; write it without")
        known[same] = name
