"""The application: the page, its files, the API, and errors as sentences."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib.resources import files
from pathlib import PurePosixPath

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from iis_core.errors import IISError, PluginError
from iis_web.server.door import Door, TooLargeError, refuse
from iis_web.session import ConflictError

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def make_app(routes: Sequence[BaseRoute], token: str, frames: str = "'none'") -> ASGIApp:
    """Make the application.

    Args:
        routes: of the API, under `/api/`.
        token: the secret with which every path begins.
        frames: which pages may show the page in a frame.
    """
    page = {
        file.name: file.read_bytes()
        for file in files("iis_web").joinpath("page").iterdir()
        if PurePosixPath(file.name).suffix in _TYPES
    }

    async def show_file(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in page:
            raise HTTPException(404)
        return Response(page[name], media_type=_TYPES[PurePosixPath(name).suffix])

    handlers = {
        HTTPException: _show_status,
        IISError: _show_error,
        ConflictError: _show_conflict,
        TooLargeError: _show_too_large,
        Exception: _show_defect,
    }
    own = [Route("/", show_file), Route("/{name}", show_file)]
    return Door(Starlette(routes=[*routes, *own], exception_handlers=handlers), token, frames)


async def _show_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reasons = {404: "there is nothing at this address", 405: "this address does not do that"}
    return refuse(error.status_code, reasons.get(error.status_code, error.detail))


async def _show_error(request: Request, error: Exception) -> Response:
    return refuse(502 if isinstance(error, PluginError) else 422, str(error))


async def _show_conflict(request: Request, error: Exception) -> Response:
    return refuse(409, "it was changed meanwhile, maybe in another tab")


async def _show_too_large(request: Request, error: Exception) -> Response:
    return refuse(413, "the request is too large")


async def _show_defect(request: Request, error: Exception) -> Response:
    traceback.print_exception(error, file=sys.stderr)
    return refuse(500, f"{type(error).__name__}: the terminal of `iis click` says more")
