"""WorkloadEntry: one endpoint outside Kubernetes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.status import IstioStatus
from tejer.kube.kinds.keywords import CHECKED_PORT, UINT32, message, rule, schema
from tejer.kube.kinds.meta import ObjectMeta


class WorkloadEntrySpec(Kind, frozen=True, kw_only=True):
    """Address, ports and labels of one endpoint."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        rules=(
            rule(
                '(has(self.address) ? self.address : "").startsWith("unix://") ? !has(self.ports) : true',
                "UDS may not include ports",
            ),
        )
    )

    address: Annotated[
        str,
        schema(
            max_length=256,
            rules=(
                rule(
                    'self.startsWith("unix://") ? (self.substring(7, 8) == "/" || self.substring(7, 8) == "@") : true',
                    "UDS must be an absolute path or abstract socket",
                ),
                rule('self.startsWith("unix://") ? !self.endsWith("/") : true', "UDS may not be a dir"),
            ),
        ),
    ] = ""
    labels: Annotated[dict[str, str], schema(max_properties=256)] = msgspec.field(default_factory=dict)
    locality: Annotated[str, schema(max_length=2048)] = ""
    network: Annotated[str, schema(max_length=2048)] = ""
    ports: Annotated[
        dict[str, Annotated[int, CHECKED_PORT]],
        schema(
            max_properties=128,
            rules=(
                rule(
                    'self.all(key, size(key) < 63 && key.matches("^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$"))',
                    "port name must be valid",
                ),
            ),
        ),
    ] = msgspec.field(default_factory=dict)
    service_account: Annotated[str, schema(max_length=253)] = ""
    weight: Annotated[int | None, UINT32] = None


class WorkloadEntry(Kind, frozen=True, kw_only=True):
    """One endpoint outside Kubernetes."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("spec",))

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: Annotated[
        WorkloadEntrySpec,
        schema(rules=(rule("has(self.address) || has(self.network)", "Address is required"),)),
    ] = WorkloadEntrySpec()
    status: IstioStatus = IstioStatus()
