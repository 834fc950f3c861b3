"""ServiceEntry: hosts that are in no Service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.sidecar import WorkloadSelector
from tejer.kube.kinds.istio.status import AnalysisMessageBase, IstioCondition
from tejer.kube.kinds.istio.workload_entry import WorkloadEntrySpec
from tejer.kube.kinds.keywords import CHECKED_PORT, enum, message, rule, schema
from tejer.kube.kinds.meta import ObjectMeta


class ServicePort(Kind, frozen=True, kw_only=True):
    """A port of the service."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        required=(
            "number",
            "name",
        )
    )

    name: Annotated[str, schema(max_length=256)] = ""
    number: Annotated[int | None, CHECKED_PORT] = None
    protocol: Annotated[str, schema(max_length=256)] = ""
    target_port: Annotated[int | None, CHECKED_PORT] = None


class ServiceEntrySpec(Kind, frozen=True, kw_only=True):
    """Hosts, their ports and how their endpoints are found."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        required=("hosts",),
        rules=(
            rule(
                "(has(self.workloadSelector) ? 1 : 0) + (has(self.endpoints) ? 1 : 0) <= 1",
                "only one of WorkloadSelector or Endpoints can be set",
            ),
            rule(
                '!((has(self.addresses) ? self.addresses : []).exists(k, k.contains("/")) && '
                '!((has(self.resolution) ? self.resolution : "NONE") in ["STATIC", "NONE"]))',
                "CIDR addresses are allowed only for NONE/STATIC resolution types",
            ),
            rule(
                '((has(self.resolution) ? self.resolution : "NONE") == "NONE") ? !has(self.endpoints) : true',
                "NONE mode cannot set endpoints",
            ),
            rule(
                '((has(self.resolution) ? self.resolution : "") == "DNS_ROUND_ROBIN") ? '
                "((has(self.endpoints) ? self.endpoints : []).size() <= 1) : true",
                "DNS_ROUND_ROBIN mode cannot have multiple endpoints",
            ),
        ),
    )

    addresses: Annotated[tuple[Annotated[str, schema(max_length=64)], ...], schema(max_items=256)] = ()
    endpoints: Annotated[
        tuple[
            Annotated[
                WorkloadEntrySpec,
                schema(rules=(rule("has(self.address) || has(self.network)", "Address is required"),)),
            ],
            ...,
        ],
        schema(max_items=4096),
    ] = ()
    export_to: tuple[str, ...] = ()
    hosts: Annotated[
        tuple[Annotated[str, schema(rules=(rule('self != "*"', "hostname cannot be wildcard"),))], ...],
        schema(max_items=256, min_items=1),
    ] = ()
    location: Annotated[str, enum("MESH_EXTERNAL", "MESH_INTERNAL")] = ""
    ports: Annotated[
        tuple[ServicePort, ...],
        schema(
            max_items=256,
            list_map_keys=("name",),
            list_type="map",
            rules=(
                rule("self.all(l1, self.exists_one(l2, l1.number == l2.number))", "port number cannot be duplicated"),
            ),
        ),
    ] = ()
    resolution: Annotated[str, enum("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS")] = ""
    subject_alt_names: tuple[str, ...] = ()
    workload_selector: WorkloadSelector | None = None


class ServiceEntryStatus(Kind, frozen=True, kw_only=True):
    """What the control plane reports back, with the addresses it allocated."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(preserve_unknown=True)

    conditions: tuple[IstioCondition, ...] = ()
    observed_generation: int | str | None = None
    validation_messages: tuple[AnalysisMessageBase, ...] = ()


class ServiceEntry(Kind, frozen=True, kw_only=True):
    """Hosts that are in no Service."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("spec",))

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: ServiceEntrySpec = ServiceEntrySpec()
    status: ServiceEntryStatus = ServiceEntryStatus()
