from __future__ import annotations

from pathlib import Path

from tejer.cluster.runtime.host import hidden, submounts

MOUNTS = """\
22 1 254:0 / / rw - ext4 /dev/vda rw
23 22 0:5 / /proc rw - proc proc rw
30 22 254:1 / /home rw shared:1 - ext4 /dev/vdb rw
31 22 0:30 / /run rw - tmpfs tmpfs rw
32 30 254:2 / /home/a\\040b rw - xfs /dev/vdc rw
33 22 254:3 / /run/media/usb rw - vfat /dev/sda1 rw
34 22 0:44 / /srv/state/pods/x/root rw - overlay overlay rw
"""


def test_real_file_systems_only_and_not_our_own() -> None:
    assert submounts(MOUNTS, avoid=("/srv/state",)) == ("/home", "/home/a b")


def test_other_clusters_and_the_machines_secrets_are_hidden_too() -> None:
    found = hidden(Path("/tmp/mine"), Path("/root"))
    assert {"/tmp/mine", "/root/.tejer", "/root/.kube", "/etc/gshadow", "/etc/ssh"} <= set(found)
