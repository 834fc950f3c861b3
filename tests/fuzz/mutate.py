"""Small changes of inputs, the same ones for the same seed: what a continuous run can afford."""

from __future__ import annotations

from random import Random

TOKENS = (b"", b"null", b"-1", b"1e9", b'""', b"[]", b"{}", b"*", b"\x00", b"\xff", b"999999999999999999999", b"[[",
          b"}", b"spec", b"true", b"0.0", b"\xc3\x28", b": ", b"\n", b"- ", b"&a ", b"*a")  # fmt: skip
LONGEST = 4096


def mutated(data: bytes, random: Random, others: list[bytes]) -> bytes:
    """`data` with up to six changes: bytes replaced, tokens put in, parts left out, repeated, or of another input."""
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(data) + 1)
        end = min(len(data), at + random.randint(0, 16))
        match random.randrange(6):
            case 0:
                data = data[:at] + bytes((random.randrange(256),)) + data[at + 1 :]
            case 1:
                data = data[:at] + random.choice(TOKENS) + data[end:]
            case 2:
                data = data[:at] + data[end:]
            case 3:
                data = data[:at] + data[at:end] * random.randint(2, 8) + data[end:]
            case 4:
                other = random.choice(others)
                start = random.randrange(len(other) + 1)
                data = data[:at] + other[start : start + random.randint(1, 64)] + data[end:]
            case _:
                if at < len(data):
                    data = data[:at] + bytes((data[at] ^ 1 << random.randrange(8),)) + data[at + 1 :]
    return data[:LONGEST]
