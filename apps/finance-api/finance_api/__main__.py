"""`python -m finance_api` serves the API until it is told to stop."""

from __future__ import annotations

import logging
import sys

import uvicorn

from finance_api.app import create_app
from finance_api.settings import Settings


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = Settings.from_env()
    except ValueError as error:
        logging.error("finance-api cannot start: %s", error)
        return 2
    # Requests are logged by the mesh; ours would only repeat it.
    uvicorn.run(
        create_app(settings), host=settings.host, port=settings.port, access_log=False, timeout_graceful_shutdown=20
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
