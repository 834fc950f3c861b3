"""The files a pod's containers have of their own in /etc. Pure.

Source: the kubelet's `pkg/kubelet/network/dns` and hosts file; for passwd, what CRI-O does.
"""

from __future__ import annotations

from tejer.cluster.runtime.identity import Identity
from tejer.cluster.runtime.inputs import Inputs
from tejer.kube.kinds.core import Pod, PodDNSConfig


def resolv_conf(pod: Pod, inputs: Inputs) -> bytes:
    """ClusterFirst: the cluster's server and search list. Default and None differ as Kubernetes says."""
    config = pod.spec.dns_config or PodDNSConfig()
    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    if pod.spec.dns_policy != "None":
        domain = inputs.cluster_domain
        servers = (
            inputs.dns_ip,
        )  # also for policy Default: it forwards what isn't the cluster's to the host's servers
        options = ("ndots:5",)
        if pod.spec.dns_policy != "Default":
            searches = (f"{pod.metadata.namespace}.svc.{domain}", f"svc.{domain}", domain)
    servers += config.nameservers
    searches += config.searches
    named = tuple(f"{option.name}:{option.value}" if option.value else option.name for option in config.options)
    overridden = {name.split(":", 1)[0] for name in named}
    options = (*(option for option in options if option.split(":", 1)[0] not in overridden), *named)
    lines = [f"nameserver {server}" for server in servers]
    lines += [f"search {' '.join(searches)}"] if searches else []
    lines += [f"options {' '.join(options)}"] if options else []
    return "".join(f"{line}\n" for line in lines).encode()


def hosts_file(pod: Pod, hostname: str, inputs: Inputs) -> bytes:
    own = hostname
    if pod.spec.subdomain:
        own = f"{hostname}.{pod.spec.subdomain}.{pod.metadata.namespace}.svc.{inputs.cluster_domain}\t{hostname}"
    lines = ["# Kubernetes-managed hosts file.", "127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    lines.append(f"{inputs.pod_ip}\t{own}")
    lines += [f"{alias.ip}\t" + "\t".join(alias.hostnames) for alias in pod.spec.host_aliases]
    return "".join(f"{line}\n" for line in lines).encode()


def passwd_file(users: bytes, who: Identity) -> bytes:
    """The host's users and, if its uid is none of theirs, the container's own: programs such as initdb ask for it."""
    if any(line.split(b":")[2:3] == [b"%d" % who.uid] for line in users.splitlines()):
        return users
    ended = users if not users or users.endswith(b"\n") else users + b"\n"
    return ended + b"user%d:x:%d:%d::/tmp:/usr/sbin/nologin\n" % (who.uid, who.uid, who.gid)
