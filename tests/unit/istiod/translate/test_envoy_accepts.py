"""Random but valid objects: whatever a user may write, the real Envoy accepts what becomes of it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.envoy_config import validate
from tests.support.mesh_world import World

Json = dict[str, Any]
WORLDS = 60
CREDENTIAL = ("tls.crt", "tls.key", "ca.crt")
AS_ISTIO = ("envoy.config.rbac.v3.Principal.metadata", "envoy.config.rbac.v3.Permission.metadata")
"""Deprecated, yet what Istio's tables want; Envoy 1.40 takes it."""
PROTOCOLS = ("http", "http2", "grpc", "grpc-web", "tcp", "tls", "https", "mongo", "redis", "x")
SE_PROTOCOLS = ("HTTP", "HTTP2", "GRPC", "TCP", "TLS", "HTTPS", "MONGO")


class Maker:
    """Draws objects from one random stream."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def some(self, **fields: Callable[[], Any]) -> Json:
        return {name: make() for name, make in fields.items() if self.rng.random() < 0.5}

    def one(self, *values: Any) -> Any:
        return self.rng.choice(values)

    def duration(self) -> str:
        return str(self.one("0.5s", "1s", "10s", "1m"))

    def service(self, name: str) -> Json:
        count = self.rng.randrange(1, 4)
        ports = [
            {"name": f"{self.one(*PROTOCOLS)}-{n}", "port": 80 + n * self.rng.randrange(1, 3)} for n in range(count)
        ]
        ports = list({port["port"]: port for port in ports}.values())
        spec: Json = {"selector": {"app": self.one("a", "b")}, "ports": ports}
        spec["clusterIP"] = self.one("None", f"10.96.0.{self.rng.randrange(1, 250)}")
        return {"kind": "Service", "metadata": {"name": name}, "spec": spec}

    def entry(self, name: str) -> Json:
        resolution = self.one("STATIC", "DNS", "NONE", "DNS_ROUND_ROBIN")
        spec: Json = {
            "hosts": [self.one(f"{name}.example", f"*.{name}.example") if resolution == "NONE" else f"{name}.example"],
            "ports": [{"number": self.one(80, 443, 5432), "name": "p", "protocol": self.one(*SE_PROTOCOLS)}],
            "resolution": resolution,
            "location": self.one("MESH_EXTERNAL", "MESH_INTERNAL"),
        }
        if resolution == "STATIC":
            spec["endpoints"] = [{"address": "192.0.2.7", "labels": {"version": "v1"}}]
        if self.rng.random() < 0.5:
            spec["addresses"] = [self.one("198.51.100.7", "203.0.113.0/24") if resolution in ("NONE", "STATIC") else
                                 "198.51.100.7"]  # fmt: skip
        return {"kind": "ServiceEntry", "metadata": {"name": name}, "spec": spec}

    def policy(self) -> Json:
        def tls() -> Json:
            mode = self.one("DISABLE", "SIMPLE", "ISTIO_MUTUAL")
            extra = self.some(sni=lambda: "sni.example") if mode == "SIMPLE" else {}
            return {"mode": mode, **extra, **({"insecureSkipVerify": True} if mode == "SIMPLE" else {})}

        def hashing() -> Json:
            over = self.one(
                {"httpHeaderName": "x"}, {"httpCookie": {"name": "c", "ttl": "0s"}}, {"useSourceIp": True},
                {"httpQueryParameterName": "q"},
            )  # fmt: skip
            return {"consistentHash": {**over, **self.one({}, {"maglev": {}}, {"ringHash": {"minimumRingSize": 64}})}}

        def balancer() -> Json:
            simple = self.one("LEAST_REQUEST", "ROUND_ROBIN", "RANDOM", "PASSTHROUGH", "LEAST_CONN")
            chosen: Json = self.one({"simple": simple}, hashing())
            return {**chosen, **self.some(warmup=lambda: {"duration": "30s"})}

        def pool() -> Json:
            return self.some(
                tcp=lambda: self.some(
                    maxConnections=lambda: 5, connectTimeout=self.duration, idleTimeout=self.duration,
                    maxConnectionDuration=self.duration,
                    tcpKeepalive=lambda: {"time": "60s", "probes": 3, "interval": "5s"},
                ),
                http=lambda: self.some(
                    http1MaxPendingRequests=lambda: 1, http2MaxRequests=lambda: 1, maxRequestsPerConnection=lambda: 1,
                    maxRetries=lambda: 1, idleTimeout=self.duration, useClientProtocol=lambda: True,
                    h2UpgradePolicy=lambda: "UPGRADE", maxConcurrentStreams=lambda: 10,
                    http2KeepAlive=lambda: {"interval": "30s", "timeout": "5s"},
                ),
            )  # fmt: skip

        def outliers() -> Json:
            return self.some(
                consecutive5xxErrors=lambda: self.one(0, 3), consecutiveGatewayErrors=lambda: self.one(0, 2),
                interval=self.duration, baseEjectionTime=self.duration, maxEjectionPercent=lambda: 50,
                minHealthPercent=lambda: 20, splitExternalLocalOriginErrors=lambda: True,
                consecutiveLocalOriginFailures=lambda: 3,
            )  # fmt: skip

        return self.some(
            tls=tls, loadBalancer=balancer, connectionPool=pool, outlierDetection=outliers,
            retryBudget=lambda: {"percent": 10, "minRetryConcurrency": 2},
        )  # fmt: skip

    def rule(self, host: str) -> Json:
        policy = self.policy()
        if self.rng.random() < 0.3:
            level = {key: value for key, value in self.policy().items() if key != "retryBudget"}
            policy["portLevelSettings"] = [{"port": {"number": 80}, **level}]
        subsets = [{"name": name, "labels": {"version": name}, **self.some(trafficPolicy=self.policy)}
                   for name in ("v1", "v2")]  # fmt: skip
        spec = {"host": host, "trafficPolicy": policy, "subsets": subsets}
        return {"kind": "DestinationRule", "metadata": {"name": f"r-{host}"}, "spec": spec}

    def text(self) -> Json:
        return dict(self.one({"exact": "x"}, {"prefix": "/x"}, {"regex": "x.*[0-9]+"}))

    def headers(self) -> Json:
        def operations() -> Json:
            return self.some(
                set=lambda: {"x-a": "a", "x-empty": ""}, add=lambda: {"x-b": "100%%"}, remove=lambda: ["x-c"]
            )

        return self.some(request=operations, response=operations)

    def http(self, hosts: list[str]) -> Json:
        def destination() -> Json:
            return {"host": self.one(*hosts), **self.some(port=lambda: {"number": 80}, subset=lambda: "v1")}

        def match() -> Json:
            return self.some(
                uri=self.text, method=self.text, authority=self.text, scheme=self.text, ignoreUriCase=lambda: True,
                headers=lambda: {"x": self.text(), "y": {}}, withoutHeaders=lambda: {"z": self.text()},
                queryParams=lambda: {"q": self.text(), "p": {}}, port=lambda: 80, name=lambda: "m",
            )  # fmt: skip

        common = self.some(match=lambda: [match()], headers=self.headers, name=lambda: "n")
        kind = self.rng.random()
        if kind < 0.15:
            redirect = self.some(
                uri=lambda: "/to", authority=lambda: "other.example", scheme=lambda: "https",
                redirectCode=lambda: self.one(301, 302, 303, 307, 308),
                derivePort=lambda: self.one("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"),
            )  # fmt: skip
            return {**common, "redirect": redirect}
        if kind < 0.3:
            return {**common, "directResponse": {"status": 418, **self.some(body=lambda: {"string": "no"})}}
        weighted = [
            {"destination": destination(), "weight": weight, **self.some(headers=self.headers)}
            for weight in (70, 30, 0)
        ]
        route = (
            weighted if self.rng.random() < 0.5 else [{"destination": destination(), **self.some(headers=self.headers)}]
        )
        forwarded = self.some(
            timeout=self.duration,
            retries=lambda: {
                "attempts": self.one(0, 3),
                **self.some(
                    perTryTimeout=lambda: "0.2s", retryOn=lambda: "5xx,503,reset", backoff=lambda: "10ms",
                    retryRemoteLocalities=lambda: True,
                ),
            },
            fault=lambda: self.some(
                delay=lambda: {"fixedDelay": "1s", "percentage": {"value": 0.1}},
                abort=lambda: {"percentage": {"value": 1}, **self.one({"httpStatus": 503}, {"grpcStatus": "ABORTED"})},
            ),
            rewrite=lambda: self.one(
                {"uri": "/new"}, {"authority": "new"}, {"uriRegexRewrite": {"match": "^/a/(.*)", "rewrite": "/b/\\1"}}
            ),
            mirrors=lambda: [{"destination": destination(), "percentage": {"value": 10}}],
            corsPolicy=lambda: {"allowOrigins": [{"regex": ".*"}], **self.some(maxAge=lambda: "1h",
                                                                             allowMethods=lambda: ["GET"])},
        )  # fmt: skip
        return {**common, **forwarded, "route": route}

    def routes(self, host: str, hosts: list[str], gateway: str = "") -> Json:
        spec: Json = {"hosts": [host], "http": [self.http(hosts) for _ in range(self.rng.randrange(1, 4))]}
        plain = [{"destination": {"host": self.one(*hosts)}}]
        if self.rng.random() < 0.3:
            spec["tcp"] = [{"route": plain, **self.some(match=lambda: [self.some(port=lambda: 80,
                            destinationSubnets=lambda: ["10.0.0.0/8"])])}]  # fmt: skip
        if self.rng.random() < 0.3 and "*" not in host:
            spec["tls"] = [{"match": [{"sniHosts": [host], "port": 443}], "route": plain}]
        if gateway:
            spec["gateways"] = [gateway]
        return {"kind": "VirtualService", "metadata": {"name": f"v-{gateway}{host}".strip("*.")}, "spec": spec}

    def authorization(self, name: str) -> Json:
        source = self.some(
            principals=lambda: ["a/b", "*", "x*", "*y"], namespaces=lambda: ["n*"], ipBlocks=lambda: ["10.0.0.0/8"],
            remoteIpBlocks=lambda: ["::1"], requestPrincipals=lambda: ["*", "i/s"], notNamespaces=lambda: ["m"],
            serviceAccounts=lambda: ["sa", "n/sa"], trustDomains=lambda: ["td", "t*"],
        )  # fmt: skip
        operation = self.some(
            hosts=lambda: ["*.h", "h*"], methods=lambda: ["GET", "*"], paths=lambda: ["/a/{*}/b", "/c*", "*d", "*"],
            ports=lambda: ["80"], notPaths=lambda: ["/x"], notMethods=lambda: ["PUT"],
        )  # fmt: skip
        keys = (
            "request.headers[x]",
            "source.namespace",
            "request.auth.claims[a][b]",
            "connection.sni",
            "request.auth.audiences",
        )
        rule: Json = {}
        if source:
            rule["from"] = [{"source": source}]
        if operation:
            rule["to"] = [{"operation": operation}]
        if self.rng.random() < 0.5:
            rule["when"] = [{"key": self.one(*keys), "values": ["v", "w*"], "notValues": ["*z"]}]
        spec = {"action": self.one("ALLOW", "DENY", "AUDIT"), "rules": [rule]}
        return {"kind": "AuthorizationPolicy", "metadata": {"name": name}, "spec": spec}

    def peer_authentication(self) -> Json:
        ports = {str(port): {"mode": self.one("STRICT", "DISABLE", "PERMISSIVE", "UNSET")} for port in (80, 81, 7777)}
        mtls = {"mode": self.one("STRICT", "DISABLE", "PERMISSIVE")}
        spec = {"selector": {"matchLabels": {"app": "a"}}, "mtls": mtls, "portLevelMtls": ports}
        return {"kind": "PeerAuthentication", "metadata": {"name": "p"}, "spec": spec}

    def gateway(self) -> Json:
        tls = {"mode": "SIMPLE", "credentialName": "cert"}
        mutual, mesh = {"mode": "MUTUAL", "credentialName": "cert"}, {"mode": "ISTIO_MUTUAL"}
        servers: list[Json] = [
            {"port": {"number": 8080, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]},
            {"port": {"number": 8443, "name": "one", "protocol": "HTTPS"}, "hosts": ["one.example"], "tls": tls},
            {"port": {"number": 8443, "name": "two", "protocol": "HTTPS"}, "hosts": ["*.two.example"], "tls": mutual},
            {"port": {"number": 8443, "name": "raw", "protocol": "TLS"}, "hosts": ["raw.example"], "tls": tls},
            {"port": {"number": 8443, "name": "pass", "protocol": "TLS"}, "hosts": ["a.example"],
             "tls": {"mode": "PASSTHROUGH"}},
            {"port": {"number": 9000, "name": "tcp", "protocol": "TCP"}, "hosts": ["*"]},
            {"port": {"number": 8444, "name": "mesh", "protocol": "HTTPS"}, "hosts": ["*"], "tls": mesh},
        ]  # fmt: skip
        kept = [server for server in servers if self.rng.random() < 0.7] or servers[:1]
        return {"kind": "Gateway", "metadata": {"name": "gw"}, "spec": {"selector": {"gw": "yes"}, "servers": kept}}


def world(seed: int) -> World:
    make = Maker(seed)
    names = ["a", "b", "c"]
    hosts = [*names, "e.example", "nowhere.example"]
    objects: list[Json] = [
        {"kind": "Pod", "metadata": {"name": "a", "labels": {"app": "a", "version": "v1", "gw": "yes"}},
         "status": {"podIP": "10.0.0.1"}},
        {"kind": "Secret", "metadata": {"name": "cert"}, "data": dict.fromkeys(CREDENTIAL, "YQ==")},
        *(make.service(name) for name in names),
        make.entry("e"),
        *(make.rule(host) for host in hosts[:4] if make.rng.random() < 0.7),
        *(make.routes(host, hosts) for host in hosts if make.rng.random() < 0.6),
        *(make.routes(host, hosts, "gw") for host in ("*", "one.example", "a.example", "raw.example")),
        *(make.authorization(f"z{n}") for n in range(2)),
        make.peer_authentication(),
        make.gateway(),
        {"kind": "Mesh", **make.some(accessLogFile=lambda: "/dev/stdout",
                                     outboundTrafficPolicy=lambda: {"mode": "REGISTRY_ONLY"})},
        {"kind": "Proxy", "pod": "a", "type": make.one("sidecar", "sidecar", "router")},
    ]  # fmt: skip
    return World("\n---\n".join(json.dumps(body) for body in objects))


def test_whatever_is_written_envoy_accepts_what_becomes_of_it(tmp_path: Path) -> None:
    cases = {}
    for seed in range(WORLDS):
        made = world(seed)
        rendered = made.render()
        said = [problem.message for problem in (*made.state.problems(), *rendered.problems)]
        assert [text for text in said if "already" not in text] == [], seed
        cases[str(seed)] = rendered
    assert validate(cases, tmp_path, tolerated=AS_ISTIO) == ""
