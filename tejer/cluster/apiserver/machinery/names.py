"""The syntaxes of names, labels and annotations. Each function returns what is wrong, one text per mistake.

Texts follow apimachinery's `util/validation/validation.go`, release 1.33.
"""

from __future__ import annotations

import ipaddress
import re

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_PORT_NAME = "[-a-z0-9]+"


def _hint(text: str, pattern: str, *examples: str) -> str:
    shown = ",  or ".join(f"'{example}'" for example in examples)
    return f"{text} (e.g. {shown}, regex used for validation is '{pattern}')"


def _length(text: str, limit: int) -> list[str]:
    return [f"must be no more than {limit} bytes"] if len(text.encode()) > limit else []


def dns_label(text: str) -> list[str]:
    wrong = _length(text, 63)
    if not re.fullmatch(_LABEL, text):
        rule = (
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
            "and must start and end with an alphanumeric character"
        )
        wrong.append(_hint(rule, _LABEL, "my-name", "123-abc"))
    return wrong


def dns_1035_label(text: str) -> list[str]:
    wrong = _length(text, 63)
    if not re.fullmatch(_LABEL_1035, text):
        rule = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
            "alphabetic character, and end with an alphanumeric character"
        )
        wrong.append(_hint(rule, _LABEL_1035, "my-name", "abc-123"))
    return wrong


def dns_subdomain(text: str) -> list[str]:
    wrong = _length(text, 253)
    if not re.fullmatch(_SUBDOMAIN, text):
        rule = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
            "and must start and end with an alphanumeric character"
        )
        wrong.append(_hint(rule, _SUBDOMAIN, "example.com"))
    return wrong


def path_segment(text: str) -> list[str]:
    """Names of RBAC objects: anything that fits between two slashes of a URL."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{char}'" for char in "/%" if char in text]


def qualified_name(text: str) -> list[str]:
    """A label or annotation key: `name` or `prefix/name`."""
    prefix, slash, name = text.rpartition("/")
    rule = (
        "must consist of alphanumeric characters, '-', '_' or '.', "
        "and must start and end with an alphanumeric character"
    )
    if "/" in prefix:
        whole = _hint(f"a qualified name {rule}", _QUALIFIED, "MyName", "my.name", "123-abc")
        return [whole + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    wrong = []
    if slash:
        wrong += (
            ["prefix part " + error for error in dns_subdomain(prefix)] if prefix else ["prefix part must be non-empty"]
        )
    if not name:
        return [*wrong, "name part must be non-empty"]
    wrong += ["name part " + error for error in _length(name, 63)]
    if not re.fullmatch(_QUALIFIED, name):
        wrong.append(_hint(f"name part {rule}", _QUALIFIED, "MyName", "my.name", "123-abc"))
    return wrong


def label_value(text: str) -> list[str]:
    wrong = _length(text, 63)
    if not re.fullmatch(_LABEL_VALUE, text):
        rule = (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
            "and must start and end with an alphanumeric character"
        )
        wrong.append(_hint(rule, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return wrong


def config_key(text: str) -> list[str]:
    """A key of a ConfigMap or Secret."""
    wrong = _length(text, 253)
    if not re.fullmatch(_CONFIG_KEY, text):
        rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        wrong.append(_hint(rule, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    if text == "." or text.startswith(".."):
        wrong.append(f"must not {'be' if text in ('.', '..') else 'start with'} '{text[:2]}'")
    return wrong


def env_name(text: str) -> list[str]:
    """1.33 lets an environment variable have any printable ASCII name without '='."""
    if not text or any(not 32 <= ord(char) < 127 or char == "=" for char in text):
        return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]
    return []


def port_name(text: str) -> list[str]:
    wrong = [] if len(text) <= 15 else ["must be no more than 15 bytes"]
    if not re.fullmatch(_PORT_NAME, text):
        wrong.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        wrong.append("must contain at least one letter (a-z)")
    if "--" in text:
        wrong.append("must not contain consecutive hyphens")
    if text[:1] == "-" or text[-1:] == "-":
        wrong.append("must not begin or end with a hyphen")
    return wrong


def port_number(port: int) -> list[str]:
    return [] if 1 <= port <= 65535 else ["must be between 1 and 65535, inclusive"]


def ip_address(text: str) -> list[str]:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return []


def cidr(text: str) -> list[str]:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]
    return [] if "/" in text else ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]
