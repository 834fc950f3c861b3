"""Kubernetes quantities: `100m`, `1.5Gi`, `2e3`. Source: apimachinery `api/resource/quantity.go`."""

from __future__ import annotations

import re
from decimal import Decimal

_SYNTAX = re.compile(r"^([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def parse_quantity(text: object) -> Decimal | None:
    """The amount, or None when `text` is no quantity."""
    match = _SYNTAX.match(str(text))
    if not match:
        return None
    amount, suffix = Decimal(match[1]), match[2] or ""
    if suffix in _BINARY:
        return amount * (1 << _BINARY[suffix])
    if suffix in _DECIMAL:
        return amount.scaleb(_DECIMAL[suffix])
    return amount.scaleb(int(suffix[1:]))
