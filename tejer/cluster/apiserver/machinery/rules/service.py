"""Validation of Services, Endpoints and EndpointSlices. Source: kubernetes `pkg/apis/{core,discovery}/validation`."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from tejer.cluster.apiserver.machinery import names
from tejer.cluster.apiserver.machinery.causes import (
    Cause,
    duplicate,
    forbidden,
    immutable,
    invalid_value,
    not_supported,
    required,
    too_many,
)
from tejer.cluster.apiserver.machinery.objectmeta import check_labels
from tejer.cluster.apiserver.machinery.rules.container import check_port
from tejer.kube.resource import Body

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_LINK_LOCAL_MULTICAST = {4: ip_network("224.0.0.0/24"), 6: ip_network("ff02::/16")}
_MAX_ENDPOINTS, _MAX_ADDRESSES, _MAX_PORTS = 1000, 100, 100


def check_service(body: Body, old: Body | None) -> list[Cause]:
    spec = body.get("spec") or {}
    kind = spec.get("type", "ClusterIP")
    wrong: list[Cause] = []
    if kind not in _TYPES:
        wrong.append(not_supported("spec.type", kind, _TYPES))
    headless = spec.get("clusterIP") == "None"
    ports = spec.get("ports") or []
    if not ports and not headless and kind != "ExternalName":
        wrong.append(required("spec.ports"))
    wrong += _check_ports(ports, kind)
    wrong += check_labels(spec.get("selector") or {}, "spec.selector")
    if spec.get("sessionAffinity", "None") not in ("ClientIP", "None"):
        wrong.append(not_supported("spec.sessionAffinity", spec["sessionAffinity"], ("ClientIP", "None")))
    if kind == "ExternalName":
        wrong += _check_external_name(spec)
    for index, address in enumerate(spec.get("clusterIPs") or ()):
        if address != "None":
            wrong += [invalid_value(f"spec.clusterIPs[{index}]", address, text) for text in names.ip_address(address)]
    for index, address in enumerate(spec.get("externalIPs") or ()):
        wrong += [invalid_value(f"spec.externalIPs[{index}]", address, text) for text in names.ip_address(address)]
    if headless and kind in ("NodePort", "LoadBalancer"):
        text = f"may not be set to 'None' for {kind} services"
        wrong.append(invalid_value("spec.clusterIPs[0]", "None", text))
    for key in ("internalTrafficPolicy", "externalTrafficPolicy"):
        if spec.get(key, "Cluster") not in ("Cluster", "Local"):
            wrong.append(not_supported(f"spec.{key}", spec[key], ("Cluster", "Local")))
    return wrong + (_check_update(spec, old.get("spec") or {}) if old is not None else [])


def _check_external_name(spec: Body) -> list[Cause]:
    name = spec.get("externalName", "").rstrip(".")
    if not name:
        return [required("spec.externalName")]
    wrong = [invalid_value("spec.externalName", name, text) for text in names.dns_subdomain(name)]
    if spec.get("clusterIP"):
        wrong.append(forbidden("spec.clusterIPs[0]", "may not be set when `type` is 'ExternalName'"))
    return wrong


def _check_ports(ports: list[Body], kind: str) -> list[Cause]:
    wrong: list[Cause] = []
    seen_names: set[str] = set()
    seen: set[tuple[object, object]] = set()
    for index, port in enumerate(ports):
        at = f"spec.ports[{index}]"
        name = port.get("name", "")
        if not name and len(ports) > 1:
            wrong.append(required(f"{at}.name"))
        elif name:
            wrong += [invalid_value(f"{at}.name", name, text) for text in names.dns_label(name)]
            if name in seen_names:
                wrong.append(duplicate(f"{at}.name", name))
            seen_names.add(name)
        number, protocol = port.get("port", 0), port.get("protocol", "TCP")
        wrong += [invalid_value(f"{at}.port", number, text) for text in names.port_number(number)]
        if protocol not in _PROTOCOLS:
            wrong.append(not_supported(f"{at}.protocol", protocol, _PROTOCOLS))
        wrong += check_port(port.get("targetPort") or number, f"{at}.targetPort") if number else []
        if port.get("nodePort"):
            if kind == "ClusterIP":
                wrong.append(forbidden(f"{at}.nodePort", "may not be used when `type` is 'ClusterIP'"))
            else:
                wrong += [
                    invalid_value(f"{at}.nodePort", port["nodePort"], t) for t in names.port_number(port["nodePort"])
                ]
        if (number, protocol) in seen:
            wrong.append(duplicate(at, {"port": number, "protocol": protocol}))
        seen.add((number, protocol))
    return wrong


def _check_update(spec: Body, old: Body) -> list[Cause]:
    before, after = old.get("clusterIP", ""), spec.get("clusterIP", "")
    addressed = "ExternalName" not in (old.get("type"), spec.get("type"))
    if addressed and before and after != before:
        return [invalid_value("spec.clusterIPs[0]", spec.get("clusterIPs") or [after], "may not change once set")]
    return []


def check_endpoints(body: Body, old: Body | None) -> list[Cause]:
    wrong: list[Cause] = []
    for index, subset in enumerate(body.get("subsets") or ()):
        at = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            wrong.append(required(at, "must specify `addresses` or `notReadyAddresses`"))
        for key in ("addresses", "notReadyAddresses"):
            for position, address in enumerate(subset.get(key) or ()):
                where, ip = f"{at}.{key}[{position}].ip", address.get("ip", "")
                wrong += [invalid_value(where, ip, text) for text in _endpoint_address(ip)]
        wrong += _check_endpoint_ports(
            subset.get("ports") or [], f"{at}.ports", named=len(subset.get("ports") or []) > 1
        )
    return wrong


def _check_endpoint_ports(ports: list[Body], path: str, *, named: bool) -> list[Cause]:
    wrong: list[Cause] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        at, name = f"{path}[{index}]", port.get("name") or ""
        if named and not name:
            wrong.append(required(f"{at}.name"))
        elif name:
            wrong += [invalid_value(f"{at}.name", name, text) for text in names.dns_label(name)]
        if name in seen and name:
            wrong.append(duplicate(f"{at}.name", name))
        seen.add(name)
        if port.get("port") is not None:
            wrong += [invalid_value(f"{at}.port", port["port"], text) for text in names.port_number(port["port"])]
        if port.get("protocol", "TCP") not in _PROTOCOLS:
            wrong.append(not_supported(f"{at}.protocol", port["protocol"], _PROTOCOLS))
    return wrong


def _endpoint_address(text: str) -> list[str]:
    """An address that is another machine's to everybody: what means "this one" would lead callers to themselves."""
    if wrong := names.ip_address(text):
        return wrong
    address = ip_address(text)
    if address.is_unspecified:
        return [f"may not be unspecified ({text})"]
    if address.is_loopback:
        return ["may not be in the loopback range (127.0.0.0/8, ::1/128)"]
    if address.is_link_local:
        return ["may not be in the link-local range (169.254.0.0/16, fe80::/10)"]
    if address in _LINK_LOCAL_MULTICAST[address.version]:
        return ["may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"]
    return []


def check_endpoint_slice(body: Body, old: Body | None) -> list[Cause]:
    kind = body.get("addressType", "")
    wrong: list[Cause] = []
    if not kind:
        wrong.append(required("addressType"))
    elif kind not in _ADDRESS_TYPES:
        wrong.append(not_supported("addressType", kind, _ADDRESS_TYPES))
    endpoints, ports = body.get("endpoints") or [], body.get("ports") or []
    if len(endpoints) > _MAX_ENDPOINTS:
        wrong.append(too_many("endpoints", len(endpoints), _MAX_ENDPOINTS))
    if len(ports) > _MAX_PORTS:
        wrong.append(too_many("ports", len(ports), _MAX_PORTS))
    for index, endpoint in enumerate(endpoints):
        at = f"endpoints[{index}].addresses"
        addresses = endpoint.get("addresses") or []
        if not addresses:
            wrong.append(required(at, "must contain at least 1 address"))
        if len(addresses) > _MAX_ADDRESSES:
            wrong.append(too_many(at, len(addresses), _MAX_ADDRESSES))
        rule = names.dns_subdomain if kind == "FQDN" else _endpoint_address
        for position, address in enumerate(addresses):
            wrong += [invalid_value(f"{at}[{position}]", address, text) for text in rule(address)]
    wrong += _check_endpoint_ports(ports, "ports", named=False)
    if old is not None and old.get("addressType") != kind:
        wrong.append(immutable("addressType", kind))
    return wrong
