"""Which of the given videos a written name means: the names in an annotation or a table in, those of each video out.

A written path decides as far as it is known. A file that lies there is the video that is meant, or a copy of it. Else
that video is meant whose path has the longest end in common with the written one, in whole folders; of those the one
with the same ending; so a name alone means the only video of that name. Names are compared ignoring case and the form
of accents. What may mean several videos means none: `Meant.unclear` says why.
"""

import os
import re
import unicodedata
from collections.abc import Container, Iterable, Mapping
from functools import lru_cache
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from amc.base.digests import digest
from amc.base.errors import AmcError, printable

SUFFIXES = (  # of video files
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts", ".wmv", ".flv",
    ".ogv", ".3gp", ".asf", ".vob", ".mxf", ".f4v", ".mod", ".tod", ".dv", ".m2v", ".divx",
)  # fmt: skip
UNTRUSTED = ".untrusted"  # in the names of our files whose model has a stamp, after that of the video
MOMENT = re.compile(r"@\d+\.\d+s$")  # at the end of the name of a moment that `suggest` has cut from a video
Likeness = tuple[float, bool]  # how many last parts of two paths are equal, and whether the endings are
SAME: Likeness = (float("inf"), True)  # of one file


class Meant(NamedTuple):
    """What a set of written names means."""

    written: dict[str, tuple[str, ...]]  # by name of a video: the written names that mean it
    unclear: dict[str, str]  # by name of a video: why it is not known whether it is meant, and what to do
    subjects: dict[str, str]  # by written name: the animal of the video that it means, if it means one alone

    def before(self, other: "Meant") -> "Meant":
        """The same, where it does not know a video, what another says."""
        known = {*self.written, *self.unclear}
        written, unclear = (
            own | {name: value for name, value in more.items() if name not in known}
            for own, more in ((self.written, other.written), (self.unclear, other.unclear))
        )
        return Meant(written, unclear, other.subjects | self.subjects)


def meant(written: Iterable[str], named: Mapping[str, Path]) -> Meant:
    """The written names that mean each of the `named` videos; a video that none means is absent."""
    known: dict[str, set[str]] = {}
    for name, path in named.items():
        for way in (stem(str(path)), stem(name), key(name)):
            known.setdefault(way, set()).add(name)
    found: dict[str, dict[str, Likeness]] = {}
    owners: dict[str, list[str]] = {}
    animals = {text: animal(text, known) for text in filter(None, dict.fromkeys(written))}
    for text, (video, _) in animals.items():
        near = sorted(known.get(stem(video), set()) | known.get(base(video), set()))
        alike = {name: like for name in near if (like := _likeness(video, name, named[name]))}
        owners[text] = [name for name, like in alike.items() if like == max(alike.values())]
        for name in owners[text]:
            found.setdefault(name, {})[text] = alike[name]
    clear, unclear = {}, {}
    for name, own in found.items():
        whole = {text for text, like in own.items() if _is_whole(animals[text][0], like)}
        kept = [text for text, like in own.items() if like == max(own.values()) or text in whole]
        others = [text for text in kept if text not in whole]
        if shared := [text for text in kept if len(owners[text]) > 1 and own[text] != SAME]:
            places = " or ".join(printable(named[owner]) for owner in owners[shared[0]])
            unclear[name] = f"{shared[0]!r} may be {places}; write it with its folder"
        elif len({_parts(animals[text][0]) for text in others}) > 1:
            says = f"{others[0]!r} and {others[1]!r} may both be {printable(named[name])}"
            unclear[name] = f"{says}; write its path where it is now"
        else:
            clear[name] = tuple(kept)
    return Meant(clear, unclear, {text: subject for text, (_, subject) in animals.items() if subject})


def animal(text: str, known: Container[str]) -> tuple[str, str]:
    """A written name as video and animal in it: `walk@left` is (`walk`, `left`), where `walk` is one of the `known`.

    known: names of videos as `stem` or `base` give them. The animal is empty where a name is that of a whole video, or
    of a moment.
    """
    if stem(text) in known or base(text) in known or has_video_ending(text) or MOMENT.search(text):
        return text, ""
    for at in reversed([k for k, sign in enumerate(text) if sign == "@"]):
        if stem(text[:at]) in known or base(text[:at]) in known:
            return text[:at], text[at + 1 :]
    return text, ""


def placed(written: Iterable[str], folder: Path) -> dict[str, str]:
    """Each written name; instead of it the path of the file that it names as seen from `folder`, if one lies there.

    A name without ending is that of the only video file of that name.
    """
    found = {}
    for name in written:
        path = os.path.join(folder, name.replace("\\", "/"))
        if not has_video_ending(name) and not os.path.isfile(path):
            spelt = ((f"{path}{ending}", f"{path}{ending.upper()}") for ending in SUFFIXES)
            beside = [file for ways in spelt if (file := next(filter(os.path.isfile, ways), ""))]
            path = beside[0] if len(beside) == 1 else path
        found[name] = os.path.abspath(path) if name and os.path.isfile(path) else name
    return found


def _likeness(text: str, name: str, path: Path) -> Likeness | None:
    """How alike a written name and a video are; None: it is another one."""
    parts, own = _parts(text), _parts(str(path))
    if path.is_absolute() and os.path.isabs(text) and os.path.isfile(text):
        if path.exists() and os.path.samefile(text, path):
            return SAME
        if not _is_copy(text, path):
            return None
    is_same = base(text) == base(str(path))
    if not is_same and stem(text) != stem(str(path)):
        return (1, False) if len(parts) == 1 and {stem(text), key(text)} & {stem(name), key(name)} else None
    pairs = list(zip(parts[-2::-1], own[-2::-1], strict=False))
    return 1 + next((k for k, (one, other) in enumerate(pairs) if one != other), len(pairs)), is_same


def _is_copy(text: str, path: Path) -> bool:
    """Whether two files have the same content."""
    try:
        return os.path.getsize(text) == os.path.getsize(path) and digest(text) == digest(path)
    except (OSError, AmcError):
        return False


def _is_whole(text: str, like: Likeness) -> bool:
    """Whether all of a written name, without a contradiction, is in the path of the video."""
    length, is_same = like
    return length >= len(_parts(text)) and (is_same or not has_video_ending(text))


@lru_cache(maxsize=10_000)
def _parts(name: str) -> tuple[str, ...]:
    """Folders and file name as they are compared."""
    path = PureWindowsPath(name)  # splits at both kinds of slash
    return tuple(key(part) for part in path.parts if part not in (path.anchor, ".."))


def named_after(file: str, *endings: str) -> str:
    """The video that a file is named after: `fox` of `fox.untrusted_labels.csv`, with the ending `_labels`."""
    name = Path(file).stem
    found = next((name.removesuffix(ending) for ending in endings if name.endswith(ending)), name)
    return found.removesuffix(UNTRUSTED)


def key(name: str) -> str:
    """A name as a disk compares it that ignores case and normalises accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def stem(name: str) -> str:
    """A video's file name as it is compared, without folder and video ending."""
    file = base(name)
    return PureWindowsPath(file).stem if has_video_ending(file) else file  # 10.30.15 has no ending


def base(name: str) -> str:
    """A video's file name as it is compared, without folder."""
    return key(PureWindowsPath(name).name)


def has_video_ending(name: str) -> bool:
    """Whether a name has the ending of a video file."""
    return PureWindowsPath(name.strip()).suffix.lower() in SUFFIXES
