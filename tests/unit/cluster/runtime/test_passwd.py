"""A container's uid has a name: initdb and others refuse to run without one."""

from __future__ import annotations

from tejer.cluster.runtime.etc import passwd_file
from tejer.cluster.runtime.identity import Identity

USERS = b"root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin"


def who(uid: int) -> Identity:
    return Identity(uid=uid, gid=uid, groups=(), capabilities=(), no_new_privileges=True)


def test_a_known_user_changes_nothing() -> None:
    assert passwd_file(USERS, who(65534)) == USERS


def test_an_unknown_uid_gets_an_entry() -> None:
    lines = passwd_file(USERS, who(999)).decode().splitlines()
    assert lines[:2] == USERS.decode().splitlines()
    assert lines[2] == "user999:x:999:999::/tmp:/usr/sbin/nologin"


def test_a_machine_without_users_is_no_obstacle() -> None:
    assert passwd_file(b"", who(7)) == b"user7:x:7:7::/tmp:/usr/sbin/nologin\n"
