"""Kubernetes' CEL extension functions, as Python callables (they also work as methods: the receiver comes first).

Source: kubernetes.io/docs/reference/using-api/cel, apiserver `pkg/cel/library`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from tejer.cluster.apiserver.machinery.quantity import parse_quantity

_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_FORMATS = {
    "dns1123Label": f"^{_LABEL}$",
    "dns1123Subdomain": rf"^{_LABEL}(\.{_LABEL})*$",
    "dns1035Label": "^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$",
    "qualifiedName": r"^([^/]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
    "labelValue": "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$",
    "uuid": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
}


def format_pattern(name: str) -> str:
    """The pattern of `format.<name>()`; one that matches everything for a format we do not know."""
    return _FORMATS.get(name, "")


def _url(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    absolute = parts.scheme and (parts.netloc or parts.path.startswith("/"))
    return parts if absolute or text.startswith("/") else None


def _need_url(text: str) -> SplitResult:
    parts = _url(text)
    if parts is None:
        raise ValueError(f"URL parse error: {text}")
    return parts


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _need_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text)


def _contains(network: str, other: str) -> bool:
    """cidr(x).containsIP(y) and cidr(x).containsCIDR(y)."""
    outer = ipaddress.ip_network(network, strict=False)
    inner = ipaddress.ip_network(other, strict=False)
    if isinstance(outer, ipaddress.IPv4Network):
        return isinstance(inner, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, ipaddress.IPv6Network) and inner.subnet_of(outer)


def _quantity_order(left: Any, right: Any) -> int:
    a, b = parse_quantity(left), parse_quantity(right)
    if a is None or b is None:
        raise ValueError(f"not a quantity: {left if a is None else right}")
    return (a > b) - (a < b)


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if not separator:
        return list(text)
    return text.split(separator, limit - 1 if limit > 0 else -1)


def _substring(text: str, start: int, end: int | None = None) -> str:
    return text[start:] if end is None else text[start:end]


def _find(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    return match.group(0) if match else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match.group(0) for match in re.finditer(pattern, text)]
    return found if limit < 0 else found[:limit]


def _index_of(value: Any, item: Any, start: int = 0) -> int:
    if isinstance(value, str):
        return value.find(item, start)
    return value.index(item) if item in value else -1


def _last_index_of(value: Any, item: Any) -> int:
    if isinstance(value, str):
        return value.rfind(item)
    return len(value) - 1 - value[::-1].index(item) if item in value else -1


def _replace(text: str, old: str, new: str, limit: int = -1) -> str:
    return text.replace(old, new, limit)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    # strings
    "codePoints": len,
    "charAt": lambda text, index: text[index : index + 1],
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "lowerAscii": lambda text: text.lower(),
    "upperAscii": lambda text: text.upper(),
    "replace": _replace,
    "split": _split,
    "join": lambda items, separator="": separator.join(items),
    "substring": _substring,
    "trim": lambda text: text.strip(),
    "find": _find,
    "findAll": _find_all,
    # lists
    "isSorted": lambda items: list(items) == sorted(items),
    "sum": sum,
    "min": lambda *items: min(items[0] if len(items) == 1 else items),
    "max": lambda *items: max(items[0] if len(items) == 1 else items),
    # URLs
    "url": lambda text: _need_url(text).geturl(),
    "isURL": lambda text: _url(text) is not None,
    "getScheme": lambda text: _need_url(text).scheme,
    "getHost": lambda text: _need_url(text).netloc.rsplit("@", 1)[-1],
    "getHostname": lambda text: _need_url(text).hostname or "",
    "getPort": lambda text: str(_need_url(text).port or ""),
    "getEscapedPath": lambda text: _need_url(text).path,
    "getQuery": lambda text: parse_qs(_need_url(text).query),
    # addresses
    "ip": lambda text: str(_need_address(text)),
    "isIP": lambda text: _address(text) is not None,
    "family": lambda text: _need_address(text).version,
    "isUnspecified": lambda text: _need_address(text).is_unspecified,
    "isLoopback": lambda text: _need_address(text).is_loopback,
    "isLinkLocalMulticast": lambda text: _need_address(text).is_multicast,
    "cidr": lambda text: text,
    "isCIDR": lambda text: _network(text) is not None and "/" in text,
    "containsIP": _contains,
    "containsCIDR": _contains,
    "prefixLength": lambda text: ipaddress.ip_network(text, strict=False).prefixlen,
    # quantities
    "quantity": lambda text: text,
    "isQuantity": lambda text: parse_quantity(text) is not None,
    "isLessThan": lambda left, right: _quantity_order(left, right) < 0,
    "isGreaterThan": lambda left, right: _quantity_order(left, right) > 0,
    "compareTo": _quantity_order,
    "asInteger": lambda text: int(parse_quantity(text) or 0),
    "isInteger": lambda text: parse_quantity(text) == (parse_quantity(text) or 0).__round__(),
}
