"""The table of commands: what `tejer --help` shows, and where each is. A module is imported when its command is run."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """`target` is "module:attribute" of a click command; `aliases` are istioctl's short names."""

    name: str
    target: str
    help: str
    section: str
    aliases: tuple[str, ...] = ()


CLUSTER = "Embedded cluster"
MESH = "Mesh"
LOOK = "Look and understand"
FILES = "Files"
OTHER = "Other"
SECTIONS = (CLUSTER, MESH, LOOK, FILES, OTHER)

COMMANDS: tuple[Command, ...] = (
    Command("up", "tejer.cli.up:up", "Start the embedded cluster and the mesh", CLUSTER),
    Command("down", "tejer.cli.down:down", "Stop the embedded cluster and leave nothing behind", CLUSTER),
    Command("status", "tejer.cli.status:status", "Show what runs", CLUSTER),
    Command("demo", "tejer.cli.demo:demo", "Start the cluster, the mesh and the sample, and send requests", CLUSTER),
    Command("logs", "tejer.cli.logs:logs", "Print the logs of a pod", CLUSTER),
    Command("get", "tejer.cli.get:get", "List objects", CLUSTER),
    Command("apply", "tejer.cli.apply:apply", "Apply the objects of files", CLUSTER),
    Command("delete", "tejer.cli.delete:delete", "Delete objects by name or file", CLUSTER),
    Command("install", "tejer.cli.install:install", "Install the mesh on a cluster", MESH),
    Command("upgrade", "tejer.cli.install:upgrade", "Install over an older version", MESH),
    Command("uninstall", "tejer.cli.uninstall:uninstall", "Remove the mesh from a cluster", MESH),
    Command("manifest", "tejer.cli.manifest:manifest", "Print what install would apply", MESH),
    Command("analyze", "tejer.cli.analyze:analyze", "Find mistakes in the mesh's configuration", LOOK),
    Command("proxy-config", "tejer.cli.proxy_config:proxy_config", "Show the configuration of an Envoy", LOOK, ("pc",)),
    Command("proxy-status", "tejer.cli.proxy_status:proxy_status", "Show which proxies are in sync", LOOK, ("ps",)),
    Command("dashboard", "tejer.cli.dashboard:dashboard", "Open a dashboard", LOOK, ("dash", "d")),
    Command("version", "tejer.cli.version:version", "Print the versions of client, control plane and proxies", LOOK),
    Command("validate", "tejer.cli.validate:validate", "Check files without a cluster", FILES, ("v",)),
    Command("kube-inject", "tejer.cli.kube_inject:kube_inject", "Add the sidecar to the workloads of a file", FILES),
    Command("samples", "tejer.cli.samples:samples", "Write the add-ons' manifests into a directory", FILES),
    Command("x", "tejer.cli.experimental:experimental", "Further commands", OTHER, ("experimental",)),
    Command("completion", "tejer.cli.completion:completion", "Print a completion script for a shell", OTHER),
)
