"""Checks of the machine. Each answers "" when all is well, else what is missing and what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support import browser, kubectls

PROBE = (
    "import ctypes, sys\n"
    "libc = ctypes.CDLL(None, use_errno=True)\n"
    "sys.exit(0 if libc.unshare(0x40000000) == 0 else ctypes.get_errno())\n"
)


def namespaces() -> str:
    """Whether this process may make network namespaces (needs root for now)."""
    done = subprocess.run([sys.executable, "-c", PROBE], check=False)
    return "" if done.returncode == 0 else "network namespaces can't be made here: run the tests as root"


def kubectl() -> str:
    return "" if kubectls.find() else "no kubectl was found: `make test-deps` installs one"


def curl() -> str:
    return "" if shutil.which("curl") else "no curl was found: `make test-deps` installs it"


def chromium() -> str:
    return "" if browser.chromium() else "no Chromium was found: `make test-deps` installs it"


def root_of_project() -> Path:
    return Path(__file__).parents[2]
