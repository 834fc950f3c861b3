"""Numbers as Prometheus writes and reads them."""

from __future__ import annotations

import math


def text_of(value: float) -> str:
    """Go's shortest decimal: no exponent between 1e-6 and 1e21, `+Inf`, `NaN`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e15:
        return "-0" if value == 0 and math.copysign(1, value) < 0 else str(int(value))
    digits, exponent = _shortest(value)
    sign = "-" if value < 0 else ""
    if 1e-6 <= abs(value) < 1e21:
        return sign + _plain(digits, exponent)
    mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
    return f"{sign}{mantissa}e{'-' if exponent < 1 else '+'}{abs(exponent - 1):02d}"


def _shortest(value: float) -> tuple[str, int]:
    """(digits, exponent) with |value| = 0.digits * 10^exponent, in the fewest digits that read back the same."""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits) if whole == "0" else 0
    point = (len(whole) if whole != "0" else 1 - leading) + int(exponent or 0)
    return digits.rstrip("0") or "0", point


def _plain(digits: str, exponent: int) -> str:
    if exponent <= 0:
        return "0." + "0" * -exponent + digits
    if exponent >= len(digits):
        return digits + "0" * (exponent - len(digits))
    return f"{digits[:exponent]}.{digits[exponent:]}"
