"""Our own engine as Prometheus's place: scraping, the store and the query API in one process."""

from __future__ import annotations

from collections.abc import Callable

from tejer.kube.client import HttpApi
from tejer.observe.metrics.options import Options


async def serve_embedded(options: Options, api: HttpApi | None, clock: Callable[[], int]) -> int:
    """Run until SIGTERM. Raises OSError or ValueError for what keeps it from starting."""
    raise ValueError("the embedded engine has no store yet: install prometheus and use --engine=binary")
