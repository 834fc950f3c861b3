"""What policies select: workloads by label, or a resource by reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.keywords import PORT, message, rule, schema


class PortSelector(Kind, frozen=True, kw_only=True):
    """A port by number."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("number",))

    number: Annotated[int | None, PORT] = None


class WorkloadSelector(Kind, frozen=True, kw_only=True):
    """Workloads that carry all of these labels; none given selects every workload of the namespace."""

    match_labels: Annotated[
        dict[
            str,
            Annotated[
                str,
                schema(
                    max_length=63, rules=(rule('!self.contains("*")', "wildcard not allowed in label value match"),)
                ),
            ],
        ],
        schema(
            max_properties=4096,
            rules=(
                rule('self.all(key, !key.contains("*"))', "wildcard not allowed in label key match"),
                rule("self.all(key, key.size() != 0)", "key must not be empty"),
            ),
        ),
    ] = msgspec.field(default_factory=dict)


class PolicyTargetReference(Kind, frozen=True, kw_only=True):
    """The resource a policy is attached to. Only Gateway API gateways and waypoints honour it."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        required=(
            "kind",
            "name",
        )
    )

    group: Annotated[
        str, schema(max_length=253, pattern="^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
    ] = ""
    kind: Annotated[str, schema(max_length=63, min_length=1, pattern="^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$")] = ""
    name: Annotated[str, schema(max_length=253, min_length=1)] = ""
    namespace: Annotated[
        str, schema(rules=(rule("self.size() == 0", "cross namespace referencing is not currently supported"),))
    ] = ""
