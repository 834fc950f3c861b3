"""The vendored Kubernetes 1.33 data, decoded entry by entry when first used (a whole load costs ~10 MB of objects).

Files and their origin: `scripts/vendor_kubernetes.py`.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

_DATA = Path(__file__).parent / "data"


def _read(name: str) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(gzip.decompress((_DATA / name).read_bytes()), type=dict[str, msgspec.Raw])


@lru_cache(maxsize=1)
def openapi() -> dict[str, msgspec.Raw]:
    """Definition name → its schema as undecoded JSON, without descriptions."""
    return _read("openapi.json.gz")


def descriptions() -> dict[str, msgspec.Raw]:
    """Definition name → {property or "": text}. Not cached: only OpenAPI documents need it."""
    return _read("descriptions.json.gz")


@lru_cache(maxsize=1)
def gotypes() -> dict[str, msgspec.Raw]:
    """Protobuf message name → list of [number, JSON name, type, label, flags], see `gotypes.py`."""
    return _read("gotypes.json.gz")


def decode(raw: msgspec.Raw) -> Any:
    return msgspec.json.decode(raw)
