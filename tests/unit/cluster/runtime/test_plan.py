from __future__ import annotations

import pytest

from tejer.cluster.runtime.inputs import PlanError
from tejer.cluster.runtime.plan import ContainerPlan, Role, containers_of, hostname_of, launch_message, plan_container
from tejer.kube.resource import Body
from tests.unit.cluster.runtime.pods import HOST, INPUTS, pod


def plan(container: Body, **spec: object) -> ContainerPlan:
    made = pod({"name": "main", "image": "tejer/sleep", **container}, **spec)
    return plan_container(made, made.spec.containers[0], INPUTS)


def test_command_and_args_replace_the_images_as_in_kubernetes() -> None:
    assert plan({}).argv == ("sleep", "infinity")
    assert plan({"args": ["5"]}).argv == ("sleep", "5")
    assert plan({"command": ["cat"]}).argv == ("cat",)
    env = [{"name": "F", "value": "/x"}]
    assert plan({"command": ["cat"], "args": ["$(F)", "$(G)"], "env": env}).argv == ("cat", "/x", "$(G)")


def test_an_image_without_a_command_needs_one() -> None:
    with pytest.raises(PlanError, match="no command specified: image tejer/host"):
        plan({"image": "tejer/host"})


def test_own_etc_files() -> None:
    files = plan({}, subdomain="db", hostAliases=[{"ip": "1.2.3.4", "hostnames": ["a", "b"]}]).files
    expected = "nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
    assert files["/etc/resolv.conf"].decode() == expected
    assert b"10.244.0.7\tweb-0.db.shop.svc.cluster.local\tweb-0\n1.2.3.4\ta\tb\n" in files["/etc/hosts"]
    assert files["/etc/hostname"] == b"web-0\n"


def test_dns_config_adds_and_overrides() -> None:
    config = {"nameservers": ["9.9.9.9"], "searches": ["x.y"], "options": [{"name": "ndots", "value": "1"}]}
    files = plan({}, dnsPolicy="None", dnsConfig=config).files
    assert files["/etc/resolv.conf"] == b"nameserver 9.9.9.9\nsearch x.y\noptions ndots:1\n"


def test_sub_paths_stay_inside() -> None:
    with pytest.raises(PlanError, match="must stay inside the volume"):
        plan({"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "../x"}]})


def test_outer_mounts_come_before_the_ones_inside_them() -> None:
    mounts = [{"name": "b", "mountPath": "/a/b"}, {"name": "a", "mountPath": "/a"}]
    assert [mount.target for mount in plan({"volumeMounts": mounts}).mounts] == ["/a", "/a/b"]


def test_roles_follow_the_order_of_starting() -> None:
    first = [{"name": "i", "image": "x"}, {"name": "s", "image": "x", "restartPolicy": "Always"}]
    roles = containers_of(pod({"name": "m", "image": "x"}, initContainers=first))
    assert [(role, container.name) for role, container in roles] == [
        (Role.INIT, "i"), (Role.SIDECAR, "s"), (Role.MAIN, "m"),
    ]  # fmt: skip


def test_the_shims_order_says_everything() -> None:
    made = plan({"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "s", "readOnly": True}]})
    order = launch_message(made, HOST, attempt=2, scratch="/r", log="/l", message="/m", sources={"v": "/vol"})
    assert order["root"]["mounts"] == [
        {"source": "/vol/s", "inside": "/vol", "target": "/v", "readonly": True},
        {"source": "/m", "target": "/dev/termination-log", "readonly": False},
    ]
    assert (order["attempt"], order["uid"], order["no_new_privileges"]) == (2, 0, True)


def test_a_hostname_is_at_most_63_characters() -> None:
    assert len(hostname_of(pod(hostname="a" * 62 + "-b"))) == 62
