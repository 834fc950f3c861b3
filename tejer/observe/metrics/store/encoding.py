"""Samples as bytes. Pure.

A page of values (rows of series, columns of times) is stored as each row's bit difference from the value before, all
first bytes together, then all second bytes and so on, and deflated: an unchanged value costs nearly nothing, a counter
one or two bytes. zlib's checksum tells a damaged page.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tejer.observe.metrics.arrays import Flags, Times, Values

ABSENT_BITS = 0x7FF0000000000003
"""A value that says a series has no sample at a time: a NaN as the stale marker is, and none that targets send."""
Ids = NDArray[np.int64]


def bits(values: Values) -> NDArray[np.uint64]:
    return np.ascontiguousarray(values).view(np.uint64)


def is_absent(values: Values) -> Flags:
    return np.asarray(bits(values) == ABSENT_BITS)


def absent(rows: int, columns: int) -> Values:
    return np.full((rows, columns), ABSENT_BITS, np.uint64).view(np.float64)


def pack_values(values: Values) -> bytes:
    patterns = bits(values)
    changed = patterns.copy()
    changed[:, 1:] ^= patterns[:, :-1]
    planes = changed.view(np.uint8).reshape(values.size, 8).T
    return zlib.compress(planes.tobytes(), 1)


def unpack_values(data: bytes, rows: int, columns: int) -> Values:
    """Raises ValueError for damaged data."""
    planes = np.frombuffer(_inflate(data), np.uint8)
    if planes.size != rows * columns * 8:
        raise ValueError(f"{planes.size} bytes for {rows} series at {columns} times")
    patterns = np.ascontiguousarray(planes.reshape(8, rows * columns).T).view(np.uint64).reshape(rows, columns)
    return np.bitwise_xor.accumulate(patterns, axis=1).view(np.float64)


def pack_integers(numbers: Sequence[int] | NDArray[np.int64]) -> bytes:
    """Times or series: differences, deflated."""
    return zlib.compress(np.diff(np.asarray(numbers, np.int64), prepend=0).tobytes(), 1)


def unpack_integers(data: bytes) -> Times:
    """Raises ValueError for damaged data."""
    inflated = _inflate(data)
    if len(inflated) % 8:
        raise ValueError(f"{len(inflated)} bytes are no whole numbers")
    return np.cumsum(np.frombuffer(inflated, np.int64))


def _inflate(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error as error:
        raise ValueError(str(error)) from None
