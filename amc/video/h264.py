"""What H.264 packets tell without being decoded: whether other frames need them, and whether nothing reaches across."""

from collections.abc import Callable

# ITU-T H.264 table 7-1: the low five bits of a unit's first byte are its type, the two above are nal_ref_idc.
SLICE, IDR = 1, 5
# A slice that no other picture refers to; supplemental information, delimiters and padding, which none ever does.
DROPPABLE = frozenset((SLICE, 6, 9, 12))

Units = Callable[[memoryview], list[int]]  # the first byte of every unit of a packet


def units(extradata: bytes | None) -> Units:
    """How to list the units of a packet of a stream with these codec parameters."""
    if extradata and extradata[0] == 1 and len(extradata) > 4:  # ISO/IEC 14496-15: each unit behind its length
        size = (extradata[4] & 3) + 1

        def by_length(data: memoryview) -> list[int]:
            at, found = 0, []
            while at + size < len(data):
                found.append(data[at + size])
                at += size + int.from_bytes(data[at : at + size], "big")
            return found

        return by_length
    return lambda data: [part[0] for part in bytes(data).split(b"\0\0\1")[1:] if part]  # annex B: behind start codes


def is_droppable(found: list[int]) -> bool:
    """Whether the picture in a packet of these units is one that no other one needs, and nothing else is in it."""
    return SLICE in found and DROPPABLE.issuperset(found)


def is_closed(found: list[int]) -> bool:
    """Whether no frame behind this key frame needs any before it."""
    return any(unit & 31 == IDR for unit in found)
