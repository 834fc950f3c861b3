"""One mesh with the sample, its addons and traffic, and a browser to look at it: shared by all tests of this folder."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.e2e.clusters import private_cluster
from tests.e2e.observe.world import Observed, Visit, end
from tests.e2e.shell import ROOT
from tests.support.browser import launch

ADDONS = sorted(path.stem for path in (ROOT / "samples/addons").glob("*.yaml"))
_TRAFFIC = "while :; do curl -s -m 5 $HTTP/version $HTTP/accounts/1 $HTTP/nowhere; sleep 0.2; done"
_READY = "kubectl rollout status deployment/{} -n istio-system --timeout=120s"


@pytest.fixture(scope="session")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """The sample with its own load generator, requests through the ingress gateway besides, and the addons.

    Shared: leave the mesh and the addons' data as you found them.
    """
    with private_cluster(tmp_path_factory.mktemp("observed")) as shell:
        shell.ok("tejer up --bare $UP")
        shell.ok("tejer demo --no-requests", timeout=300)
        shell.ok("kubectl apply -f samples/addons/")
        for name in ADDONS:
            shell.ok(_READY.format(name), timeout=150)
        world = Observed(shell, tmp_path_factory.mktemp("dashboards"))
        traffic = subprocess.Popen(
            ["bash", "-c", _TRAFFIC], env=shell.env, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield world
        finally:
            end(traffic)
            world.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module: while playwright is active, `asyncio.run` isn't possible in this process."""
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def contexts(observed: Observed, browser: Browser) -> dict[str, BrowserContext]:
    """Logged-in browsers by addon, made when first asked for; they end with the browser."""
    return {}


@pytest.fixture
def visit(observed: Observed, browser: Browser, contexts: dict[str, BrowserContext]) -> Iterator[Visit]:
    visit = Visit(observed, browser, contexts)
    yield visit
    visit.close()
    assert visit.problems == []
