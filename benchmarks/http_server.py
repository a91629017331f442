"""The API as `kroniek serve` runs it, without a worker beside it, and with one more route that does nothing.

Without a worker no row changes, so what is due would stay due: this process leads no reactors and no deadlines.

`python -m benchmarks.http_server` takes its settings from the environment and prints its address on one line.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.cli.common import database, settings_of
from api.cli.processes import unwind_on_term
from api.cli.serve import address, listening, serve
from api.composition.bootstrap import create_app

NO_OP = "/no-op"
PLENTY = 1_000_000_000
"""Requests a minute for an organisation, and what its queries cost: counted as for everybody, but never too many."""


def main() -> None:
    # One organisation sends everything, as fast as it can.
    settings = settings_of(port=0, requests_per_minute=PLENTY, graphql_cost_per_minute=PLENTY)
    unwind_on_term()
    with listening(settings) as listener, database(settings) as addresses:
        print(address(listener), flush=True)
        serve(_with_no_op(create_app(settings, addresses, reacting=False)), listener)


def _with_no_op(app: FastAPI) -> FastAPI:
    # It stands before all other routes, where it costs least: what is compared with it gets no favour.
    app.router.routes.insert(0, Route(NO_OP, _no_op, methods=["POST"]))
    return app


async def _no_op(request: Request) -> Response:
    """Read the body, ask nobody, write nothing."""
    await request.body()
    return Response(status_code=204)


if __name__ == "__main__":
    main()
