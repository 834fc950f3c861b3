"""The data sources of a server, by name and uid."""

from __future__ import annotations

from collections.abc import Sequence

from tejer.observe.dashboards import variables
from tejer.observe.dashboards.prometheus import Prometheus
from tejer.observe.dashboards.variables import Scope


class Sources:
    """`default` is for panels that name none of `all`."""

    def __init__(self, all_of_them: Sequence[Prometheus], default: Prometheus) -> None:
        self.all, self.default = tuple(all_of_them), default
        self._by_name = {key: one for one in self.all for key in (one.source.name, one.source.uid)}

    def find(self, name: str, scope: Scope) -> Prometheus:
        """The one called `name`, which may be a variable.

        A dashboard brought from elsewhere names sources that don't exist here (`${DS_PROMETHEUS}`, a foreign uid):
        where Grafana asks on import, we take the default.
        """
        return self._by_name.get(variables.for_reader(name, scope), self.default)

    def names(self) -> list[str]:
        return [one.source.name for one in self.all]
