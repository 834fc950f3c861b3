"""Which local program an image stands for. Pure.

In order: the pod's annotation `tejer.io/command.<container>` (a JSON list, or words as a shell would split them); the
ConfigMap `tejer-images` in kube-system (key: image name without tag, "/" written as "_"; value: a JSON list); the
built-in table. Anything else is an honest `ErrImageNeverPull`: nothing is ever pulled.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from tejer.cluster.runtime.inputs import PlanError

COMMAND_ANNOTATION = "tejer.io/command."
IMAGES_CONFIG_MAP = ("kube-system", "tejer-images")
_POSTGRES_USER = 999


@dataclass(frozen=True, slots=True)
class Image:
    """`entrypoint` runs when the container names no command, with `arguments` unless it names args.

    `user` is the uid that the image's program expects when the pod doesn't say.
    """

    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    user: int = 0


def resolve(
    image: str, container: str, annotations: Mapping[str, str], configured: Mapping[str, str], python: str
) -> Image:
    """Raises PlanError ErrImageNeverPull with what to do about it, or CreateContainerConfigError for bad JSON."""
    annotation = annotations.get(COMMAND_ANNOTATION + container)
    if annotation:
        return Image(_words(annotation, f"annotation {COMMAND_ANNOTATION}{container}"))
    name = image_name(image)
    listed = configured.get(name.replace("/", "_")) or configured.get(name)
    if listed:
        return Image(_words(listed, f"ConfigMap {IMAGES_CONFIG_MAP[1]}, key {name.replace('/', '_')}"))
    built_in = built_in_images(python).get(name)
    if built_in is None:
        raise PlanError(
            "ErrImageNeverPull",
            f'Container image "{image}" is not present with pull policy of Never: images are local commands here; '
            f"add {name.replace('/', '_')} to ConfigMap {'/'.join(IMAGES_CONFIG_MAP)} or annotate the pod with "
            f"{COMMAND_ANNOTATION}{container}",
        )
    return built_in


def built_in_images(python: str) -> dict[str, Image]:
    """The table of what comes with the wheel, by image name."""

    def module(name: str, *more: str) -> Image:
        return Image((python, "-m", name, *more))

    return {
        "tejer/pilot": module("tejer.istiod.main"),
        "tejer/proxyv2": module("tejer.envoy.agent.main"),
        "tejer/finance-api": module("finance_api"),
        "tejer/load-generator": module("finance_api.load"),
        "postgres": Image((python, "-m", "finance_api.postgres"), user=_POSTGRES_USER),
        "tejer/prometheus": module("tejer.observe.metrics.main"),
        "tejer/config-reloader": module("tejer.observe.metrics.reload"),
        "tejer/echo": module("tejer.cluster.runtime.tools", "echo"),
        "tejer/curl": Image(("sleep",), ("infinity",)),
        "tejer/sleep": Image(("sleep",), ("infinity",)),
        "tejer/host": Image(),
        "tejer/grafana": module("tejer.observe.dashboards.main"),
        "tejer/jaeger": module("tejer.observe.traces.main"),
    }


def image_name(image: str) -> str:
    """`docker.io/library/postgres:16@sha256:..` → `postgres`: what an image is called, whichever its version."""
    name = image.split("@", 1)[0]
    head, slash, last = name.rpartition("/")
    name = head + slash + last.split(":", 1)[0]
    for prefix in ("index.docker.io/", "docker.io/", "library/"):
        name = name.removeprefix(prefix)
    return name


def _words(text: str, where: str) -> tuple[str, ...]:
    try:
        words = json.loads(text) if text.lstrip().startswith("[") else shlex.split(text)
    except ValueError as error:
        raise PlanError("CreateContainerConfigError", f"{where}: {error}") from error
    if not words or not all(isinstance(word, str) for word in words):
        raise PlanError("CreateContainerConfigError", f"{where}: want a non-empty list of strings")
    return tuple(words)
