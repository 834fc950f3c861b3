"""`InstallOptions`: everything `install` decides by, from a profile, IstioOperator files and `--set`, in that order."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from tejer.istiod.install.profiles import PROFILES
from tejer.istiod.install.shape import SHAPE, check
from tejer.kube.kinds.istio_mesh import MeshConfig
from tejer.kube.manifest import plain_scalar
from tejer.kube.resource import Body
from tejer.kube.version import VERSION

_STEP = re.compile(r"((?:\\.|[^.\[\]\\])+)|\[(\d+)\]")


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway Deployment and its Service. `ports` are Service ports; empty means the usual ones."""

    name: str
    enabled: bool = True
    namespace: str = ""
    labels: dict[str, str] = {}
    replicas: int = 1
    resources: Body = {}
    env: tuple[Body, ...] = ()
    service_type: str = "LoadBalancer"
    ports: tuple[Body, ...] = ()
    annotations: dict[str, str] = {}


class InstallOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`mesh` is MeshConfig as the user sees it in ConfigMap `istio`; `values` are the injector's."""

    profile: str = "default"
    namespace: str = "istio-system"
    hub: str = "tejer"
    tag: str = VERSION
    revision: str = "default"
    mesh: Body = {}
    values: Body = {}
    base: bool = True
    pilot: bool = True
    pilot_replicas: int = 1
    pilot_resources: Body = {}
    pilot_env: tuple[Body, ...] = ()
    gateways: tuple[Gateway, ...] = ()

    @property
    def trust_domain(self) -> str:
        return str(self.mesh.get("trustDomain", "cluster.local"))

    def image(self, name: str) -> str:
        return f"{self.hub}/{name}:{self.tag}"


def build_options(sets: Iterable[str] = (), files: Iterable[Body] = ()) -> InstallOptions:
    """Options from `--set path=value` texts over the specs of IstioOperator objects over the profile.

    Raises ValueError naming the setting that does not exist or does not fit, with what was meant perhaps.
    """
    overlay: Body = {}
    for operator in files:
        overlay = merge(overlay, check(_operator_spec(operator), SHAPE, ""))
    for text in sets:
        path, separator, value = text.partition("=")
        if not separator:
            raise ValueError(f"--set {text}: write --set path=value")
        overlay = merge(overlay, check(_tree(parse_steps(path), value), SHAPE, ""))
    profile = str(overlay.get("profile", "default"))
    if profile not in PROFILES:
        raise ValueError(f"profile {profile!r} is not known; known: {', '.join(PROFILES)}")
    if overlay.get("revision", "default") not in ("", "default"):
        raise ValueError(f"revision {overlay['revision']!r}: several control planes side by side are not possible yet")
    return _options(merge(PROFILES[profile], overlay), profile)


def parse_steps(path: str) -> list[str | int]:
    r"""`components.ingressGateways[0].k8s` as steps; a dot that belongs to a name is written `\.`."""
    steps: list[str | int] = []
    for name, index in _STEP.findall(path):
        steps.append(int(index) if index else re.sub(r"\\(.)", r"\1", name))
    if not steps or isinstance(steps[0], int):
        raise ValueError(f"--set {path}: a path begins with a name, such as meshConfig.accessLogFile")
    return steps


def merge(base: Any, overlay: Any) -> Any:
    """`overlay` on top of `base`: objects merge, list items merge by position (None leaves one alone), else it wins."""
    if isinstance(base, dict) and isinstance(overlay, dict):
        return {**base, **{name: merge(base.get(name), item) for name, item in overlay.items()}}
    if isinstance(base, list) and isinstance(overlay, list):
        longest = max(len(base), len(overlay))
        pairs = zip(_padded(base, longest), _padded(overlay, longest), strict=True)
        return [old if new is None else merge(old, new) for old, new in pairs]
    return copy.deepcopy(overlay)


def _padded(items: list[Any], length: int) -> list[Any]:
    return items + [None] * (length - len(items))


def _tree(steps: list[str | int], text: str) -> Any:
    if not steps:
        return plain_scalar(text)
    inner = _tree(steps[1:], text)
    step = steps[0]
    return [*({} for _ in range(step)), inner] if isinstance(step, int) else {step: inner}


def _operator_spec(operator: Body) -> Body:
    if operator.get("kind") != "IstioOperator":
        raise ValueError(f"-f takes an IstioOperator (install.istio.io/v1alpha1), not a {operator.get('kind')}")
    spec = operator.get("spec") or {}
    namespace = (operator.get("metadata") or {}).get("namespace")
    return {"namespace": namespace, **spec} if namespace else spec


def _options(tree: Body, profile: str) -> InstallOptions:
    components, values = tree.get("components", {}), tree.get("values", {})
    shared = values.get("global", {})
    pilot, pilot_values = components.get("pilot", {}), values.get("pilot", {})
    kubernetes = pilot.get("k8s", {})
    mesh = tree.get("meshConfig", {})
    msgspec.convert(mesh, MeshConfig, strict=False)
    env = [*kubernetes.get("env", ()), *({"name": k, "value": str(v)} for k, v in pilot_values.get("env", {}).items())]
    return InstallOptions(
        profile=profile,
        namespace=tree.get("namespace") or shared.get("istioNamespace") or "istio-system",
        hub=tree.get("hub") or shared.get("hub") or "tejer",
        tag=tree.get("tag") or shared.get("tag") or VERSION,
        revision=tree.get("revision") or "default",
        mesh=mesh,
        values=values,
        base=components.get("base", {}).get("enabled", True),
        pilot=pilot.get("enabled", True),
        pilot_replicas=kubernetes.get("replicaCount", pilot_values.get("replicaCount", 1)),
        pilot_resources=kubernetes.get("resources") or pilot_values.get("resources") or {},
        pilot_env=tuple(env),
        gateways=(
            *(_gateway(body, "istio-ingressgateway") for body in components.get("ingressGateways", ())),
            *(_gateway(body, "istio-egressgateway") for body in components.get("egressGateways", ())),
        ),
    )


def _gateway(body: Body, default_name: str) -> Gateway:
    kubernetes = body.get("k8s", {})
    service = kubernetes.get("service", {})
    egress = default_name == "istio-egressgateway"
    return Gateway(
        name=body.get("name", default_name),
        enabled=body.get("enabled", True),
        namespace=body.get("namespace", ""),
        labels=body.get("label") or {"app": default_name, "istio": default_name.removeprefix("istio-")},
        replicas=kubernetes.get("replicaCount", 1),
        resources=kubernetes.get("resources", {}),
        env=tuple(kubernetes.get("env", ())),
        service_type=service.get("type", "ClusterIP" if egress else "LoadBalancer"),
        ports=tuple(service.get("ports", ())),
        annotations=kubernetes.get("serviceAnnotations", {}),
    )
