"""The same bad files by kubectl (API server and webhook), `tejer validate` and `tejer analyze`: the same verdict, and
the same field of the same line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tejer.cli.main import run
from tejer.istiod.checks.admission import admit
from tejer.istiod.options import Options
from tejer.istiod.parts import Injector, parse_yaml
from tejer.kube.api import Api
from tests.e2e.apiserver import Kubectl, RunningServer
from tests.e2e.istiod import running_istiod
from tests.e2e.test_istiod_control_plane import one_cluster_per_service, with_cluster
from tests.e2e.test_istiod_webhooks import install_webhooks, make_namespace

KINDS = {
    "VirtualService": "networking.istio.io/v1", "Gateway": "networking.istio.io/v1",
    "ServiceEntry": "networking.istio.io/v1", "DestinationRule": "networking.istio.io/v1beta1",
    "AuthorizationPolicy": "security.istio.io/v1", "PeerAuthentication": "security.istio.io/v1",
    "Sidecar": "networking.istio.io/v1alpha3", "Telemetry": "telemetry.istio.io/v1",
}  # fmt: skip
HEAD = "apiVersion: {}\nkind: {}\nmetadata:\n  name: {}\n  namespace: shop\n"
ROUTE = "  http:\n  - route:\n    - destination:\n        host: web\n"


class Bad(NamedTuple):
    """`lines` are the lines of the fields that are wrong."""

    kind: str
    spec: str
    lines: dict[str, int]
    name: str = "bad"


CASES = {
    "wrong type": Bad("VirtualService", "spec:\n  hosts: web\n" + ROUTE, {"spec.hosts": 7}),
    "text for a number": Bad("VirtualService", "spec:\n  hosts: [web]\n" + ROUTE + '      weight: "50"\n',
                             {"spec.http[0].route[0].weight": 12}),
    "unknown field": Bad("VirtualService", "spec:\n  hosts: [web]\n" + ROUTE + "    timout: 5s\n",
                         {"spec.http[0].timout": 12}),
    "spec misspelt": Bad("PeerAuthentication", "sepc:\n  mtls: {mode: STRICT}\n", {"sepc": 6}),
    "bad host": Bad("VirtualService", "spec:\n  hosts:\n  - web\n  - we!b\n" + ROUTE, {"spec.hosts[1]": 9}),
    "weights": Bad("VirtualService", "spec:\n  hosts: [web]\n" + ROUTE + "      weight: -5\n",
                   {"spec.http[0].route[0].weight": 12}),
    "duplicate ports": Bad("ServiceEntry", "spec:\n  hosts: [a.com]\n  resolution: DNS\n  ports:\n"
                           "  - {name: a, number: 80, protocol: HTTP}\n  - {name: b, number: 80, protocol: HTTP}\n",
                           {"spec.ports[1]": 11}),
    "port out of range": Bad("Gateway", "spec:\n  servers:\n  - hosts: [a.com]\n    port:\n      number: 99999\n"
                             "      name: h\n      protocol: HTTP\n", {"spec.servers[0].port.number": 10}),
    "not a mode": Bad("PeerAuthentication", "spec:\n  mtls:\n    mode: STRIKT\n", {"spec.mtls.mode": 8}),
    "no such duration": Bad("DestinationRule", "spec:\n  host: web\n  trafficPolicy:\n    outlierDetection:\n"
                            "      interval: soon\n", {"spec.trafficPolicy.outlierDetection.interval": 10}),
    "a rule of the schema alone": Bad("Telemetry", "spec:\n  metrics:\n  - overrides:\n"
                                      "    - tagOverrides: {a: {operation: REMOVE, value: b}}\n",
                                      {"spec.metrics[0].overrides[0].tagOverrides": 9}),
    "empty source": Bad("AuthorizationPolicy", "spec:\n  rules:\n  - from:\n    - source: {}\n",
                        {"spec.rules[0].from[0].source": 9}),
    "catch-all not last": Bad("Sidecar", "spec:\n  egress:\n  - hosts: [./*]\n  - port: {number: 80, protocol: HTTP}\n"
                              "    hosts: [./*]\n", {"spec.egress[0]": 8}),
    "not a name": Bad("VirtualService", "spec:\n  hosts: [web]\n" + ROUTE, {"metadata.name": 4}, name="Not_A_Name"),
    "many mistakes": Bad("VirtualService", "spec:\n  hosts: [web, '']\n" + ROUTE + "    timeout: 1us\n",
                         {"spec.hosts[1]": 7, "spec.http[0].timeout": 12}),
}  # fmt: skip
UNREADABLE = {
    "malformed": b"apiVersion: [\n",
    "not UTF-8": HEAD.format(KINDS["Gateway"], "Gateway", "x").encode() + b"spec: {selector: {a: \xff\xfe}}\n",
    "two of one key": b"apiVersion: v1\nkind: Service\nkind: Pod\n",
}


def write(directory: Path, case: Bad) -> str:
    path = directory / "bad.yaml"
    path.write_text(HEAD.format(KINDS[case.kind], case.kind, case.name) + case.spec)
    return str(path)


@pytest.mark.parametrize("name", CASES)
def test_our_commands_name_file_line_and_field(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    case = CASES[name]
    path = write(tmp_path, case)
    assert run(["validate", "-f", path]) == 1
    said = capsys.readouterr().err
    for field, line in case.lines.items():
        assert any(text.startswith(f"Error: {path}:{line}: ") and field in text for text in said.splitlines()), said
    assert run(["analyze", "-A", "--use-kube=false", "-o", "json", path]) == 79
    rows = json.loads(capsys.readouterr().out)
    refused = {row["reference"] for row in rows if row["level"] == "Error"}
    assert {f"{path}:{line}" for line in case.lines.values()} <= refused, rows


@pytest.mark.parametrize("name", UNREADABLE)
def test_files_that_can_not_be_read(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(UNREADABLE[name])
    assert run(["validate", "-f", str(path)]) == 1
    first = capsys.readouterr().err
    assert f"{path}:" in first
    assert run(["analyze", "--use-kube=false", str(path)]) == 65
    assert first.partition(f"{path}:")[2].strip() in capsys.readouterr().err


def test_kubectl_says_the_same(tmp_path: Path) -> None:
    async def scenario(server: RunningServer, admin: Api, api: Api) -> None:
        parts: dict[str, Any] = {"inject": Injector(Options()), "validate": admit, "parse_yaml": parse_yaml}
        kubectl = Kubectl("kubectl", server.kubeconfig(), tmp_path / "cache")
        async with running_istiod(api, one_cluster_per_service, **parts) as istiod:
            await install_webhooks(admin, istiod)
            await make_namespace(admin, "shop", {})
            for name, case in CASES.items():
                said = await asyncio.to_thread(kubectl.fails, "apply", "-f", write(tmp_path, case))
                # The API server's schema speaks first and then the webhook is not asked: one of several fields will do,
                # and a CRD's rule is about the whole list.
                assert any(field in said or field.split("[")[0] in said for field in case.lines), (name, said)
            for content in UNREADABLE.values():
                path = tmp_path / "unreadable.yaml"
                path.write_bytes(content)
                await asyncio.to_thread(kubectl.fails, "apply", "-f", str(path))

    with_cluster(tmp_path, scenario)
