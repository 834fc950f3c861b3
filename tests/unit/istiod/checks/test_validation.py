"""The verdict on objects: the field that is wrong is named, good objects pass."""

import pytest

from tejer.istiod.checks.admission import admit
from tejer.istiod.checks.validation import RULES, validate
from tejer.kube.problem import Severity
from tejer.kube.types import ISTIO_TYPES
from tests.unit.istiod.checks.objects import istio, refused, warned

ROUTE = "hosts: [web]\nhttp:\n- route:\n  - destination: {host: web}\n"


def test_every_istio_kind_has_rules() -> None:
    assert set(RULES) == {rtype.kind for rtype in ISTIO_TYPES}


@pytest.mark.parametrize(
    ("kind", "spec", "field"),
    [
        ("VirtualService", "hosts: [web]\nhtp: []", "spec.htp"),
        ("VirtualService", "hosts: web", "spec.hosts"),
        ("VirtualService", "hosts: [5]", "spec.hosts[0]"),
        ("VirtualService", "hosts: ['we!b']\nhttp:\n- route: [{destination: {host: web}}]", "spec.hosts[0]"),
        ("VirtualService", "hosts: [web]", "spec"),
        ("VirtualService", ROUTE + "  timeout: 5", "spec.http[0].timeout"),
        ("VirtualService", ROUTE + "  timeout: 5 seconds", "spec.http[0].timeout"),
        ("VirtualService", ROUTE + "  retries: {attempts: 3, retryOn: '5xx,boom'}", "spec.http[0].retries.retryOn"),
        ("VirtualService", ROUTE + "    weight: -1", "spec.http[0].route[0].weight"),
        ("VirtualService", ROUTE + "  match: [{uri: {regex: '('}}]", "spec.http[0].match[0].uri.regex"),
        ("VirtualService", ROUTE + "  match: [{uri: {regex: '(?=a)'}}]", "spec.http[0].match[0].uri.regex"),
        ("VirtualService", ROUTE + "  fault: {abort: {httpStatus: 9}}", "spec.http[0].fault.abort.httpStatus"),
        ("VirtualService", ROUTE + "gateways: ['*/x']", "spec.gateways[0]"),
        ("VirtualService", ROUTE + "exportTo: ['*', default]", "spec.exportTo"),
        ("DestinationRule", "host: web\nsubsets: [{name: v1}, {name: v1}]", "spec.subsets[1].name"),
        ("DestinationRule", "host: web\ntrafficPolicy: {loadBalancer: {simple: RANDOMLY}}",
         "spec.trafficPolicy.loadBalancer.simple"),
        ("DestinationRule",
         "host: web\ntrafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true, minimumRingSize: 8388609}}}",
         "spec.trafficPolicy.loadBalancer.consistentHash.minimumRingSize"),
        ("DestinationRule", "host: web\ntrafficPolicy: {tls: {mode: MUTUAL}}",
         "spec.trafficPolicy.tls.clientCertificate"),
        ("DestinationRule", "host: web\ntrafficPolicy: {outlierDetection: {maxEjectionPercent: 101}}",
         "spec.trafficPolicy.outlierDetection.maxEjectionPercent"),
        ("Gateway", "servers: [{hosts: [web.com], port: {name: http, number: 70000, protocol: HTTP}}]",
         "spec.servers[0].port.number"),
        ("Gateway", "servers: [{hosts: [web.com], port: {name: https, number: 443, protocol: HTTPS}}]",
         "spec.servers[0].tls"),
        ("ServiceEntry", "hosts: [a.com]\nports: [{name: http, number: 80}, {name: http, number: 81}]",
         "spec.ports[1].name"),
        ("Sidecar", "egress: [{hosts: [web]}]", "spec.egress[0].hosts[0]"),
        ("AuthorizationPolicy", "action: DENY", "spec.rules"),
        ("AuthorizationPolicy", "rules: [{from: []}]", "spec.rules[0].from"),
        ("AuthorizationPolicy", "rules: [{to: [{operation: {ports: ['x']}}]}]",
         "spec.rules[0].to[0].operation.ports[0]"),
        ("AuthorizationPolicy", "rules: [{to: [{operation: {paths: ['/{*}/a*']}}]}]",
         "spec.rules[0].to[0].operation.paths[0]"),
        ("PeerAuthentication", "mtls: {mode: STRICTEST}", "spec.mtls.mode"),
        ("PeerAuthentication", "portLevelMtls: {8080: {mode: STRICT}}", "spec.portLevelMtls"),
        ("RequestAuthentication", "jwtRules: [{issuer: a, jwksUri: 'ftp://x'}]", "spec.jwtRules[0].jwksUri"),
        ("Telemetry", "accessLogging: [{filter: {expression: 'a &&'}}]",
         "spec.accessLogging[0].filter.expression"),
        ("WasmPlugin", "url: 'ftp://x'", "spec.url"),
        ("TrafficExtension", "lua: {inlineCode: ''}", "spec.lua.inlineCode"),
        ("EnvoyFilter", "configPatches: [{applyTo: CLUSTER, patch: {operation: MERGE}}]",
         "spec.configPatches[0].patch.value"),
        ("WorkloadEntry", "ports: {http: 80}", "spec.address"),
        ("WorkloadGroup", "probe: {httpGet: {port: 80}}", "spec.template"),
        ("ProxyConfig", "concurrency: -1", "spec.concurrency"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(kind: str, spec: str, field: str) -> None:
    assert field in refused(kind, spec)


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("VirtualService", ROUTE),
        ("VirtualService", ROUTE + "  timeout: 0s\n  match: [{headers: {x-a: {}}, withoutHeaders: {y: {regex: '*'}}}]"),
        ("VirtualService", "hosts: ['*.web.com', 10.0.0.1]\ntls:\n- match: [{sniHosts: [a.web.com]}]\n  route: "
         "[{destination: {host: web}}]"),
        ("DestinationRule", "host: '*.local'\ntrafficPolicy: {tls: {mode: ISTIO_MUTUAL}}"),
        ("Gateway", "selector: {istio: ingressgateway}\nservers: [{hosts: ['*'], port: {name: h, number: 80, "
         "protocol: HTTP}}]"),
        ("AuthorizationPolicy", "{}"),
        ("AuthorizationPolicy", "rules: [{}]"),
        ("AuthorizationPolicy", "rules: [{to: [{operation: {paths: ['/a/{*}/b/{**}']}}]}]"),
        ("PeerAuthentication", "mtls: {mode: STRICT}"),
    ],
)  # fmt: skip
def test_good_objects_pass(kind: str, spec: str) -> None:
    assert validate(istio(kind, spec)) == []


def test_hints_say_what_was_meant() -> None:
    (problem,) = validate(istio("VirtualService", "host: [web]"))
    assert problem.hint == "did you mean hosts?"
    (problem,) = validate(istio("PeerAuthentication", "mtls: {mode: strict}"))
    assert problem.hint == "did you mean STRICT?"
    (problem,) = validate(istio("VirtualService", ROUTE + "  timeout: 5"))
    assert problem.hint == 'write it in quotes: "5"'


def test_dead_rules_are_warned_of() -> None:
    spec = """
hosts: [web]
http:
- match: [{uri: {prefix: /}}]
  route: [{destination: {host: a}}]
- match: [{uri: {prefix: /api}, method: {exact: GET}}]
  route: [{destination: {host: b}}]
- match: [{uri: {prefix: /}}]
  route: [{destination: {host: c}}]
"""
    problems = validate(istio("VirtualService", spec))
    assert {(problem.code, problem.field) for problem in problems} == {
        ("IST0131", "spec.http[1].match[0]"), ("IST0131", "spec.http[2].match[0]"), ("IST0130", "spec.http[2]"),
    }  # fmt: skip


def test_a_deny_rule_that_blocks_tcp_is_warned_of() -> None:
    rule = "action: DENY\nrules: [{to: [{operation: {methods: [GET]%s}}]}]"
    assert warned("AuthorizationPolicy", rule % "") == ["spec.rules[0]"]
    assert warned("AuthorizationPolicy", rule % ", ports: ['80']") == []


def test_kinds_that_are_not_istios_and_objects_being_deleted_pass() -> None:
    assert validate({"apiVersion": "v1", "kind": "Pod", "spec": {"bad": 1}}) == []
    body = istio("VirtualService", "hosts: []")
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert validate(body) == []


def test_admission_adds_what_has_no_effect_yet() -> None:
    spec = "jwtRules: [{issuer: a, jwksUri: 'https://a/keys'}]"
    (problem,) = admit(istio("RequestAuthentication", spec))
    assert (problem.severity, problem.code, problem.field) == (Severity.WARNING, "TEJ0001", "spec.jwtRules")
    assert all(problem.code != "TEJ0001" for problem in admit(istio("RequestAuthentication", "jwtRules: [{}]")))
