"""Kubernetes quantities ("250m", "1Gi") as exact numbers. Source: k8s.io/apimachinery/pkg/api/resource."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = dict(zip("numkMGTPE", ("1e-9", "1e-6", "1e-3", "1e3", "1e6", "1e9", "1e12", "1e15", "1e18"), strict=True))


def parse_quantity(text: str | int | float) -> Decimal:
    """Raises ValueError for what is not a quantity."""
    raw = str(text).strip()
    for suffix, factor in _BINARY.items():
        if raw.endswith(suffix):
            return _number(raw[:-2], raw) * factor
    if raw and raw[-1] in _DECIMAL and not raw[-1].isdigit():
        return _number(raw[:-1], raw) * Decimal(_DECIMAL[raw[-1]])
    return _number(raw, raw)


def _number(digits: str, whole: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation as error:
        raise ValueError(f"{whole!r} is not a quantity; write for example 250m, 1.5 or 512Mi") from error
