"""One request through the ingress is one trace, and its access logs are found with it."""

from __future__ import annotations

import http.cookiejar
import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.observe.world import Observed

pytestmark = pytest.mark.e2e

INGRESS, API = "istio-ingressgateway.istio-system", "finance-api.finance-app"


@pytest.fixture(scope="module")
def ask(observed: Observed) -> Callable[[str], Any]:
    """GET of Jaeger's place, logged in by its one-time link."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    opener.open(observed.link("jaeger"), timeout=30).close()
    base = observed.site("jaeger").base

    def get(path: str) -> Any:
        with opener.open(base + path, timeout=30) as response:
            return json.load(response)

    return get


def until(get: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 60
    while not good(value := get()):
        assert time.monotonic() < deadline, f"still {str(value)[:1000]}"
        time.sleep(1)
    return value


def test_a_request_shows_ingress_api_and_database(observed: Observed, ask: Callable[[str], Any]) -> None:
    path = f"/accounts/{int(time.time())}"  # nobody else asks for it
    observed.shell.ok(f"curl -s -m 5 -o /dev/null $HTTP{path}")

    def of_the_request() -> list[Any]:
        traces: list[Any] = ask(f"/api/traces?service={INGRESS}&limit=200&lookback=10m")["data"]
        return [trace for trace in traces if any(tag_of(span, "http.url").endswith(path) for span in trace["spans"])]

    def complete(traces: list[Any]) -> bool:
        return any(span["operationName"] == "postgres SELECT" for trace in traces for span in trace["spans"])

    (found,) = until(of_the_request, complete)
    spans = {span["spanID"]: span for span in found["spans"]}
    query = next(span for span in spans.values() if span["operationName"] == "postgres SELECT")
    way = [query]
    while way[-1]["references"]:
        way.append(spans[way[-1]["references"][0]["spanID"]])
    services = [found["processes"][span["processID"]]["serviceName"] for span in way]
    assert list(dict.fromkeys(reversed(services))) == [INGRESS, API]
    assert tag_of(way[-1], "istio.namespace") == "istio-system"
    assert tag_of(way[-1], "istio.canonical_service") == "istio-ingressgateway"

    def workloads() -> set[str]:
        logs = ask(f"/api/logs?trace_id={found['traceID']}&limit=20")["logs"]
        return {log["workload"] for log in logs}

    assert until(workloads, lambda names: len(names) >= 2) >= {"istio-ingressgateway"}


def tag_of(span: Any, key: str) -> str:
    return next((str(tag["value"]) for tag in span["tags"] if tag["key"] == key), "")
