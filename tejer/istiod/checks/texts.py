"""Rules for single values: names, hosts, addresses, ports, durations, regular expressions, headers.

Each takes a value and returns what is wrong with it, "" where nothing is. Source: Istio's pkg/config/validation/agent
and pkg/config/validation/validation.go.
"""

from __future__ import annotations

import ipaddress
import re
import warnings
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DOMAIN_LABEL = re.compile(r"[a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9_])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_HEADER = re.compile(r"[-_A-Za-z0-9]+")
_JWT_CLAIM = re.compile(r"@request\.auth\.claims([.\[].+)")
_FORMAT = re.compile(r"%%|%[A-Z0-9_]+(\([^)]*\))?(:[0-9]+)?%")
_DURATION_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
MILLISECOND = 10**6
MAX_REGEX = 1024
REMEMBERED = 4096
"""Answers that are kept: meshes say the same durations and hosts over and over."""
# What RE2 has and Python's re writes otherwise, or not at all; and what RE2 refuses.
_RE2_ONLY = re.compile(r"\\p\{?\^?\w+\}?|\\P\{?\w+\}?|\\C")
_POSIX_CLASS = re.compile(r"\[:\^?\w+:\]")
_INLINE_FLAGS = re.compile(r"\(\?[imsU]*(-[imsU]+)?\)")
_NOT_RE2 = re.compile(r"(?<!\\)(\(\?<?[=!]|\(\?>|[*+?}]\+)|\\[1-9]|\(\?P=")


def label_problem(text: str) -> str:
    """A DNS label, as names of namespaces and subsets are."""
    if _LABEL.fullmatch(text):
        return ""
    return f"{text!r} is not a DNS label: lower-case letters, digits and '-', at most 63"


@lru_cache(REMEMBERED)
def fqdn_problem(text: str) -> str:
    """A domain name; a single label is one too."""
    if not text:
        return "must not be empty"
    if len(text) > 255:
        return "a domain name has at most 255 characters"
    for label in text.removesuffix(".").split("."):
        if not _DOMAIN_LABEL.fullmatch(label) or len(label) > 63:
            return f"{text!r} is not a domain name: {label!r} is not a valid label"
    return ""


@lru_cache(REMEMBERED)
def wildcard_problem(text: str) -> str:
    """A domain name whose first label may be, or begin with, `*`."""
    if not text:
        return "must not be empty"
    if text == "*":
        return ""
    if text.startswith("*"):
        rest = text[1:].removeprefix(".")
        problem = fqdn_problem(rest) if rest else "a wildcard needs a domain after it"
        return problem if problem else ""
    if "*" in text:
        return f"{text!r}: a domain's wildcard may stand at its beginning only"
    return fqdn_problem(text)


def is_partial_wildcard(text: str) -> bool:
    """`*bar.com`: matches no label boundary, so no certificate and no SNI matcher can express it."""
    return text.startswith("*") and text != "*" and not text.startswith("*.")


def matches(host: str, pattern: str) -> bool:
    """Whether two hosts, either of which may be a wildcard, can be the same one."""
    if host.startswith("*") and pattern.startswith("*"):
        return host.endswith(pattern[1:]) or pattern.endswith(host[1:])
    if pattern.startswith("*"):
        return host.endswith(pattern[1:])
    return pattern.endswith(host[1:]) if host.startswith("*") else host == pattern


def subset_of(host: str, pattern: str) -> bool:
    """Whether everything `host` stands for is in `pattern`."""
    if pattern.startswith("*"):
        return host.removeprefix("*").endswith(pattern[1:])
    return host == pattern


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(REMEMBERED)
def subnet_problem(text: str) -> str:
    """An IP address or a CIDR range."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"{text!r} is not an IP address or CIDR range"
    return ""


def unix_problem(address: str) -> str:
    """A `unix://` address: an absolute path, or an abstract socket `@name`."""
    path = address.removeprefix("unix://")
    if not path:
        return "a unix address must not be empty"
    if path.startswith("@"):
        return ""
    if not path.startswith("/"):
        return f"{address!r} is not an absolute path"
    return f"{address!r} is a directory" if path.endswith("/") else ""


def port_problem(number: int | None) -> str:
    return "" if number is not None and 1 <= number <= 65535 else f"port {number or 0} is not in 1-65535"


@lru_cache(REMEMBERED)
def nanoseconds(text: str) -> int | None:
    """A duration in nanoseconds, None where it is not one."""
    body = text.removeprefix("-").removeprefix("+")
    if body in ("", "0"):
        return 0 if body else None
    total, end = Fraction(0), 0
    for part in _DURATION_PART.finditer(body):
        if part.start() != end:
            return None
        total, end = total + Fraction(part[1]) * _NANOSECONDS[part[2]], part.end()
    if end != len(body):
        return None
    return int(-total) if text.startswith("-") else int(total)


@lru_cache(REMEMBERED)
def duration_problem(text: str) -> str:
    """A duration of at least a millisecond and of whole milliseconds."""
    value = nanoseconds(text)
    if value is None:
        return f"{text!r} is not a duration: write a number and a unit, such as 5s or 250ms"
    if value < MILLISECOND:
        return f"{text!r}: a duration must be at least 1ms"
    return f"{text!r}: durations have millisecond precision" if value % MILLISECOND else ""


@lru_cache(REMEMBERED)
def regex_problem(text: str) -> str:
    """A regular expression in RE2's syntax of at most 1024 characters."""
    if not text:
        return "a regular expression must not be empty"
    if len(text) > MAX_REGEX:
        return f"a regular expression has at most {MAX_REGEX} characters, this one {len(text)}"
    bare = re.sub(r"\\\\", "", text)
    if found := _NOT_RE2.search(re.sub(r"\[[^\]]*\]", "", bare)):
        return f"{text!r}: RE2 has no look-around, back references or possessive quantifiers ({found[0]!r})"
    python = _INLINE_FLAGS.sub("", _POSIX_CLASS.sub("a", _RE2_ONLY.sub("a", text))).replace(r"\z", r"\Z")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(python)
    except re.error as error:
        return f"{text!r} is not a regular expression: {error}"
    return ""


def header_name_problem(name: str) -> str:
    if not name:
        return "a header name must not be empty"
    return "" if _HEADER.fullmatch(name) else f"{name!r} is not a header name"


def header_or_claim_problem(name: str) -> str:
    """A header name, or `@request.auth.claims.x` for the claims of a token."""
    return "" if is_claim(name) else header_name_problem(name)


def is_claim(name: str) -> bool:
    return bool(_JWT_CLAIM.fullmatch(name))


def header_value_problem(value: str) -> str:
    """Envoy reads `%...%` in values as commands; a plain percent sign is `%%`."""
    rest = _FORMAT.sub("", value)
    return "" if "%" not in rest else f"{value!r}: write a percent sign as %%"


def labels_problem(labels: Mapping[str, str]) -> str:
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key):
            return f"{key!r} is not a label key"
        if not _LABEL_VALUE.fullmatch(value):
            return f"{value!r} is not a label value (of {key})"
    return ""


def percent_problem(value: float | None) -> str:
    return "" if value is None or 0 <= value <= 100 else f"{value} is not in 0-100"
