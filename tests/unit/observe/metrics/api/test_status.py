from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tejer.kube.manifest import load_value
from tejer.observe.metrics.api.status import About, status_routes, without_secrets
from tejer.observe.metrics.config import Config
from tejer.observe.metrics.current import CurrentConfig
from tejer.observe.metrics.scrape.exposition import read_page

GOOD = "scrape_configs: [{job_name: a, basic_auth: {username: u, password: hush}}]\n"
BAD = "scrape_configs: [{job_name: a, intervall: 1s}]\n"


class Head:
    def problems(self) -> list[str]:
        return ["the disk is full"]

    def head_stats(self) -> dict[str, int]:
        return {"numSeries": 7, "numLabelPairs": 3, "chunkCount": 9, "minTime": 1, "maxTime": 2}

    def cardinality(self, limit: int) -> dict[str, list[tuple[str, int]]]:
        return {"seriesCountByMetricName": [("up", 5), ("a", 2)][:limit]}


def visit(tmp_path: Path, steps: list[tuple[str, str, str | None]]) -> tuple[list[tuple[int, str]], list[Config]]:
    """Each step is (method, path, the file's new text); returns the answers and the configurations followed."""

    async def work() -> tuple[list[tuple[int, str]], list[Config]]:
        followed: list[Config] = []

        async def follow(config: Config) -> None:
            followed.append(config)

        file = tmp_path / "prometheus.yml"
        file.write_text(GOOD)
        current = CurrentConfig(file, follow, lambda: 1_700_000_000_000)
        await current.reload()
        app = web.Application()
        app.add_routes(status_routes(About(current, dict, Head(), {"a.b": "c"}, 1_700_000_000_000, "15d")))
        answers = []
        async with TestClient(TestServer(app)) as client:
            for method, path, text in steps:
                if text is not None:
                    file.write_text(text)
                got = await client.request(method, path)
                answers.append((got.status, await got.text()))
        return answers, followed

    return asyncio.run(work())


def data(answer: tuple[int, str]) -> Any:
    import json

    assert answer[0] == 200
    return json.loads(answer[1])["data"]


def test_a_bad_configuration_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    answers, followed = visit(
        tmp_path,
        [
            ("POST", "/-/reload", BAD),
            ("GET", "/api/v1/status/config", None),
            ("GET", "/api/v1/status/runtimeinfo", None),
            ("GET", "/metrics", None),
            ("POST", "/-/reload", GOOD.replace("job_name: a", "job_name: b")),
            ("GET", "/api/v1/status/runtimeinfo", None),
        ],
    )
    assert answers[0][0] == 500
    assert "prometheus.yml:1: scrape_configs[0].intervall: no such field" in answers[0][1]
    assert "job_name: a" in data(answers[1])["yaml"]
    assert data(answers[2])["reloadConfigSuccess"] is False
    assert data(answers[2])["storageProblems"] == ["the disk is full"]
    assert "tejer_prometheus_storage_problems 1\n" in answers[3][1]
    assert "prometheus_config_last_reload_successful 0\n" in answers[3][1]
    assert answers[4][0] == 200 and data(answers[5])["reloadConfigSuccess"] is True
    assert [str(config.scrape_configs[0].job_name) for config in followed] == ["a", "b"]


def test_what_the_server_says_of_itself(tmp_path: Path) -> None:
    paths = ("status/flags", "status/buildinfo", "status/tsdb?limit=1", "status/walreplay", "rules", "alerts",
             "alertmanagers")  # fmt: skip
    answers, _ = visit(tmp_path, [("GET", f"/api/v1/{path}", None) for path in paths])
    flags, build, tsdb, replay, rules, alerts, managers = map(data, answers)
    assert flags == {"a.b": "c"} and build["version"].startswith("2.42.0+tejer.")
    assert tsdb["headStats"]["numSeries"] == 7
    assert tsdb["seriesCountByMetricName"] == [{"name": "up", "value": 5}]
    assert replay["state"] == "done"
    assert (rules, alerts) == ({"groups": []}, {"alerts": []})
    assert managers == {"activeAlertmanagers": [], "droppedAlertmanagers": []}


def test_health_and_our_own_metrics_are_readable(tmp_path: Path) -> None:
    steps: list[tuple[str, str, str | None]] = [("GET", path, None) for path in ("/-/healthy", "/-/ready", "/metrics")]
    answers, _ = visit(tmp_path, steps)
    assert [status for status, _ in answers] == [200, 200, 200]
    series = {sample.series: sample.value for sample in read_page(answers[2][1], {}, set()).others}
    assert series["prometheus_tsdb_head_series"] == 7 and series["process_resident_memory_bytes"] > 1e6


def test_a_wrong_limit_is_refused(tmp_path: Path) -> None:
    answers, _ = visit(tmp_path, [("GET", "/api/v1/status/tsdb?limit=-1", None)])
    assert answers[0][0] == 400


def test_secrets_are_not_shown() -> None:
    text = """
scrape_configs:
- job_name: a
  bearer_token: hush1
  basic_auth: {username: u, password: hush2}
  authorization: {credentials: hush3}
  http_headers: {X: {secrets: [hush4], values: [shown]}}
  http_sd_configs: [{url: "http://me:hush5@host/sd"}]
  proxy_url: http://host
remote_write: [{url: x, sigv4: {secret_key: hush6}, oauth2: {client_secret: hush7}}]
"""
    shown = without_secrets(text)
    assert "hush" not in shown and "shown" in shown
    job = load_value(shown)["scrape_configs"][0]
    assert job["bearer_token"] == "<secret>" and job["basic_auth"] == {"username": "u", "password": "<secret>"}
    assert job["http_sd_configs"] == [{"url": "http://<secret>@host/sd"}] and job["proxy_url"] == "http://host"
