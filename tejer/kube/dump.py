"""Objects as YAML text that every reader takes the same way.

Our own writer of JSON-like values: a general YAML library needs 6 s for the mesh's CustomResourceDefinitions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from tejer.kube.manifest import plain_scalar

YAML_1_1_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "="))
"""What older YAML readers (kubectl's among them) take for booleans where it stands unquoted."""
# Texts that need no quotes anywhere: no indicator at the start, no `: `, no ` #`, nothing that reads as another type.
_PLAIN = re.compile(r"[A-Za-z0-9_./$^(+][^\n\t\r\x00-\x1f\x7f-\xa0\ufeff\ud800-\udfff]*")
_UNSAFE = re.compile(r":(\s|$)|\s#|[\[\]{},]")
_LOOKS_TYPED = re.compile(r"[-+.]?[0-9].*")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_BLOCK = re.compile(r"[^\n\s][^\r\x00-\x08\x0b-\x1f\x7f]*")


def to_yaml(value: Any) -> str:
    """One YAML document: keys in their order, long strings unbroken, strings quoted where any YAML reads otherwise."""
    return "\n".join(_lines(value, "")) + "\n"


def to_yaml_documents(values: list[Any]) -> str:
    """Several documents, each after `---`."""
    return "".join(f"---\n{to_yaml(value)}" for value in values)


def _lines(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _entry(f"{indent}{_scalar(str(key))}:", item, indent)
    elif isinstance(value, list | tuple) and value:
        for item in value:
            yield from _item(item, indent)
    else:
        yield indent + _leaf(value)


def _entry(head: str, item: Any, indent: str) -> Iterator[str]:
    """`key: value`, or `key:` with what it holds below. Lists are not indented under their key, as Go writes them."""
    if isinstance(item, dict) and item:
        yield head
        yield from _lines(item, indent + "  ")
    elif isinstance(item, list | tuple) and item:
        yield head
        yield from _lines(item, indent)
    elif isinstance(item, str) and _is_block(item):
        yield from _block(head, item, indent + "  ")
    else:
        yield f"{head} {_leaf(item)}"


def _item(item: Any, indent: str) -> Iterator[str]:
    if isinstance(item, str) and _is_block(item):
        yield from _block(f"{indent}-", item, indent + "  ")
        return
    first = True
    for line in _lines(item, indent + "  "):
        yield f"{indent}- {line[len(indent) + 2 :]}" if first else line
        first = False


def _is_block(text: str) -> bool:
    return "\n" in text and _BLOCK.fullmatch(text) is not None and not any(_ends_blank(text.split("\n")))


def _ends_blank(lines: Sequence[str]) -> Iterator[bool]:
    return (line != line.rstrip() for line in lines)


def _block(head: str, text: str, indent: str) -> Iterator[str]:
    """A literal block; the sign after `|` says what becomes of the line breaks at its end."""
    body = text.rstrip("\n")
    breaks = len(text) - len(body)
    yield f"{head} |{'' if breaks == 1 else '-' if breaks == 0 else '+'}"
    for line in body.split("\n"):
        yield indent + line if line else ""
    yield from ("" for _ in range(breaks - 1))


def _leaf(value: Any) -> str:
    if isinstance(value, str):
        return _scalar(value)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    return json.dumps(value)


def _scalar(text: str) -> str:
    if (
        _PLAIN.fullmatch(text)
        and not _UNSAFE.search(text)
        and text[-1] != " "
        and text.lower() not in YAML_1_1_WORDS
        and isinstance(plain_scalar(text), str)
        and not (_LOOKS_TYPED.fullmatch(text) and _reads_as_number(text))
    ):
        return text
    return _quoted(text)


def _reads_as_number(text: str) -> bool:
    """Sexagesimal numbers and dates are other types in YAML 1.1."""
    return _SEXAGESIMAL.fullmatch(text) is not None or _DATE.fullmatch(text) is not None


def _quoted(text: str) -> str:
    """In single quotes where nothing needs an escape, else in double quotes."""
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
