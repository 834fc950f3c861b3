"""The mesh with its addons as tests of their pages see it: forwarded, logged in, looked at in a browser."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page
from playwright.sync_api import Error as PlaywrightError

from tests.e2e.clusters import free_ports
from tests.e2e.shell import Shell

_PATIENCE_SECONDS = 60.0
_ATTEMPTS = 8
_SHOWN_MS = 8_000
_NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"
"""Chromium gives up what it is loading when an interface appears or goes, as with every pod."""


@dataclass
class Site:
    """An addon's pages at `base`, forwarded to this machine as long as `process` runs."""

    base: str
    process: subprocess.Popen[bytes]


@dataclass
class Observed:
    """The mesh. Forwarding to an addon begins when it is first asked for and lasts until the session ends."""

    shell: Shell
    folder: Path
    sites: dict[str, Site] = field(default_factory=dict)

    def site(self, name: str) -> Site:
        if name not in self.sites:
            port = free_ports(1)[0]
            self.sites[name] = Site(f"http://localhost:{port}", self._dashboard(name, port)[0])
        return self.sites[name]

    def link(self, name: str) -> str:
        """A one-time link of `tejer dashboard`, good for one login."""
        port = int(self.site(name).base.rpartition(":")[2])
        process, link = self._dashboard(name, free_ports(1)[0])
        end(process)
        assert "/login?code=" in link, link
        return f"http://localhost:{port}/{link.split('/', 3)[3]}"

    def _dashboard(self, name: str, port: int) -> tuple[subprocess.Popen[bytes], str]:
        """The command, and the address it says."""
        # A file, not a pipe: nobody reads on while the command runs.
        told = self.folder / f"{name}-{port}.out"
        with told.open("wb") as out:
            process = subprocess.Popen(
                ["tejer", "dashboard", name, "--no-browser", "--port", str(port)],
                env=self.shell.env, cwd=self.shell.cwd, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            link = next((word for word in told.read_text().split() if word.startswith("http")), "")
            if link:
                return process, link
            assert process.poll() is None, f"tejer dashboard {name} ended: {told.read_text()}"
            assert time.monotonic() < deadline, f"tejer dashboard {name} says no address: {told.read_text()}"
            time.sleep(0.2)

    def close(self) -> None:
        for site in self.sites.values():
            end(site.process)


class Visit:
    """`visit("grafana", "/dashboards")`: a logged-in page of an addon, closed when the test ends."""

    def __init__(self, observed: Observed, browser: Browser, contexts: dict[str, BrowserContext]) -> None:
        self._observed, self._browser, self._contexts = observed, browser, contexts
        self._pages: list[Page] = []
        self.problems: list[str] = []

    def __call__(self, name: str, path: str, *, refused: int = 0) -> Page:
        """Errors in its console fail the test, but for answers with the status `refused`, which the test provokes."""
        page = self._context(name).new_page()
        page.on("console", lambda message: self._note(message.text, refused) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        self._pages.append(page)
        for _ in range(_ATTEMPTS):
            try:
                page.goto(self._observed.site(name).base + path)
                page.locator("#app > *").first.wait_for(timeout=_SHOWN_MS)
                break
            except PlaywrightError as error:  # pods come and go on this machine, and with them its network interfaces
                if _NETWORK_CHANGED not in str(error) and "Timeout" not in str(error):
                    raise
        return page

    def _context(self, name: str) -> BrowserContext:
        if name not in self._contexts:
            self._contexts[name] = self._browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en")
            login = self._contexts[name].new_page()
            login.goto(self._observed.link(name))
            login.close()
        return self._contexts[name]

    def _note(self, text: str, refused: int) -> None:
        expected = f"status of {refused} " in text if refused else False
        if _NETWORK_CHANGED not in text and not expected:
            self.problems.append(text)

    def close(self) -> None:
        for page in self._pages:
            page.close()


def end(process: subprocess.Popen[bytes]) -> None:
    """The process and what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def picture(page: Page, name: str) -> None:
    """For the documentation, when SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(folder, name)))
