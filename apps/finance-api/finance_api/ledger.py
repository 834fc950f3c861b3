"""The accounts and transfers in PostgreSQL. Every value is a parameter; no SQL is built from input."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

import asyncpg

OPEN_ACCOUNT = """
    INSERT INTO accounts (owner, currency, balance) VALUES ($1, $2, $3)
    RETURNING id, owner, currency, balance, created_at
"""
LIST_ACCOUNTS = "SELECT id, owner, currency, balance, created_at FROM accounts WHERE id > $1 ORDER BY id LIMIT $2"
GET_ACCOUNT = "SELECT id, owner, currency, balance, created_at FROM accounts WHERE id = $1"
LOCK_ACCOUNTS = "SELECT id, currency, balance FROM accounts WHERE id = ANY($1) ORDER BY id FOR UPDATE"
TAKE = "UPDATE accounts SET balance = balance - $2 WHERE id = $1"
GIVE = "UPDATE accounts SET balance = balance + $2 WHERE id = $1"
RECORD_TRANSFER = """
    INSERT INTO transfers (from_account, to_account, amount, request_id) VALUES ($1, $2, $3, $4)
    RETURNING id, from_account, to_account, amount, created_at
"""
FIND_TRANSFER = "SELECT id, from_account, to_account, amount, created_at FROM transfers WHERE request_id = $1"
STATEMENT = """
    SELECT id AS transfer, created_at,
           CASE WHEN from_account = $1 THEN to_account ELSE from_account END AS counterparty,
           CASE WHEN from_account = $1 THEN -amount ELSE amount END AS change
    FROM transfers WHERE from_account = $1 OR to_account = $1 ORDER BY id DESC LIMIT $2
"""


class NoSuchAccount(LookupError):
    """An account id that is not in the ledger."""


class Refused(ValueError):
    """A transfer that the rules do not allow: too little money, or two currencies."""


class Ledger:
    """All reads and writes of one pool. Rows are returned as dicts keyed by column."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def ping(self) -> None:
        await self._pool.fetchval("SELECT 1")

    async def open_account(self, owner: str, currency: str, balance: Decimal) -> dict[str, Any]:
        row = await self._pool.fetchrow(OPEN_ACCOUNT, owner, currency, balance)
        return dict(cast(asyncpg.Record, row))

    async def accounts(self, after: int, limit: int) -> list[dict[str, Any]]:
        rows = await self._pool.fetch(LIST_ACCOUNTS, after, limit)
        return [dict(row) for row in rows]

    async def account(self, account: int) -> dict[str, Any]:
        row = await self._pool.fetchrow(GET_ACCOUNT, account)
        if row is None:
            raise NoSuchAccount(f"there is no account {account}")
        return dict(row)

    async def transfer(self, source: int, target: int, amount: Decimal, request_id: str | None) -> dict[str, Any]:
        """Move `amount` in one transaction. Both rows are locked in the order of their ids, so two opposite
        transfers cannot deadlock. Raises NoSuchAccount or Refused and then changes nothing."""
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(LOCK_ACCOUNTS, [source, target])
            locked = {row["id"]: row for row in rows}
            if request_id is not None and (earlier := await self._earlier(connection, request_id)):
                return earlier
            for account in (source, target):
                if account not in locked:
                    raise NoSuchAccount(f"there is no account {account}")
            if locked[source]["currency"] != locked[target]["currency"]:
                raise Refused(f"account {source} and account {target} hold different currencies")
            if locked[source]["balance"] < amount:
                raise Refused(f"account {source} holds less than {amount}")
            await connection.execute(TAKE, source, amount)
            await connection.execute(GIVE, target, amount)
            row = await connection.fetchrow(RECORD_TRANSFER, source, target, amount, request_id)
            return dict(cast(asyncpg.Record, row))

    @staticmethod
    async def _earlier(connection: Any, request_id: str) -> dict[str, Any] | None:
        row = await connection.fetchrow(FIND_TRANSFER, request_id)
        return dict(row) if row else None

    async def statement(self, account: int, limit: int) -> list[dict[str, Any]]:
        """The account's newest transfers first; `change` is negative for money that left."""
        rows = await self._pool.fetch(STATEMENT, account, limit)
        return [dict(row) for row in rows]
