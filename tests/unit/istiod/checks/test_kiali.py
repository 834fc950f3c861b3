"""What Kiali finds and Istio's analyzers do not: each code on a mesh with the mistake, and none on one without."""

import pytest

from tejer.istiod.checks.analysis import analyze
from tejer.istiod.checks.codes import CODES
from tejer.istiod.checks.world import World
from tests.unit.istiod.checks.objects import istio, objects

MESH = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web, version: v1}}
spec:
  containers: [{name: web, image: web, ports: [{name: http, containerPort: 80}]}, {name: istio-proxy, image: proxy}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
"""


def codes(*specs: tuple[str, str], more: str = "") -> list[str]:
    """The codes for objects (kind, spec), named a, b and so on; a kind may say its namespace: `Sidecar@bank`."""
    bodies = []
    for name, (kind, spec) in zip("abc", specs, strict=False):
        kind, _, namespace = kind.partition("@")
        bodies.append(istio(kind, spec, name, namespace or "shop"))
    return [problem.code for problem in analyze(World([*objects(MESH + more), *bodies]))]


AP, PA, DR = "AuthorizationPolicy", "PeerAuthentication", "DestinationRule"
TO = "[{route: [{destination: {host: web}%s}]}]"
FROM = "rules: [{from: [{source: {%s}}]}]"
GET = "rules: [{to: [{operation: {%s}}]}]"
ENTRY = "hosts: [api.example.com]\nports: [{number: 443, name: tls, protocol: TLS}]\nresolution: DNS"
OFF, STRICT = (PA, "mtls: {mode: DISABLE}"), (PA, "mtls: {mode: STRICT}")
WRONG = {
    "KIA0002": [STRICT, OFF],
    "KIA0003": [(PA, "selector: {matchLabels: {app: web}}"), (PA, "selector: {matchLabels: {version: v1}}")],
    "KIA0004": [("RequestAuthentication", "selector: {matchLabels: {app: wob}}")],
    "KIA0005": [("VirtualService", f"hosts: [web]\nexportTo: [shp]\nhttp: {TO % ''}")],
    "KIA0102": [(AP, GET % "methods: [get]")],
    "KIA0104": [(AP, GET % "hosts: [wob.shop.svc.cluster.local]")],
    "KIA0105": [(AP, FROM % "namespaces: [shop]"), OFF],
    "KIA0106": [(AP, FROM % "principals: [cluster.local/ns/shop/sa/wob]")],
    "KIA0108": [(AP, FROM % "principals: [other.org/ns/shop/sa/web]")],
    "KIA0201": [(DR, "host: web\nsubsets: [{name: v1, labels: {version: v1}}]")] * 2,
    "KIA0207": [(DR, "host: web\ntrafficPolicy: {tls: {mode: DISABLE}}"), STRICT],
    "KIA0209": [(DR, "host: web\nsubsets: [{name: all}]")],
    "KIA0505": [(DR, "host: web\ntrafficPolicy: {tls: {mode: ISTIO_MUTUAL}}"), OFF],
    "KIA1004": [("Sidecar", "egress: [{hosts: [shop/gone.example.com]}]")],
    "KIA1006": [("Sidecar@istio-system", "workloadSelector: {labels: {a: b}}\negress: [{hosts: ['*/*']}]")],
    "KIA1007": [("Sidecar", "egress: [{hosts: ['*/*']}]\noutboundTrafficPolicy: {}")],
    "KIA1104": [("VirtualService", f"hosts: [web]\nhttp: {TO % ', weight: 5'}")],
    "KIA1105": [("VirtualService", "hosts: [web]\nhttp: [{route: [{destination: {host: web}, weight: 1}, "
                 "{destination: {host: web.shop.svc.cluster.local}, weight: 1}]}]")],
    "KIA1211": [("ServiceEntry", ENTRY), ("ServiceEntry@bank", ENTRY)],
    "KIA1701": [("WorkloadGroup", "template: {serviceAccount: wob}")],
    "KIA1702": [("WorkloadGroup", "metadata: {labels: {a: b}}\ntemplate: {}")] * 2,
}  # fmt: skip
RIGHT = {
    "KIA0003": [(PA, "selector: {matchLabels: {app: web}}"), STRICT],
    "KIA0004": [("RequestAuthentication", "selector: {matchLabels: {app: web}}")],
    "KIA0005": [("VirtualService", f"hosts: [web]\nexportTo: [., shop]\nhttp: {TO % ''}")],
    # Kiali's own known false positives: prefixes of methods, Host headers, automatic mutual TLS.
    "KIA0102": [(AP, GET % "methods: [GET*, '*T', '*']")],
    "KIA0104": [(AP, GET % "hosts: [shop.example.com, '*.svc.cluster.local', web.shop.svc.cluster.local]")],
    "KIA0105": [(AP, FROM % "namespaces: [shop]"), STRICT],
    "KIA0106": [(AP, FROM % "principals: [cluster.local/ns/shop/sa/web, '*/ns/shop/sa/gone', "
                 "cluster.local/ns/shop/sa/default]")],
    "KIA0201": [(DR, "host: web\nsubsets: [{name: v1, labels: {version: v1}}]"),
                (DR, "host: web\nsubsets: [{name: v2, labels: {app: web}}]")],
    "KIA0207": [(DR, "host: web\ntrafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}"), STRICT],
    "KIA0505": [(DR, "host: web\ntrafficPolicy: {tls: {mode: DISABLE}}"), OFF],
    "KIA1004": [("Sidecar", "egress: [{hosts: ['*/web.shop.svc.cluster.local', ./*, '~/*']}]")],
    "KIA1104": [("VirtualService", f"hosts: [web]\nhttp: {TO % ', weight: 100'}")],
    "KIA1211": [("ServiceEntry", ENTRY), ("ServiceEntry@bank", ENTRY + "\nexportTo: [.]")],
}  # fmt: skip


@pytest.mark.parametrize("code", WRONG)
def test_a_mistake_is_named(code: str) -> None:
    assert code in codes(*WRONG[code])


@pytest.mark.parametrize("code", RIGHT)
def test_what_is_right_is_not(code: str) -> None:
    assert [found for found in codes(*RIGHT[code]) if found.startswith("KIA")] == []


def test_a_target_port_that_no_pod_has() -> None:
    assert codes() == []
    service = "---\n" + MESH.split("---")[1].replace("targetPort: http", "targetPort: web").replace(
        "name: web,", "name: w,"
    )
    assert codes(more=service) == ["KIA0701"]


def test_every_code_of_kiali_has_a_case() -> None:
    assert {code for code in CODES if code.startswith("KIA")} == {*WRONG, "KIA0701"}
