"""Names of behaviours: which are equal, and which cannot be used. Names in; their stored form or an error out.

CLIP's text tower ignores case, double blanks and the like; names that it, or a human, cannot distinguish must be one
behaviour.
"""

import html
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import ftfy

from amc.base.errors import AmcError

RESERVED = ("background", "frame", "time_s", "stamp", "distance_from_training")  # columns of the tables of `predict`
FORBIDDEN = {",": "comma", '"': "quote"}  # `predict --behaviours` separates names by commas; quotes belong to tables


def clean(name: str) -> str:
    """A name as it is stored: composed letters (NFC), one blank between words, nothing invisible."""
    plain = "".join(letter for letter in " ".join(name.split()) if unicodedata.category(letter) not in ("Cc", "Cf"))
    return unicodedata.normalize("NFC", " ".join(plain.split()))


@lru_cache(maxsize=10_000)
def key(name: str) -> str:
    """The key by which names are compared: cleaned as by CLIP's tokenizer, without invisible characters."""
    return clean(html.unescape(html.unescape(ftfy.fix_text(clean(name))))).casefold()


def check(names: Sequence[str], place: str) -> None:
    """Raise AmcError, which says `place`, for the first invalid name, and for two equal names.

    A name must not be empty or a column of the tables, or contain a comma or a quote.
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
