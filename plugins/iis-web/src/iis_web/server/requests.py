"""What routes have in common: reading requests, and sending predictions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from iis_core.errors import UserError
from iis_core.files.reading import parse_json

Served = TypeVar("Served")

Acts: TypeAlias = Mapping[tuple[str, str], Callable[[Served, Request], Awaitable[Response]]]
"""What answers a request, by method and path."""


def bind_routes(served: Served, acts: Acts[Served]) -> Sequence[BaseRoute]:
    """Make routes of what answers requests to something that is served."""

    def bind(act: Callable[[Served, Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await act(served, request)

        return endpoint

    return [Route(path, bind(act), methods=[method]) for (method, path), act in acts.items()]


async def read_content(request: Request) -> dict[str, Any]:
    """Read the JSON object that a request holds.

    Raises:
        UserError: it holds something else.
    """
    try:
        content = parse_json(await request.body())
    except ValueError as error:
        raise UserError(f"the request is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise UserError("the request is no JSON object")
    return content


def take_place(request: Request, name: str, count: int) -> int:
    """Return a place in a list of so many entries, from the path or the query.

    Raises:
        HTTPException: there is no such place.
    """
    text = str(request.path_params.get(name, request.query_params.get(name, "0")))
    if not text.isdecimal() or len(text) > 9 or int(text) >= count:
        raise HTTPException(404)
    return int(text)


def show_prediction(png: bytes, box: tuple[int, int, int, int], seconds: float) -> Response:
    """Answer with a prediction; see `encode_prediction`."""
    headers = {"x-iis-box": ",".join(map(str, box)), "x-iis-seconds": f"{seconds:.6f}"}
    return Response(png, media_type="image/png", headers=headers)
