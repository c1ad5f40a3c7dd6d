"""An observation's events: START and STOP are paired on its own time, and each event goes to the videos shown then.

Formats give `Act`s, in seconds from the start of the observation; `events` gives each video its share, in its own time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from amc.base.errors import AmcError
from amc.ethogram.events import Event
from amc.ethogram.queued import Player


@dataclass(frozen=True)
class Act:
    """What an observer wrote: a behaviour from `first` to `stop`, seconds from the start of the observation."""

    place: str  # where it was written, for errors
    behaviour: str
    first: float
    stop: float
    players: tuple[Player, ...]  # of the observation
    observation: str = ""
    subject: str = ""
    modifiers: tuple[str, ...] = ()
    is_point: bool = False


def paired(marks: Iterable[tuple[str, Act]]) -> list[Act]:
    """Acts from (START, STOP or POINT; act at that time): pairs of one observation, subject and set of modifiers.

    The videos of a START and its STOP may differ if one player shows both. Raises AmcError for one without the other.
    """
    going: dict[tuple, Act] = {}
    found = []
    for status, act in sorted(marks, key=lambda mark: mark[1].first):
        key = (act.players[0].names, act.behaviour, act.observation, act.subject, act.modifiers)
        if status == "START" and key not in going:
            going[key] = act
        elif status == "STOP" and key in going:
            found.append(replace(going.pop(key), stop=act.first))
        elif status == "POINT":
            found.append(replace(act, is_point=True))
        else:
            says = f"{status or 'no status'} of {act.behaviour!r} without its partner"
            raise AmcError(f"{act.place}: {says}; pair the events")
    for act in going.values():
        says = f"START of {act.behaviour!r} is never stopped"
        raise AmcError(f"{act.place}: {says}; pair the events in BORIS, then export again")
    return found


def events(acts: Iterable[Act]) -> tuple[Event, ...]:
    """Each act as events of the videos shown at its time, divided where one video follows another."""
    found = [
        Event(name, act.behaviour, first, stop, True, act.observation, act.subject, act.is_point)
        for act in acts
        for player in act.players
        for name, first, stop in player.pieces(act.first, act.stop)
    ]
    return tuple(dict.fromkeys(found))


def queue_notes(acts: Iterable[Act]) -> tuple[str, ...]:
    """One sentence about each queue of videos."""
    queues = dict.fromkeys(player.names for act in acts for player in act.players if player.is_queue)
    says = "times run over {} videos one after another ({}); each event is given to its own, in that one's time"
    return tuple(says.format(len(names), ", ".join(names)) for names in queues)


def with_duration(acts: Iterable[Act]) -> tuple[str, ...]:
    """The behaviours that last, each once: those of point events alone are not among them."""
    return tuple(dict.fromkeys(act.behaviour for act in acts if not act.is_point))
