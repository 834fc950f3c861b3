"""Which clusters discovery looks at: the one we are in, and those of kubeconfig files."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from tejer.kube.client import HttpApi
from tejer.kube.kubeconfig import connect
from tejer.observe.metrics.scrape.discovery.kubernetes import Cluster


class Clusters:
    """Each cluster's `Cluster`, made when first asked for; connections close with `blocks`."""

    def __init__(self, own: HttpApi | None, tasks: asyncio.TaskGroup, blocks: AsyncExitStack) -> None:
        self._own, self._tasks, self._blocks = own, tasks, blocks
        self._known: dict[str, Cluster] = {}

    def of(self, kubeconfig: str) -> Cluster:
        """ "" is our own. Raises FileNotFoundError or ValueError where there is none."""
        if kubeconfig not in self._known:
            if kubeconfig:
                api = HttpApi(connect(kubeconfig))
                self._blocks.push_async_callback(api.close)
            elif self._own is None:
                raise FileNotFoundError("not in a cluster, and no kubeconfig: give --kubeconfig or kubeconfig_file")
            else:
                api = self._own
            self._known[kubeconfig] = Cluster(api, api.connection.namespace, self._tasks)
        return self._known[kubeconfig]
