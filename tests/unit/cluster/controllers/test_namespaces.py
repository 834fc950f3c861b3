from datetime import timedelta

from tejer.cluster.controllers import loadbalancer, namespace, podgc, serviceaccount
from tejer.cluster.controllers.writes import Again, Create, Delete, Patch, Update
from tejer.kube.resource import Body, Change
from tejer.kube.types import CONFIGMAPS, NAMESPACES, NODES, PODS, SERVICEACCOUNTS
from tests.unit.cluster.controllers.objects import NOW, STAMP, key_of, make, pod, replicaset, service, world_of


def terminating() -> Body:
    meta = {"deletionTimestamp": STAMP}
    return make(NAMESPACES, "default", metadata=meta, spec={"finalizers": ["kubernetes"]})


def test_a_terminating_namespace_is_emptied_pods_last() -> None:
    main = terminating()
    writes = namespace.reconcile(world_of(main, pod("a"), replicaset("r", 1)), key_of(main), NOW)
    assert [write.key.resource for write in writes if isinstance(write, Delete)] == ["replicasets", "pods"]
    assert namespace.reconcile(world_of(main, pod("a", deletionTimestamp=STAMP)), key_of(main), NOW) == []


def test_an_empty_one_lingers_for_a_moment_then_goes() -> None:
    main = terminating()
    (again,) = namespace.reconcile(world_of(main), key_of(main), NOW)
    assert isinstance(again, Again)
    assert again.seconds >= 1
    (update,) = namespace.reconcile(world_of(main), key_of(main), NOW + timedelta(seconds=2))
    assert isinstance(update, Update)
    assert (update.subresource, update.body["spec"]["finalizers"]) == ("finalize", [])


def test_keys_of_what_goes_is_its_terminating_namespace() -> None:
    one = pod("a")
    gone = Change(key_of(one), one, None)
    assert list(namespace.keys(world_of(terminating()), gone)) == [NAMESPACES.key("", "default")]
    assert list(namespace.keys(world_of(make(NAMESPACES, "default")), gone)) == []


def test_every_namespace_gets_an_account_and_the_authoritys_certificate() -> None:
    main = make(NAMESPACES, "default")
    (create,) = serviceaccount.reconcile_accounts(world_of(main), key_of(main), NOW)
    assert isinstance(create, Create)
    assert create.body["metadata"] == {"name": "default", "namespace": "default"}
    assert serviceaccount.reconcile_accounts(world_of(main, make(SERVICEACCOUNTS, "default")), key_of(main), NOW) == []
    publisher = serviceaccount.root_ca_controller("PEM")
    (create,) = publisher.reconcile(world_of(main), key_of(main), NOW)
    assert isinstance(create, Create)
    assert create.body["data"] == {"ca.crt": "PEM"}
    changed = make(CONFIGMAPS, "kube-root-ca.crt", data={"ca.crt": "other"})
    (patch,) = publisher.reconcile(world_of(main, changed), key_of(main), NOW)
    assert isinstance(patch, Patch)
    assert list(publisher.keys(world_of(main), Change(key_of(changed), changed, None))) == [key_of(main)]
    assert publisher.reconcile(world_of(terminating()), key_of(main), NOW) == []


def test_load_balancers_have_this_machines_address() -> None:
    main = service(type="LoadBalancer")
    (patch,) = loadbalancer.reconcile(world_of(main), key_of(main), NOW)
    assert isinstance(patch, Patch)
    assert patch.patch["status"]["loadBalancer"]["ingress"][0]["ip"] == "127.0.0.1"
    main["status"] = patch.patch["status"]
    assert loadbalancer.reconcile(world_of(main), key_of(main), NOW) == []
    main["spec"]["type"] = "ClusterIP"
    (patch,) = loadbalancer.reconcile(world_of(main), key_of(main), NOW)
    assert isinstance(patch, Patch)
    assert patch.patch["status"]["loadBalancer"] is None


def test_pods_of_lost_nodes_and_too_many_ended_ones_go() -> None:
    node = make(NODES, "n")
    lost = pod("lost")
    lost["spec"]["nodeName"] = "gone"
    ended = [pod(f"e{number:03}", phase="Succeeded") for number in range(podgc.MAX_ENDED_PODS + 2)]
    writes = podgc.reconcile(world_of(node, lost, pod("fine"), *ended), PODS.key("", ""), NOW)
    assert sorted(write.key.name for write in writes if isinstance(write, Delete)) == ["e000", "e001", "lost"]
    assert isinstance(writes[-1], Again)
