"""What becomes of containers: order, restarts, probes, hooks, ends. Real processes, real signals."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tejer.cluster.apiserver.backend import LogOptions
from tejer.cluster.runtime.sandbox import find
from tejer.kube.api import JSON_PATCH, ApiError
from tejer.kube.types import ENDPOINTSLICES, PODS
from tests.netns.node import cluster, container, eventually, require_namespaces, service_address, status_of, uid_of

pytestmark = pytest.mark.netns

NUMBER = 2


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    require_namespaces()


def sh(script: str, name: str = "main", **more: object) -> dict[str, object]:
    return container("tejer/host", "sh", "-c", script, name=name, **more)


def test_init_containers_run_in_order_before_sidecar_and_main(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            mount = [{"name": "shared", "mountPath": "/shared"}]
            say = "echo {} >> /shared/order"
            first = [
                sh(say.format("one"), "one", volumeMounts=mount),
                sh(say.format("side") + "; exec sleep 1000", "side", volumeMounts=mount, restartPolicy="Always"),
                sh("sleep 0.2; " + say.format("two"), "two", volumeMounts=mount),
            ]
            main = sh(say.format("main") + "; cat /shared/order; exec sleep 1000", volumeMounts=mount)
            await made.pod("ordered", main, initContainers=first, volumes=[{"name": "shared", "emptyDir": {}}])
            pod = await made.ready("ordered")
            await made.says("ordered", "one\nside\ntwo\nmain\n")
            assert status_of(pod, "one")["state"]["terminated"]["reason"] == "Completed"
            assert status_of(pod, "side")["state"].get("running")
            assert [c["status"] for c in pod["status"]["conditions"] if c["type"] == "Initialized"] == ["True"]

    asyncio.run(scenario())


def test_another_image_restarts_the_container(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            await made.pod("renewed", container("tejer/sleep"))
            await made.ready("renewed")
            change = [{"op": "replace", "path": "/spec/containers/0/image", "value": "tejer/echo:v2"}]
            await made.api.patch(PODS, "renewed", "default", change, content_type=JSON_PATCH)
            pod = await made.until("renewed", lambda p: status_of(p)["restartCount"] == 1 and status_of(p)["ready"])
            assert status_of(pod)["image"] == "tejer/echo:v2"
            await made.says("renewed", "listening on 8080\n")

    asyncio.run(scenario())


def test_a_failing_container_is_restarted_at_once_then_backs_off(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            await made.pod("crashing", sh("echo attempt; echo why > /dev/termination-log; exit 3"))
            pod = await made.until(
                "crashing",
                lambda p: status_of(p).get("state", {}).get("waiting", {}).get("reason") == "CrashLoopBackOff",
            )
            status = status_of(pod)
            assert status["restartCount"] == 1
            last = status["lastState"]["terminated"]
            assert (last["exitCode"], last["reason"], last["message"]) == (3, "Error", "why\n")
            assert "back-off 10s restarting failed container=main" in status["state"]["waiting"]["message"]
            assert pod["status"]["phase"] == "Running"
            assert await made.log("crashing", options=LogOptions(previous=True)) == "attempt\n"
            await made.has_event("crashing", "BackOff")

    asyncio.run(scenario())


def test_never_restarted_pods_end_succeeded_or_failed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            await made.pod("good", sh("echo done"), restartPolicy="Never")
            await made.pod("bad", sh("exit 7"), restartPolicy="Never")
            good = await made.until("good", lambda p: p["status"].get("phase") == "Succeeded")
            bad = await made.until("bad", lambda p: p["status"].get("phase") == "Failed")
            assert status_of(good)["state"]["terminated"]["exitCode"] == 0
            assert status_of(bad)["state"]["terminated"]["exitCode"] == 7
            await made.says("good", "done\n")
            assert not find(made.config.pod_dir(uid_of(good))), "an ended pod keeps no shim"

    asyncio.run(scenario())


def test_a_pod_past_its_deadline_fails(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            await made.pod("late", sh("exec sleep 1000"), activeDeadlineSeconds=1)
            pod = await made.until("late", lambda p: p["status"].get("phase") == "Failed", "failed")
            assert pod["status"]["reason"] == "DeadlineExceeded"
            await made.until("late", lambda p: bool(status_of(p)["state"].get("terminated")), "ended")

    asyncio.run(scenario())


def test_probes_decide_on_readiness_and_life(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            exec_ = {"exec": {"command": ["test", "-e", "/tmp/up"]}, "periodSeconds": 1, "failureThreshold": 1}
            await made.pod("probed", sh("exec sleep 1000", readinessProbe=exec_))
            pod = await made.until("probed", lambda p: bool(status_of(p).get("started")), "started")
            assert not status_of(pod)["ready"]
            await made.run_in("probed", "touch", "/tmp/up")
            await made.ready("probed")
            await made.run_in("probed", "rm", "/tmp/up")
            await made.until("probed", lambda p: not status_of(p)["ready"], "unready again")
            event = await made.has_event("probed", "Unhealthy")
            assert event["message"].startswith("Readiness probe failed")

            dying = {"tcpSocket": {"port": 9}, "periodSeconds": 1, "failureThreshold": 1}
            await made.pod("dying", sh("exec sleep 1000", livenessProbe=dying))
            pod = await made.until("dying", lambda p: status_of(p).get("restartCount", 0) >= 1, "restarted")
            assert status_of(pod)["lastState"]["terminated"]["exitCode"] == 143
            assert (await made.has_event("dying", "Killing"))["message"].endswith("will be restarted")

    asyncio.run(scenario())


def test_a_post_start_hook_holds_back_the_next_container(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            mount = [{"name": "shared", "mountPath": "/shared"}]
            hook = {"postStart": {"exec": {"command": ["sh", "-c", "sleep 0.3; touch /shared/proxy-ready"]}}}
            proxy = sh("exec sleep 1000", "proxy", volumeMounts=mount, lifecycle=hook)
            main = sh("ls /shared; exec sleep 1000", volumeMounts=mount)
            await made.pod("held", proxy, main, volumes=[{"name": "shared", "emptyDir": {}}])
            await made.ready("held")
            await made.says("held", "proxy-ready\n")

    asyncio.run(scenario())


def test_termination_runs_the_hook_then_signals_then_kills(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            script = "trap 'echo term >> /out/log; exit 0' TERM; echo up; while :; do sleep 0.05; done"
            hook = {"preStop": {"exec": {"command": ["sh", "-c", "echo hook >> /out/log"]}}}
            mount = [{"name": "out", "mountPath": "/out"}]
            out = tmp_path / "out"
            out.mkdir()
            volumes = [{"name": "out", "hostPath": {"path": str(out)}}]
            await made.pod("polite", sh(script, volumeMounts=mount, lifecycle=hook), volumes=volumes)
            await made.pod(
                "stubborn", sh("trap '' TERM; while :; do sleep 0.05; done"), terminationGracePeriodSeconds=1
            )
            pods = [await made.ready("polite"), await made.ready("stubborn")]
            await asyncio.sleep(0.2)  # the shells have set their traps
            for name in ("polite", "stubborn"):
                await made.api.delete(PODS, name, "default")
                await made.gone(name)
            assert (out / "log").read_text() == "hook\nterm\n"
            for pod in pods:
                assert not made.config.pod_dir(uid_of(pod)).exists()

    asyncio.run(scenario())


def test_a_killed_shim_leaves_no_orphan_and_the_pod_comes_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            await made.pod("phoenix", sh("exec sleep 4321"))
            pod = await made.ready("phoenix")
            shim = find(made.config.pod_dir(uid_of(pod)))
            children = Path(f"/proc/{shim}/task/{shim}/children").read_text().split()
            os.kill(shim, 9)
            pod = await made.until("phoenix", lambda p: status_of(p)["restartCount"] == 1 and status_of(p)["ready"])
            assert status_of(pod)["lastState"]["terminated"]["exitCode"] == 137
            assert children
            assert all(not _runs(int(child)) for child in children)
            await made.has_event("phoenix", "SandboxChanged")

    asyncio.run(scenario())


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_a_sandbox_that_cannot_be_made_is_told_and_tried_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            attach, refused = made.agent._node.network.attach, []

            def refuse(pid: int, address: object) -> None:
                refused.append(pid)
                raise OSError(1, "adding veth: Operation not permitted")

            made.agent._node.network.attach = refuse  # type: ignore[method-assign]
            await made.pod("homeless", sh("exec sleep 1000"))
            event = await made.has_event("homeless", "FailedCreatePodSandBox")
            assert event["message"].endswith("adding veth: Operation not permitted")
            await asyncio.sleep(0.3)
            assert len(refused) == 1, "it waits before it tries again"
            assert not _runs(refused[0])
            made.agent._node.network.attach = attach  # type: ignore[method-assign]
            await made.ready("homeless")

    asyncio.run(scenario())


def test_pods_outlive_the_agent_and_the_next_one_adopts_them(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made:
            async with made.running():
                await made.pod("stays", sh("echo first; exec sleep 1000"))
                await made.pod("ends", sh("sleep 0.5; exit 4"))
                before = await made.ready("stays")
                await made.ready("ends")
            shim = find(made.config.pod_dir(uid_of(before)))
            assert shim, "the pod goes on without an agent"
            await asyncio.sleep(0.8)  # "ends" ends while nobody looks
            await made.pod("new", sh("exec sleep 1000"))
            async with made.running():
                await made.ready("new")
                after = await made.ready("stays")
                assert find(made.config.pod_dir(uid_of(after))) == shim
                assert status_of(after)["containerID"] == status_of(before)["containerID"]
                assert after["status"]["podIP"] == before["status"]["podIP"]
                pod = await made.until("ends", lambda p: status_of(p)["restartCount"] == 1, "restarted")
                assert status_of(pod)["lastState"]["terminated"]["exitCode"] == 4
                await made.says("stays", "first\n")
                worker = made.agent._workers[uid_of(after)]
                assert worker._tokens.due is not None, "its token is renewed by the new agent"
                new = await made.get("new")
                assert new["status"]["podIP"] not in {before["status"]["podIP"], pod["status"]["podIP"]}

    asyncio.run(scenario())


def test_pods_deleted_while_no_agent_ran_are_removed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made:
            async with made.running():
                await made.pod("left", sh("exec sleep 1000"))
                pod = await made.ready("left")
            await made.api.delete(PODS, "left", "default", grace_period_seconds=0)
            directory = made.config.pod_dir(uid_of(pod))
            shim = find(directory)
            async with made.running():

                async def removed() -> bool:
                    return not _runs(shim) and not directory.exists()

                await eventually(removed, "its processes and files are gone")

    asyncio.run(scenario())


def test_an_unknown_image_is_an_honest_refusal(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            await made.pod("unknown", {"name": "main", "image": "nginx:1.25"})
            pod = await made.until(
                "unknown", lambda p: bool(status_of(p).get("state", {}).get("waiting", {}).get("message"))
            )
            assert status_of(pod)["state"]["waiting"]["reason"] == "ErrImageNeverPull"
            assert pod["status"]["phase"] == "Pending"
            await made.has_event("unknown", "ErrImageNeverPull")
            await made.pod("missing", container("tejer/host", "no-such-program"))
            pod = await made.until("missing", lambda p: bool(status_of(p).get("lastState")))
            assert "executable file not found" in status_of(pod)["lastState"]["terminated"]["message"]
            with pytest.raises(ApiError, match="waiting to start: ErrImageNeverPull"):
                await made.log("unknown")

    asyncio.run(scenario())


def test_a_deleted_pod_is_signalled_after_it_left_its_service(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            await made.pod("web", sh("exec sleep 1000"))
            pod = await made.ready("web")
            await made.service("web", service_address(NUMBER, 50), 80, 8080, pod)
            await asyncio.sleep(0.1)
            await made.api.delete(PODS, "web", "default")
            await asyncio.sleep(0.4)
            assert status_of(await made.get("web"))["state"].get("running"), "its endpoint is ready still"
            unready = {"endpoints": [{"addresses": [pod["status"]["podIP"]], "conditions": {"ready": False}}]}
            await made.api.patch(ENDPOINTSLICES, "web-x", "default", unready)
            await made.gone("web")

    asyncio.run(scenario())
