"""ProxyConfig: settings of a workload's proxy, applied at injection."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.selector import WorkloadSelector
from tejer.kube.kinds.istio.status import IstioStatus
from tejer.kube.kinds.keywords import schema
from tejer.kube.kinds.meta import ObjectMeta


class ProxyImage(Kind, frozen=True, kw_only=True):
    """Variant of the proxy's image."""

    image_type: str = ""


class ProxyConfigSpec(Kind, frozen=True, kw_only=True):
    """Settings of the proxies of the selected workloads."""

    concurrency: Annotated[int | None, schema(format="int32", minimum=0, nullable=True)] = None
    environment_variables: dict[str, Annotated[str, schema(max_length=2048)]] = msgspec.field(default_factory=dict)
    image: ProxyImage | None = None
    selector: WorkloadSelector | None = None


class ProxyConfig(Kind, frozen=True, kw_only=True):
    """Settings of a workload's proxy, applied at injection."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: ProxyConfigSpec = ProxyConfigSpec()
    status: IstioStatus = IstioStatus()
