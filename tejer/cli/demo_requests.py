"""The demo's requests: from the host through the gateway, from pod to pod, and two that must be refused."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import urllib.error
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from tejer.cli import sample
from tejer.cli.steps import Tell
from tejer.kube.execute import execute
from tejer.kube.resource import Body, name_of
from tejer.kube.types import PODS, SECRETS

if TYPE_CHECKING:
    from tejer.cluster.config import ClusterConfig
    from tejer.kube.client import HttpApi

PATIENCE_SECONDS = 20.0
IN_MESH_REQUESTS = 20
SERVICE = "http://finance-api:8000"

# Runs in the load generator's container: its sidecar sees ordinary plaintext HTTP and does the rest.
IN_POD = (
    "import sys, urllib.request\n"
    "for _ in range(int(sys.argv[2])):\n"
    "    print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())\n"
)


class Seen(NamedTuple):
    """One line of the demo's table."""

    request: str
    caller: str
    callee: str
    tls: str
    answer: str


class Answer(NamedTuple):
    """`status` is the HTTP status, or 0 with the connection's error as `text`."""

    status: int
    text: str


async def send_all(api: HttpApi, config: ClusterConfig | None, tell: Tell) -> list[Seen]:
    """All requests, one after the other. Those from the host need the embedded cluster's ingress ports."""
    seen: list[Seen] = []
    if config is not None:
        tell("from the host, by the ingress gateway")
        certificate = await _certificate(api)
        base = f"http://localhost:{config.ingress_http_port}"
        secure = f"https://localhost:{config.ingress_https_port}"
        seen.append(await _through_gateway(api, f"{base}/version", None))
        seen.append(await _through_gateway(api, f"{secure}/version", certificate))
        seen.append(_refusal("DELETE " + base + "/accounts/1", await _ask(base + "/accounts/1", None, "DELETE")))
    tell("from pod to pod")
    seen += await _pod_to_pod(api)
    if config is not None:
        seen.append(await _around_the_mesh(api))
    return seen


async def _certificate(api: HttpApi) -> str:
    secret = await api.get(SECRETS, sample.CERTIFICATE_SECRET, sample.GATEWAY_NAMESPACE)
    return base64.b64decode(secret["data"]["tls.crt"]).decode()


async def _through_gateway(api: HttpApi, url: str, certificate: str | None) -> Seen:
    answer = await _ask(url, certificate)
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while answer.status != 200 and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.2)  # the gateway's configuration may still be on its way
        answer = await _ask(url, certificate)
    return await _described(api, f"GET {url}", answer)


async def _pod_to_pod(api: HttpApi) -> list[Seen]:
    """Requests from the load generator; one line for each version that answered, with its share."""
    client = (await _pods(api, "load-generator"))[0]
    command = ["python3", "-c", IN_POD, f"{SERVICE}/version", str(IN_MESH_REQUESTS)]
    done = await execute(api, sample.NAMESPACE, name_of(client), "load-generator", command)
    if done.code:
        return [Seen(f"GET {SERVICE}/version", "load-generator", "", "", done.err.decode().strip()[-200:])]
    answers = [line for line in done.out.decode().splitlines() if line]
    shares = Counter(json.loads(line)["version"] for line in answers)
    seen = []
    for version, share in sorted(shares.items()):
        example = next(line for line in answers if json.loads(line)["version"] == version)
        one = await _described(api, f"GET {SERVICE}/version", Answer(200, example))
        seen.append(one._replace(answer=f"{one.answer}, {share} of {len(answers)} (canary 90/10)"))
    return seen


async def _around_the_mesh(api: HttpApi) -> Seen:
    """Plaintext straight to a pod's address: STRICT must refuse it."""
    pod = (await _pods(api, "finance-api"))[0]
    url = f"http://{pod['status']['podIP']}:8000/version"
    return _refusal(f"GET {url}", await _ask(url, None), "no identity (plaintext)")


def _refusal(request: str, answer: Answer, caller: str = "ingress gateway") -> Seen:
    text = f"{answer.status} {answer.text}" if answer.status else answer.text
    refused = answer.status == 403 or not answer.status
    return Seen(request, caller, "finance-api", "", f"refused: {text}" if refused else f"NOT refused: {text}")


async def _described(api: HttpApi, request: str, answer: Answer) -> Seen:
    """What the answer, and the proxy beside the one that gave it, tell of the request."""
    if answer.status != 200:
        return Seen(request, "", "", "", f"{answer.status} {answer.text}".strip())
    body = json.loads(answer.text)
    caller = str(body["caller"]).removeprefix("spiffe://")
    version = await _tls_version(api, body["pod"])
    return Seen(request, caller, f"{body['service']} {body['version']}", version, f"200 from {body['pod']}")


async def _tls_version(api: HttpApi, pod: str) -> str:
    """The protocol that the pod's proxy accepted connections with, from Envoy's own counters."""
    command = ["pilot-agent", "request", "GET", "stats?usedonly&filter=ssl.versions"]
    done = await execute(api, sample.NAMESPACE, pod, "istio-proxy", command)
    lines = [line.split(":")[0] for line in done.out.decode().splitlines() if ".ssl.versions." in line]
    versions = sorted({line.partition(".ssl.versions.")[2] for line in lines if "_15006." in line})
    return "mutual " + "/".join(versions) if versions else "unknown"


async def _pods(api: HttpApi, app: str) -> list[Body]:
    pods = (await api.list(PODS, sample.NAMESPACE, label_selector=f"app={app}")).items
    running = [pod for pod in pods if pod.get("status", {}).get("phase") == "Running"]
    if not running:
        raise OSError(f"no pod of {app} runs in namespace {sample.NAMESPACE}: kubectl get pods -n {sample.NAMESPACE}")
    return running


async def _ask(url: str, certificate: str | None, method: str = "GET") -> Answer:
    return await asyncio.to_thread(_ask_blocking, url, certificate, method)


def _ask_blocking(url: str, certificate: str | None, method: str) -> Answer:
    context = ssl.create_default_context(cadata=certificate) if certificate else None
    request = urllib.request.Request(url, method=method)  # noqa: S310 - http and https of our own making
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=5) as response:
            return Answer(response.status, response.read().decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode("utf-8", "replace").strip()[:120])
    except (urllib.error.URLError, OSError) as error:
        return Answer(0, str(getattr(error, "reason", error)))
