"""Which `key=value` pairs a block of spans may hold: a Bloom filter, so that a search for a rare tag opens few blocks.

About 1 % of the blocks without the pair are opened for nothing; none that has it is missed.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b

_BITS_PER_PAIR = 12
_LEAST_BYTES = 64


def _places(pair: str, count: int) -> tuple[int, int, int]:
    number = int.from_bytes(blake2b(pair.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
    first, step = number & 0xFFFFFFFF, number >> 32 | 1
    return first % count, (first + step) % count, (first + 2 * step) % count


def make_filter(pairs: Collection[str]) -> bytes:
    """`pairs` are distinct "key=value" texts."""
    size = max(_LEAST_BYTES, len(pairs) * _BITS_PER_PAIR // 8)
    bits, count = bytearray(size), size * 8
    for pair in pairs:
        for place in _places(pair, count):
            bits[place >> 3] |= 1 << (place & 7)
    return bytes(bits)


def may_hold(filter_: bytes, pair: str) -> bool:
    return all(filter_[place >> 3] & 1 << (place & 7) for place in _places(pair, len(filter_) * 8))
