"""Who may come in: requests with the token in their path, from this server's own page or from no page at all."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LARGEST_BODY = 1 << 20
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors {frames}"
)


class Door:
    """Refuses requests that do not come from the page of this server; an ASGI application around another.

    Args:
        app: the application, which sees the path without the token.
        token: the secret that every path begins with.
        frames: which pages may show the page in a frame, in words of the Content-Security-Policy.
    """

    def __init__(self, app: ASGIApp, token: str, frames: str = "'none'") -> None:
        self._app, self._token = app, token
        self._headers = [
            (b"content-security-policy", _POLICY.format(frames=frames).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"cache-control", b"no-store"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._let_in(scope, receive, self._add_headers(send))

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        refusal = self._find_refusal(request)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        path = scope["path"].removeprefix(f"/{self._token}") or "/"
        await self._app({**scope, "path": path, "raw_path": path.encode()}, _limit(receive), send)

    def _find_refusal(self, request: Request) -> Response | None:
        if not is_own_name(request.headers.get("host", "")):
            return refuse(400, "this server answers to an IP address, localhost and this machine's name only")
        _, first, *_ = request.scope["path"].split("/") + [""]
        if not secrets.compare_digest(first.encode(errors="replace"), self._token.encode()):
            return refuse(403, "this address lacks the token: open the one that `iis click` printed")
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
        is_own = origin is None or origin.partition("://")[2] == request.headers["host"]
        if not is_own or (site not in ("same-origin", "none") and request.headers.get("sec-fetch-mode") != "navigate"):
            return refuse(403, "requests of other pages are refused")
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > _LARGEST_BODY:
            return refuse(413, f"a request has up to {_LARGEST_BODY} bytes")
        return None

    def _add_headers(self, send: Send) -> Callable[[Message], Awaitable[None]]:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *self._headers]}
            await send(message)

        return send_with_headers


class TooLargeError(Exception):
    """A body without a declared length is larger than any request of the page."""


def refuse(status: int, reason: str) -> Response:
    """Make the answer to a request that is refused: a status and one sentence."""
    return JSONResponse({"error": reason}, status)


def is_own_name(host: str) -> bool:
    """Whether a Host header names this machine by an address or name that no other site can be led to.

    A page of another site can let its own name point here (DNS rebinding), but not an address.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name in ("localhost", socket.gethostname().lower()) or bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _limit(receive: Receive) -> Receive:
    """Count what comes in where the length was not declared."""
    total = 0

    async def receive_some() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > _LARGEST_BODY:
            raise TooLargeError
        return message

    return receive_some
