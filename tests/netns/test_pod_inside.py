"""What a container sees and may do: environment, volumes, identity, names, the rest of the machine."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from pathlib import Path

import pytest

from tejer.kube.kinds.core import Pod
from tejer.kube.resource import Body, decode
from tejer.kube.types import CONFIGMAPS, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, SECRETS, SERVICES
from tests.netns.node import Cluster, cluster, container, eventually, require_namespaces, service_address, status_of

pytestmark = pytest.mark.netns

NUMBER = 4


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    require_namespaces()


async def config(made: Cluster, name: str, **data: str) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}
    await made.api.create(CONFIGMAPS, body, "default")


async def inside(made: Cluster, name: str, script: str) -> str:
    return (await made.run_in(name, "sh", "-c", script))[1].strip()


def test_environment_and_volumes_follow_their_sources(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            await config(made, "settings", mode="fast", greeting="hello")
            secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys", "namespace": "default"},
                      "stringData": {"password": "s3cret"}}  # fmt: skip
            await made.api.create(SECRETS, secret, "default")
            env = [
                {"name": "PLAIN", "value": "a"},
                {"name": "BOTH", "value": "$(PLAIN)-$(MODE)-$$(X)"},
                {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode"}}},
                {"name": "LATER", "value": "$(PLAIN)-$(MODE)"},
                {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "password"}}},
                {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
                {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
            ]
            mounts = [
                {"name": "settings", "mountPath": "/etc/deep/settings", "readOnly": True},
                {"name": "keys", "mountPath": "/keys"},
                {"name": "labels", "mountPath": "/podinfo"},
                {"name": "settings", "mountPath": "/one/file", "subPath": "greeting"},
            ]
            labels = {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}
            volumes = [
                {"name": "settings", "configMap": {"name": "settings"}},
                {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 0o400}},
                {"name": "labels", "downwardAPI": {"items": [labels]}},
            ]  # fmt: skip
            await made.pod("seer", container("tejer/sleep", env=env, volumeMounts=mounts,
                                             envFrom=[{"prefix": "CM_", "configMapRef": {"name": "settings"}}],
                                             resources={"limits": {"cpu": "1500m"}}), volumes=volumes)  # fmt: skip
            pod = await made.ready("seer")
            said = await inside(made, "seer", "echo $BOTH $LATER $PASSWORD $POD_IP $APP $CPU $CM_greeting")
            assert said == f"a-$(MODE)-$(X) a-fast s3cret {pod['status']['podIP']} seer 2 hello"
            assert (
                await inside(made, "seer", "cat /etc/deep/settings/mode /keys/password /one/file") == "fasts3crethello"
            )
            assert await inside(made, "seer", "stat -Lc %a /keys/password") == "400"
            assert "Read-only" in await inside(made, "seer", "touch /etc/deep/settings/x 2>&1")
            assert await inside(made, "seer", "cat /podinfo/labels") == 'app="seer"'
            await made.api.patch(CONFIGMAPS, "settings", "default", {"data": {"mode": "slow", "greeting": None}})

            async def updated() -> bool:
                return await inside(made, "seer", "ls /etc/deep/settings; cat /etc/deep/settings/mode") == "mode\nslow"

            await eventually(updated, "the files follow the ConfigMap")
            await made.api.patch(PODS, "seer", "default", {"metadata": {"labels": {"app": "other"}}})

            async def relabelled() -> bool:
                return await inside(made, "seer", "cat /podinfo/labels") == 'app="other"'

            await eventually(relabelled, "the files follow the labels")

    asyncio.run(scenario())


def test_a_missing_config_map_waits_and_starts_when_it_comes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            env = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "a"}}}]
            await made.pod("patient", container("tejer/sleep", env=env))
            pod = await made.until(
                "patient",
                lambda p: (
                    status_of(p).get("state", {}).get("waiting", {}).get("reason") == "CreateContainerConfigError"
                ),
            )
            assert status_of(pod)["state"]["waiting"]["message"] == 'configmap "late" not found'
            await config(made, "late", a="x")
            await made.ready("patient")

    asyncio.run(scenario())


def test_identity_capabilities_and_the_hosts_secrets(tmp_path: Path) -> None:
    async def scenario() -> None:
        home = tmp_path / "home"
        async with cluster(home, NUMBER) as made, made.running():
            (home / "pki").mkdir()
            (home / "pki" / "secret").write_text("do not read")
            mount = [{"name": "data", "mountPath": "/data"}]
            user = {"runAsUser": 1337, "runAsGroup": 1337, "capabilities": {"add": ["NET_ADMIN"]}}
            await made.pod(
                "guest",
                container("tejer/sleep", volumeMounts=mount),
                container("tejer/sleep", name="user", securityContext=user, volumeMounts=mount),
                container("tejer/sleep", name="fixed", securityContext={"readOnlyRootFilesystem": True}),
                volumes=[{"name": "data", "emptyDir": {}}],
                securityContext={"fsGroup": 2000},
            )
            await made.ready("guest")
            status = await inside(made, "guest", "grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/1/status | tr -d '\\n\\t'")
            assert status == "CapEff:0000000000000000CapBnd:0000000000000000NoNewPrivs:1"
            assert (await made.run_in("guest", "id", "-u"))[1] == "0\n"
            script = (
                "id -u; id -G; touch /data/x; stat -c %g /data/x; grep CapEff /proc/1/status; python -c 'import tejer'"
            )
            code, said = await made.run_in("guest", "sh", "-c", script, container="user")
            assert (code, said.split()) == (0, ["1337", "1337", "2000", "2000", "CapEff:", "0000000000001000"])
            look = f"ls {home}/pki /root/.ssh 2>/dev/null; ls /run; cat /etc/shadow; hostname"
            assert await inside(made, "guest", look) == "secrets\nguest"
            assert (await made.run_in("guest", "touch", "/etc/x", container="fixed"))[0] == 1
            assert (await made.run_in("guest", "touch", "/etc/x"))[0] == 0
            assert not Path("/etc/x").exists(), "the host's files are not the pod's"
            names = await inside(made, "guest", "ls /dev")
            links = {"fd", "ptmx", "stderr", "stdin", "stdout"}
            devices = {"full", "null", "pts", "random", "shm", "termination-log", "tty", "urandom", "zero"}
            assert set(names.split()) <= links | devices

    asyncio.run(scenario())


def test_no_mount_path_reaches_the_hosts_files(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            outside = tmp_path / "outside"
            outside.mkdir()
            host = f"/.tejer-host{outside}"
            mount = [{"name": "data", "mountPath": f"{host}/made"}]
            made_file = container("tejer/sleep", volumeMounts=mount, terminationMessagePath=f"{host}/file")
            await made.pod("climber", made_file, volumes=[{"name": "data", "emptyDir": {}}])
            await made.ready("climber")
            assert list(outside.iterdir()) == []
            assert await inside(made, "climber", f"ls {host}") == "file\nmade"

    asyncio.run(scenario())


@pytest.mark.skipif(
    sys.prefix.startswith("/tmp/"), reason="without overlays a pod's /tmp is its own, and hides an interpreter in /tmp"
)
def test_a_root_of_bind_mounts_where_there_is_no_overlay(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            made.agent._node.host = dataclasses.replace(made.agent._node.host, overlay=False)
            await config(made, "settings", mode="fast")
            mount = [{"name": "settings", "mountPath": "/etc/deep/settings"}]
            user = {"runAsUser": 1337, "runAsGroup": 1337}
            volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
            await made.pod("bound", container("tejer/sleep", volumeMounts=mount, securityContext=user), volumes=volumes)
            await made.ready("bound")
            script = (
                "cat /etc/deep/settings/mode; head -1 /etc/resolv.conf; python -c 'import tejer'; touch /tmp/x; id -u"
            )
            assert await inside(made, "bound", script) == f"fastnameserver {made.config.dns_ip}\n1337"
            assert "Read-only" in await inside(made, "bound", "touch /usr/x 2>&1")
            assert (
                await inside(made, "bound", "ls -A /.tejer-host 2>/dev/null; grep -c tejer-host /proc/self/mounts")
                == "0"
            )
            assert not Path("/etc/deep").exists(), "the host's directories are left alone"

    asyncio.run(scenario())


def test_service_account_token_and_dns_names(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            await made.pod("web", container("tejer/echo"), hostname="web-0", subdomain="web")
            await made.pod("client", container("tejer/sleep"))
            web = await made.ready("web")
            await made.ready("client")
            await made.service("web", service_address(NUMBER, 50), 80, 8080, web)
            outside = {"type": "ExternalName", "externalName": "web.default.svc.cluster.local"}
            meta = {"name": "away", "namespace": "default"}
            away: Body = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": outside}
            await made.api.create(SERVICES, away, "default")
            secrets = "/var/run/secrets/kubernetes.io/serviceaccount"
            assert await inside(made, "client", f"cat {secrets}/namespace {secrets}/ca.crt") == "defaultthe root"
            assert len((await inside(made, "client", f"cat {secrets}/token")).split(".")) == 3
            look = (
                "import socket,sys;print(sorted({a[4][0] for a in socket.getaddrinfo(sys.argv[1],80,socket.AF_INET)}))"
            )

            async def resolve(name: str) -> str:
                return (await made.run_in("client", "python", "-c", look, name))[1].strip().splitlines()[-1]

            for name in ("web", "web.default", "web.default.svc.cluster.local", "away"):
                assert await resolve(name) == f"['{service_address(NUMBER, 50)}']", name
            dashed = str(web["status"]["podIP"]).replace(".", "-")
            assert await resolve(f"{dashed}.default.pod") == f"['{web['status']['podIP']}']"
            assert "Name or service not known" in await resolve("nobody.default.svc.cluster.local")
            fetch = "import urllib.request as u;print(u.urlopen('http://web/',timeout=5).read().decode())"
            answer = json.loads((await made.run_in("client", "python", "-c", fetch))[1])
            assert answer["hostname"] == "web-0"

    asyncio.run(scenario())


def test_a_claim_gets_a_directory_that_outlives_pods_and_goes_with_the_claim(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
            meta = {"name": "disk", "namespace": "default"}
            claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": wanted}
            await made.api.create(PERSISTENTVOLUMECLAIMS, claim, "default")
            volumes = [{"name": "disk", "persistentVolumeClaim": {"claimName": "disk"}}]
            mount = [{"name": "disk", "mountPath": "/disk"}]
            user = {"runAsUser": 999}
            script = ["sh", "-c", "echo $HOSTNAME >> /disk/log"]
            for name in ("first", "second"):
                pod = container("tejer/host", *script, volumeMounts=mount, securityContext=user)
                await made.pod(name, pod, volumes=volumes, restartPolicy="Never")
                await made.until(name, lambda p: p["status"].get("phase") == "Succeeded")
            bound = await made.api.get(PERSISTENTVOLUMECLAIMS, "disk", "default")
            assert bound["status"]["phase"] == "Bound"
            directory = made.config.volumes_dir / bound["spec"]["volumeName"]
            assert (directory / "log").read_text() == "first\nsecond\n"
            await made.api.delete(PERSISTENTVOLUMECLAIMS, "disk", "default")

            async def reclaimed() -> bool:
                return not directory.exists() and not (await made.api.list(PERSISTENTVOLUMES)).items

            await eventually(reclaimed, "volume and directory are gone")

    asyncio.run(scenario())


def test_the_status_is_a_kubelets(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            await made.pod("plain", container("tejer/sleep"))
            body = await made.ready("plain")
            pod = decode(body, Pod)
            assert pod.spec.node_name == "tejer"
            assert pod.status.phase == "Running"
            assert {c.type for c in pod.status.conditions if c.status == "True"} == {
                "PodScheduled", "Initialized", "ContainersReady", "Ready", "PodReadyToStartContainers",
            }  # fmt: skip
            assert pod.status.container_statuses[0].container_id.startswith("tejer://")
            reasons = [event["reason"] for event in await made.events("plain")]
            await made.has_event("plain", "Started")
            assert set(reasons) <= {"Scheduled", "Pulled", "Created", "Started"}

    asyncio.run(scenario())
