"""`Kind`: what every typed Kubernetes or Istio message is.

A view of an object's JSON: immutable, absent fields at their zero value, unknown fields left out. Attribute names are
the snake_case of the JSON names. Constraints (enums, ranges, CEL rules) are data beside the fields, read by
`tejer.kube.schema`; decoding does not enforce them, the API server does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec


class Kind(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of all messages. `SCHEMA` holds the OpenAPI keywords that belong to the message as a whole."""

    SCHEMA: ClassVar[Mapping[str, Any]] = {}
