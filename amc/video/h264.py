"""Facts from H.264 packets without decoding: whether other frames need them, and whether a key frame is an IDR."""

from collections.abc import Callable

# ITU-T H.264 table 7-1: the low five bits of a unit's first byte are its type, the two above are nal_ref_idc.
SLICE, IDR = 1, 5
# A slice that no other picture refers to; supplemental information, delimiters and padding are never referred to.
DROPPABLE = frozenset((SLICE, 6, 9, 12))

Units = Callable[[memoryview], list[int]]  # the first byte of every unit of a packet


def units(extradata: bytes | None) -> Units:
    """How to list the units of a packet of a stream with these codec parameters."""
    if extradata and extradata[0] == 1 and len(extradata) > 4:  # ISO/IEC 14496-15: each unit after its length
        size = (extradata[4] & 3) + 1

        def by_length(data: memoryview) -> list[int]:
            at, found = 0, []
            while at + size < len(data):
                found.append(data[at + size])
                at += size + int.from_bytes(data[at : at + size], "big")
            return found

        return by_length
    return lambda data: [part[0] for part in bytes(data).split(b"\0\0\1")[1:] if part]  # annex B: after start codes


def is_droppable(found: list[int]) -> bool:
    """Whether a packet of these units holds only a picture that no other picture needs."""
    return SLICE in found and DROPPABLE.issuperset(found)


def is_closed(found: list[int]) -> bool:
    """Whether no frame after this key frame needs a frame before it."""
    return any(unit & 31 == IDR for unit in found)
