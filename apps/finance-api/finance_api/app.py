"""The HTTP service. v2 is v1 plus account statements; both run at once during a canary release."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from finance_api.ledger import Ledger, NoSuchAccount, Refused
from finance_api.migrate import migrate
from finance_api.schemas import Account, Balance, NewAccount, NewTransfer, Statement, Transfer
from finance_api.settings import Settings
from finance_api.tracing import Tracer, follow

log = logging.getLogger("finance_api")
api = APIRouter()
api_v2 = APIRouter()


def ledger_of(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


Store = Annotated[Ledger, Depends(ledger_of)]
AccountId = Annotated[int, Path(gt=0)]
Limit = Annotated[int, Query(gt=0, le=500)]


def caller_of(xfcc: str) -> str:
    """The URI of the nearest client certificate in an x-forwarded-client-cert header, "unknown" without one.

    The header holds one comma-separated element for each hop, of `Key=value` pairs separated by semicolons
    (Envoy's HTTP header documentation); the last element is the hop next to us.
    """
    for pair in xfcc.rsplit(",", 1)[-1].split(";"):
        key, _, value = pair.partition("=")
        if key == "URI" and value:
            return value
    return "unknown"


@api.get("/health")
async def health() -> dict[str, str]:
    """Liveness: this process answers. It says nothing of the database, whose restart must not restart us."""
    return {"status": "ok"}


@api.get("/ready")
async def ready(ledger: Store) -> dict[str, str]:
    """Readiness: the database answers."""
    await ledger.ping()
    return {"status": "ready"}


@api.get("/version")
async def version(request: Request) -> dict[str, str]:
    """Who answered, and who asked: the mesh tells the caller's identity in x-forwarded-client-cert."""
    settings: Settings = request.app.state.settings
    caller = caller_of(request.headers.get("x-forwarded-client-cert", ""))
    return {"service": "finance-api", "version": settings.version, "pod": settings.pod, "caller": caller}


@api.post("/accounts", status_code=201)
async def open_account(new: NewAccount, ledger: Store) -> Account:
    return Account(**await ledger.open_account(new.owner, new.currency, new.balance))


@api.get("/accounts")
async def accounts(ledger: Store, after: Annotated[int, Query(ge=0)] = 0, limit: Limit = 50) -> list[Account]:
    return [Account(**row) for row in await ledger.accounts(after, limit)]


@api.get("/accounts/{account}")
async def account(account: AccountId, ledger: Store) -> Account:
    return Account(**await ledger.account(account))


@api.get("/accounts/{account}/balance")
async def balance(account: AccountId, ledger: Store) -> Balance:
    row = await ledger.account(account)
    return Balance(account=account, balance=row["balance"], currency=row["currency"])


@api.post("/transfers", status_code=201)
async def transfer(new: NewTransfer, ledger: Store) -> Transfer:
    return Transfer(**await ledger.transfer(new.from_account, new.to_account, new.amount, new.request_id))


@api_v2.get("/accounts/{account}/statement")
async def statement(account: AccountId, ledger: Store, limit: Limit = 50) -> Statement:
    row = await ledger.account(account)
    lines: list[Any] = await ledger.statement(account, limit)
    return Statement(account=account, balance=row["balance"], currency=row["currency"], lines=lines)


def answer(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    """A handler that answers `status` with the error's own text."""

    async def handle(request: Request, error: Exception) -> Response:
        return JSONResponse({"detail": str(error)}, status)

    return handle


async def unavailable(request: Request, error: Exception) -> Response:
    log.warning("database unavailable: %s", error)
    return JSONResponse({"detail": "the database is unavailable"}, 503)


async def connect(settings: Settings, tracer: Tracer | None = None, *, patience: float = 60.0) -> asyncpg.Pool:
    """Open the pool, waiting up to `patience` seconds: in a mesh our sidecar or the database may start after us."""

    async def traced(connection: Any) -> None:
        if tracer is not None:
            connection.add_query_logger(tracer.query)

    deadline = asyncio.get_running_loop().time() + patience
    while True:
        try:
            return await asyncpg.create_pool(
                host=settings.db_host, port=settings.db_port, database=settings.db_name, user=settings.db_user,
                password=settings.db_password, min_size=1, max_size=settings.pool_size, command_timeout=10,
                timeout=5, ssl=False,  # the sidecars encrypt
                init=traced,
            )  # fmt: skip
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            log.info("waiting for PostgreSQL at %s:%d: %s", settings.db_host, settings.db_port, error)
            await asyncio.sleep(0.2)


def create_app(settings: Settings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tracer = Tracer(settings.collector, settings.service) if settings.collector else None
        pool = await connect(settings, tracer)
        async with pool.acquire() as connection:
            applied = await migrate(connection)
        log.info("serving %s; migrations applied now: %s", settings.version, ", ".join(applied) or "none")
        app.state.ledger = Ledger(pool)
        async with asyncio.TaskGroup() as background:
            reporting = background.create_task(tracer.run()) if tracer is not None else None
            yield
            if reporting is not None:
                reporting.cancel()
        await pool.close()

    app = FastAPI(title="finance-api", version=settings.version, lifespan=lifespan)
    app.state.settings = settings
    app.include_router(api)
    if settings.version == "v2":
        app.include_router(api_v2)
    app.add_exception_handler(NoSuchAccount, answer(404))
    app.add_exception_handler(Refused, answer(409))
    for error in (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        app.add_exception_handler(error, unavailable)

    app.middleware("http")(follow)

    @app.middleware("http")
    async def name_version(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers["x-app-version"] = settings.version
        return response

    return app
