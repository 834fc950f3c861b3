"""The service against a real PostgreSQL, as its callers see it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import asyncpg
import pytest
from fastapi.testclient import TestClient

from finance_api.app import create_app
from finance_api.migrate import migrate
from finance_api.settings import Settings


def open_account(client: TestClient, balance: str = "100.00", currency: str = "EUR") -> int:
    answer = client.post("/accounts", json={"owner": "Ada", "currency": currency, "balance": balance})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def balance_of(client: TestClient, account: int) -> str:
    return str(client.get(f"/accounts/{account}/balance").json()["balance"])


def test_health_and_readiness(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ready"}


def test_a_transfer_moves_money(client: TestClient) -> None:
    source, target = open_account(client), open_account(client, "0.00")
    answer = client.post("/transfers", json={"from_account": source, "to_account": target, "amount": "30.25"})
    assert answer.status_code == 201
    assert (balance_of(client, source), balance_of(client, target)) == ("69.75", "30.25")


def test_a_refused_transfer_changes_nothing(client: TestClient) -> None:
    source, target = open_account(client, "10.00"), open_account(client, "0.00")
    answer = client.post("/transfers", json={"from_account": source, "to_account": target, "amount": "10.01"})
    assert answer.status_code == 409
    assert "holds less than 10.01" in answer.json()["detail"]
    assert (balance_of(client, source), balance_of(client, target)) == ("10.00", "0.00")


def test_currencies_do_not_mix(client: TestClient) -> None:
    source, target = open_account(client), open_account(client, currency="USD")
    answer = client.post("/transfers", json={"from_account": source, "to_account": target, "amount": "1.00"})
    assert answer.status_code == 409


def test_a_retried_transfer_happens_once(client: TestClient) -> None:
    source, target = open_account(client), open_account(client)
    body = {"from_account": source, "to_account": target, "amount": "5.00", "request_id": f"r-{source}"}
    first, second = (client.post("/transfers", json=body).json() for _ in range(2))
    assert first["id"] == second["id"]
    assert balance_of(client, source) == "95.00"


def test_concurrent_opposite_transfers_neither_deadlock_nor_lose_money(client: TestClient) -> None:
    left, right = open_account(client), open_account(client)

    def move(turn: int) -> int:
        source, target = (left, right) if turn % 2 else (right, left)
        body = {"from_account": source, "to_account": target, "amount": "1.00"}
        return int(client.post("/transfers", json=body).status_code)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(move, range(40))) == {201}
    assert (balance_of(client, left), balance_of(client, right)) == ("100.00", "100.00")


@pytest.mark.parametrize(
    "body",
    [
        {"owner": "", "balance": "1.00"},
        {"owner": "Ada", "balance": "-1.00"},
        {"owner": "Ada", "balance": "1.001"},
        {"owner": "Ada", "currency": "euro"},
        {"owner": "Ada", "blance": "1.00"},
    ],
)
def test_bad_accounts_are_refused(client: TestClient, body: dict[str, str]) -> None:
    assert client.post("/accounts", json=body).status_code == 422


def test_unknown_accounts_are_404(client: TestClient) -> None:
    assert client.get("/accounts/999999").status_code == 404
    source = open_account(client)
    answer = client.post("/transfers", json={"from_account": source, "to_account": 999999, "amount": "1.00"})
    assert answer.status_code == 404


def test_an_owner_is_data_not_sql(client: TestClient) -> None:
    name = "Robert'); DROP TABLE accounts;--"
    answer = client.post("/accounts", json={"owner": name})
    assert answer.json()["owner"] == name
    assert client.get("/accounts?limit=1").status_code == 200


def test_v2_has_statements_and_v1_has_not(client: TestClient, database: Settings) -> None:
    source, target = open_account(client), open_account(client)
    client.post("/transfers", json={"from_account": source, "to_account": target, "amount": "2.50"})
    statement = client.get(f"/accounts/{source}/statement").json()
    assert statement["balance"] == "97.50"
    assert [(line["counterparty"], line["change"]) for line in statement["lines"]] == [(target, "-2.50")]
    with TestClient(create_app(replace(database, version="v1"))) as v1:
        assert v1.get(f"/accounts/{source}/statement").status_code == 404
        assert v1.get("/version").headers["x-app-version"] == "v1"


def test_the_caller_is_the_nearest_client_certificate(client: TestClient) -> None:
    header = (
        'By=spiffe://a;URI=spiffe://gateway,By=spiffe://me;Hash=0af;Subject="";URI=spiffe://cluster.local/ns/x/sa/y'
    )
    answer = client.get("/version", headers={"x-forwarded-client-cert": header})
    assert answer.json()["caller"] == "spiffe://cluster.local/ns/x/sa/y"
    assert client.get("/version").json()["caller"] == "unknown"


def test_migrations_are_applied_once(client: TestClient, database: Settings) -> None:
    async def again() -> list[str]:
        connection = await asyncpg.connect(
            host=database.db_host, port=database.db_port, user=database.db_user, database=database.db_name,
            password=database.db_password, ssl=False,
        )  # fmt: skip
        try:
            return await migrate(connection)
        finally:
            await connection.close()

    assert asyncio.run(again()) == []


def test_settings_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="APP_VERSION is 'v3'; use v1 or v2"):
        Settings.from_env({"APP_VERSION": "v3"})
    with pytest.raises(ValueError, match="PGPORT is 'x'"):
        Settings.from_env({"PGPORT": "x"})
    assert "hunter2" not in repr(Settings.from_env({"PGPASSWORD": "hunter2"}))
