"""Grafana's provisioning files, so that the same ConfigMap serves a real Grafana and us.

`datasources/*.yaml` (those of type prometheus; others are named in the log) and `dashboards/*.yaml` (file providers).
Source: grafana.com/docs/grafana/latest/administration/provisioning.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tejer.kube.manifest import ManifestError, load_value
from tejer.observe.dashboards.library import Shelf
from tejer.observe.dashboards.prometheus import DataSource

log = logging.getLogger(__name__)
_ENVIRONMENT = re.compile(r"\$__env\{(\w+)\}|\$\{(\w+)\}|\$(\w+)")


class ProvisioningError(ValueError):
    """A provisioning file that can't be used: which, and why."""


def data_sources(root: Path, environ: Mapping[str, str] = os.environ) -> list[DataSource]:
    """The Prometheus data sources of `root`/datasources. Raises ProvisioningError."""
    found: list[DataSource] = []
    for path, body in _bodies(root / "datasources"):
        for place, one in enumerate(_list(body.get("datasources"))):
            kind, name = str(one.get("type", "")), str(one.get("name", ""))
            if kind != "prometheus":
                log.warning("%s: data source %s has type %s, which panels can't be drawn from here", path, name, kind)
                continue
            found.append(_data_source(one, f"{path}: datasources[{place}]", environ))
    return found


def _data_source(body: Mapping[str, Any], where: str, environ: Mapping[str, str]) -> DataSource:
    name, url = str(body.get("name", "")), _expanded(str(body.get("url", "")), environ)
    if not name or not url.startswith(("http://", "https://")):
        raise ProvisioningError(f"{where}: want a name and a url that begins with http:// or https://")
    options, secrets = _mapping(body.get("jsonData")), _mapping(body.get("secureJsonData"))
    headers = [
        (
            str(options[key]),
            _expanded(str(secrets.get("httpHeaderValue" + key.removeprefix("httpHeaderName"), "")), environ),
        )
        for key in sorted(options)
        if key.startswith("httpHeaderName")
    ]
    return DataSource(
        name=name,
        uid=str(body.get("uid") or name),
        url=url,
        is_default=body.get("isDefault") is True,
        scrape_interval=str(options.get("timeInterval") or "15s"),
        headers=tuple(headers),
    )


def shelves(root: Path, environ: Mapping[str, str] = os.environ) -> list[Shelf]:
    """The folders that `root`/dashboards names."""
    found = []
    for _, body in _bodies(root / "dashboards"):
        for one in _list(body.get("providers")):
            path = _mapping(one.get("options")).get("path")
            if one.get("type", "file") == "file" and isinstance(path, str):
                found.append(Shelf(str(one.get("folder") or ""), Path(_expanded(path, environ))))
    return found


def _bodies(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        try:
            body = load_value(path.read_text(), str(path))
        except (OSError, UnicodeDecodeError, ManifestError) as error:
            raise ProvisioningError(f"{path}: {error}") from error
        yield path, _mapping(body)


def _expanded(text: str, environ: Mapping[str, str]) -> str:
    """`$NAME`, `${NAME}` and `$__env{NAME}`; `$__file{…}` stays, to be read at each request."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[3]
        return match.group() if name.startswith("__") else environ.get(name, "")

    return _ENVIRONMENT.sub(value, text)


def _list(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
