"""Damages of video files: the bytes of an intact file in, those of a damaged one out, by a seeded generator."""

import numpy as np


def cut_end(data: bytearray, rng: np.random.Generator) -> bytearray:
    """As by an interrupted copy."""
    return data[: int(rng.uniform(0.02, 0.99) * len(data))]


def cut_beginning(data: bytearray, rng: np.random.Generator) -> bytearray:
    """As by a recorder switched on late."""
    return data[int(rng.uniform(0.005, 0.6) * len(data)) :]


def cut_middle(data: bytearray, rng: np.random.Generator) -> bytearray:
    """A part is missing in the middle."""
    at, size = rng.integers(len(data)), int(rng.uniform(0.001, 0.2) * len(data))
    return data[:at] + data[at + size :]


def change_bytes(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Up to 200 bytes anywhere."""
    at = rng.integers(len(data), size=rng.integers(1, 200))
    for place, value in zip(at, rng.integers(256, size=len(at)), strict=True):
        data[place] = value
    return data


def flip_bits(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Up to 20 bits anywhere."""
    for place, bit in zip(rng.integers(len(data), size=rng.integers(1, 20)), rng.integers(8, size=20), strict=False):
        data[place] ^= 1 << bit
    return data


def change_header(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Up to 12 bytes of the first or last kilobytes, where containers keep their headers."""
    moov = data.rfind(b"moov")
    start, stop = (moov, len(data)) if moov > 0 and rng.random() < 0.8 else (0, min(2000, len(data)))
    for place in rng.integers(start, stop, size=rng.integers(1, 12)):
        data[place] = rng.integers(256)
    return data


def zero_a_stretch(data: bytearray, rng: np.random.Generator) -> bytearray:
    """As by a lost disk block."""
    at, size = rng.integers(len(data)), rng.integers(16, 6000)
    data[at : at + size] = bytes(len(data[at : at + size]))
    return data


def swap_stretches(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Two parts of equal length swap places."""
    size = int(rng.uniform(0.01, 0.2) * len(data))
    first, second = sorted(rng.integers(len(data) - size, size=2))
    second = max(second, first + size)
    one, two = data[first : first + size], data[second : second + size]
    return data[:first] + two + data[first + size : second] + one + data[second + size :]


def append(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Append the file itself, or noise."""
    return data + (data if rng.random() < 0.5 else rng.bytes(rng.integers(1, 5000)))


DAMAGES = (
    *(cut_end, cut_beginning, cut_middle, change_bytes, flip_bits),
    *(change_header, zero_a_stretch, swap_stretches, append),
)
