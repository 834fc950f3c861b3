"""Applies `migrations/NNNN_name.sql` in order, each once and each in a transaction."""

from __future__ import annotations

from importlib.resources import files

import asyncpg

# Any fixed number: two replicas that start together take turns instead of racing.
LOCK = 7_316_042


def migrations() -> list[tuple[int, str, str]]:
    """(number, name, SQL) in order."""
    found = [entry for entry in files("finance_api").joinpath("migrations").iterdir() if entry.name.endswith(".sql")]
    return sorted((int(entry.name[:4]), entry.name, entry.read_text("utf-8")) for entry in found)


async def migrate(connection: asyncpg.Connection) -> list[str]:
    """Bring the schema up to date; returns the names applied now."""
    applied: list[str] = []
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        await connection.execute("CREATE TABLE IF NOT EXISTS schema_migrations (number integer PRIMARY KEY, name text)")
        done = {row["number"] for row in await connection.fetch("SELECT number FROM schema_migrations")}
        for number, name, sql in migrations():
            if number in done:
                continue
            await connection.execute(sql)
            await connection.execute("INSERT INTO schema_migrations VALUES ($1, $2)", number, name)
            applied.append(name)
    return applied
