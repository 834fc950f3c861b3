"""The string formats that apiextensions enforces. Source: k8s.io/apiextensions-apiserver `validation/formats.go`."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import uuid
from collections.abc import Callable
from datetime import date

from tejer.cluster.apiserver.machinery.age import parse_time

_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+$")
_HOSTNAME = re.compile(
    r"^([A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?)*$"
)
_URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:\S*$|^/\S*$")
_MAC = re.compile(r"^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$")
_DURATION = re.compile(r"^[+-]?(\d+(\.\d+)?\s*(ns|us|µs|ms|s|m|h|d|w)\s*)+$|^0$")


def _parses(reader: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            reader(text)
        except (ValueError, binascii.Error):
            return False
        return True

    return check


CHECKS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": lambda text: bool(re.fullmatch("[0-9a-fA-F]{24}", text)),
    "byte": _parses(lambda text: base64.b64decode(text, validate=True)),
    "cidr": _parses(lambda text: ipaddress.ip_network(text, strict=False)),
    "date": _parses(date.fromisoformat),
    "date-time": lambda text: parse_time(text) is not None and "T" in text.upper(),
    "datetime": lambda text: parse_time(text) is not None,
    "duration": lambda text: bool(_DURATION.match(text)),
    "email": lambda text: bool(_EMAIL.match(text)),
    "hostname": lambda text: len(text) <= 255 and bool(_HOSTNAME.match(text)),
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "mac": lambda text: bool(_MAC.match(text)),
    "uri": lambda text: bool(_URI.match(text)),
    "uuid": _parses(uuid.UUID),
}
INTEGER_RANGES = {"int32": 1 << 31, "int64": 1 << 63}


def fits(form: str, value: object) -> bool:
    """Whether `value` has the format; formats we do not know (and other types) fit."""
    if isinstance(value, str):
        check = CHECKS.get(form)
        return check is None or check(value)
    if isinstance(value, int) and not isinstance(value, bool) and form in INTEGER_RANGES:
        return -INTEGER_RANGES[form] <= value < INTEGER_RANGES[form]
    return True
