"""The machine's Chromium, driven by playwright: nothing is downloaded."""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Playwright

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def chromium() -> str:
    """Where it is; "" when there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""


def launch(playwright: Playwright) -> Browser:
    """Headless, with a profile of its own that ends with it."""
    return playwright.chromium.launch(executable_path=chromium(), headless=True, args=list(FLAGS))
