"""Manifests: YAML and JSON files as objects that remember the line and column of every field.

Scalars are read as YAML 1.2 and Go's libraries do, so `001:db8::`, `yes` and dates are strings and `0644` is octal:
PyYAML's readings would change what Kubernetes gets. Repeated keys, bytes that are not UTF-8 and malformed text are
refused with file and line.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tejer.kube.problem import Origin
from tejer.kube.resource import Body

FieldPath: TypeAlias = tuple[str | int, ...]
SUFFIXES = (".yaml", ".yml", ".json")
MAX_BYTES = 16 * 1024 * 1024
MAX_NODES = 300_000
"""Of one document. Aliases are expanded, so a few lines could become a billion nodes; no honest object comes near."""
LONGEST_NUMBER = 300
"""Digits. With more, a number is no float any more."""

_INT = re.compile(r"[-+]?(0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_CONSTANTS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_STEP = re.compile(r"\[(\d+)\]|\[[\"']?([^\]]*?)[\"']?\]|([^.\[\]]+)")


class ManifestError(ValueError):
    """A file that can't be read as objects. `str()` is `FILE:LINE:COLUMN: what is wrong`."""

    def __init__(self, message: str, file: str = "", line: int = 0, column: int = 0) -> None:
        where = ":".join(str(part) for part in (file or "<input>", line, column) if part)
        super().__init__(f"{where}: {message}")
        self.message, self.file, self.line, self.column = message, file, line, column


class Document(NamedTuple):
    """One object, where it came from, and the (line, column) of each of its fields."""

    body: Body
    origin: Origin
    marks: dict[FieldPath, tuple[int, int]]

    def line_of(self, field: str) -> int:
        """The line of a field, or of the nearest field around it."""
        return self.origin_of(field).line

    def origin_of(self, field: str) -> Origin:
        """Where a field such as `spec.http[0].timeout` stands, or the nearest field around it."""
        path = parse_path(field)
        while path and path not in self.marks:
            path = path[:-1]
        line, column = self.marks.get(path, (self.origin.line, 1))
        return Origin(file=self.origin.file, line=line, column=column)


def parse_path(field: str) -> FieldPath:
    """`spec.http[0].match["a.b"]` as its steps."""
    return tuple(int(number) if number else key or name for number, key, name in _STEP.findall(field))


def load_paths(paths: Sequence[str], *, recursive: bool = False, strict: bool = True) -> list[Document]:
    """Objects of files, of directories' `.yaml`, `.yml` and `.json` files in order of name, and of stdin (`-`).

    `strict` wants `apiVersion` and `kind` of every object. Raises ManifestError, and FileNotFoundError where a path
    does not exist.
    """
    documents: list[Document] = []
    for path in paths:
        if path == "-":
            documents += load_bytes(sys.stdin.buffer.read(), "<stdin>", strict=strict)
        else:
            for file in files_in(Path(path), recursive=recursive):
                documents += load_bytes(file.read_bytes(), str(file), strict=strict)
    return documents


def files_in(path: Path, *, recursive: bool) -> Iterator[Path]:
    """The manifest files at `path`, which is a file or a directory."""
    if not path.is_dir():
        yield path
        return
    for entry in sorted(path.iterdir()):
        if entry.is_dir():
            if recursive:
                yield from files_in(entry, recursive=True)
        elif entry.suffix in SUFFIXES:
            yield entry


def load_bytes(data: bytes, file: str = "", *, strict: bool = True) -> list[Document]:
    """Objects of one file's bytes. Raises ManifestError."""
    if len(data) > MAX_BYTES:
        raise ManifestError(f"{len(data)} bytes is more than the {MAX_BYTES} allowed in one file", file)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise ManifestError(f"byte {data[error.start]:#04x} is not UTF-8: save the file as UTF-8", file, line,
                            column) from None  # fmt: skip
    return load_text(text, file, strict=strict)


def load_text(text: str, file: str = "", *, strict: bool = True) -> list[Document]:
    """Objects of YAML documents or JSON; a `List` gives its items. Raises ManifestError."""
    documents: list[Document] = []
    for node in _compose(text, file):
        reader = _Reader(file)
        value = reader.value(node, ())
        if value is None:
            continue
        line = node.start_mark.line + 1
        if not isinstance(value, dict):
            raise ManifestError(f"expected an object, got {_kind_of(value)}", file, line)
        documents += _objects(Document(value, Origin(file=file, line=line), reader.marks), strict)
    return documents


def load_value(text: str, file: str = "") -> Any:
    """The first YAML document as JSON values, whatever it holds (a setting, not an object). Raises ManifestError."""
    node = next(_compose(text, file), None)
    return None if node is None else _Reader(file).value(node, ())


def _objects(document: Document, strict: bool) -> Iterator[Document]:
    body, origin, marks = document
    items = body.get("items")
    if not (str(body.get("kind", "")).endswith("List") and isinstance(items, list)):
        for field in ("apiVersion", "kind"):
            if strict and (not isinstance(body.get(field), str) or not body[field]):
                raise ManifestError(f"{field} is missing: is this a Kubernetes object?", origin.file, origin.line)
        yield document
        return
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise ManifestError(f"items[{index}]: expected an object, got {_kind_of(item)}", origin.file, origin.line)
        inner = {path[2:]: mark for path, mark in marks.items() if path[:2] == ("items", index)}
        line = marks.get(("items", index), (origin.line, 1))[0]
        yield from _objects(Document(item, Origin(file=origin.file, line=line), inner), strict)


def _compose(text: str, file: str) -> Iterator[Node]:
    yaml = YAML(typ="rt", pure=True)
    yaml.composer.warn_double_anchors = False  # YAML takes the later one, and so does Go
    try:
        # Composing only: values are read below, with the position of each node.
        yield from yaml.compose_all(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = str(error.problem or error.context or error).strip()
        raise ManifestError(f"not YAML: {message}", file, mark.line + 1, mark.column + 1) from None
    except RecursionError:
        raise ManifestError("the document is nested too deep", file) from None
    except YAMLError as error:
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position) + 1
        reason = getattr(error, "reason", "") or str(error).splitlines()[0]
        raise ManifestError(f"not YAML: {reason}", file, line) from None


class _Reader:
    """Reads nodes of one document as values and notes where each field stands."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.marks: dict[FieldPath, tuple[int, int]] = {}
        self.count = 0

    def value(self, node: Node, path: FieldPath) -> Any:
        self.count += 1
        if self.count > MAX_NODES or len(path) > 200:
            raise self.error(node, "the document is too large or too deep")
        self.marks.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        if isinstance(node, MappingNode):
            return self.mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self.scalar(node)

    def mapping(self, node: MappingNode, path: FieldPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                raise self.error(key_node, "a key must be a string")
            key = key_node.value
            if key == "<<" and key_node.style is None:
                merged = {**self.merge(value_node, path), **merged}
                continue
            if key in result:
                raise self.error(key_node, f"{key!r} is set twice in the same object")
            self.marks[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            result[key] = self.value(value_node, (*path, key))
        return {**merged, **result} if merged else result

    def merge(self, node: Node, path: FieldPath) -> dict[str, Any]:
        sources = node.value if isinstance(node, SequenceNode) else [node]
        result: dict[str, Any] = {}
        for source in sources:
            if not isinstance(source, MappingNode):
                raise self.error(source, "`<<` takes an object or a list of objects")
            result = {**self.mapping(source, path), **result}
        return result

    def scalar(self, node: ScalarNode) -> Any:
        text = str(node.value)
        if node.style is not None or (node.tag or "").endswith(":str"):
            tag = str(node.tag or "")
            return text if not tag.endswith((":int", ":float", ":bool")) or node.style is None else plain_scalar(text)
        return plain_scalar(text)

    def error(self, node: Node, message: str) -> ManifestError:
        return ManifestError(message, self.file, node.start_mark.line + 1, node.start_mark.column + 1)


def plain_scalar(text: str) -> Any:
    """What an unquoted scalar means: null, a boolean, a number, or else a string."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text) and (number := _integer(text)) is not None:
        return number
    if _FLOAT.fullmatch(text) and abs(number := float(text)) != float("inf"):
        return number
    if match := _INFINITY.fullmatch(text):
        return float(f"{match[1]}inf")
    return text


def _integer(text: str) -> int | float | None:
    """An integer as Go's YAML reads it: one of more than 64 bits, or `0899`, is a float; None for what is a string."""
    digits = text.replace("_", "").lstrip("+-")
    base = 8 if len(digits) > 1 and digits[0] == "0" and digits.isdigit() else 0
    try:
        number = int(digits, base)
    except ValueError:
        return float(digits) if digits.isdigit() and len(digits) < LONGEST_NUMBER else None
    number = -number if text.startswith("-") else number
    return number if -(1 << 63) <= number < 1 << 64 else float(number) if len(digits) < LONGEST_NUMBER else None


def _kind_of(value: Any) -> str:
    return {list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}.get(
        type(value), "something else"
    )
