"""Serving: a socket, an address with a token, and a server in this thread or another one."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass, field

import uvicorn
from starlette.types import ASGIApp

from iis_core.errors import UserError


@dataclass(eq=False)
class Address:
    """A socket that is bound, and the secret that lets requests in.

    Args:
        host: the host.
        port: the port, 0 for any that is free.

    Raises:
        UserError: the port is taken, or the host is none of this machine.
    """

    host: str = "127.0.0.1"
    port: int = 0
    token: str = field(default_factory=lambda: secrets.token_urlsafe(18))

    def __post_init__(self) -> None:
        try:
            family = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][0]
            # asyncio sends small answers at once only where a socket names its protocol.
            self.socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            if os.name == "posix":
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind((self.host, self.port))
            self.socket.listen()
        except OSError as error:
            reason = error.strerror or error
            raise UserError(
                f"{self.host}, port {self.port} cannot be served ({reason}): choose another --port"
            ) from error
        self.port = self.socket.getsockname()[1]

    @property
    def url(self) -> str:
        """What to open in the browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/{self.token}/"


def make_server(app: ASGIApp) -> uvicorn.Server:
    """Make a server, which ends once the model has given the answers that are waited for."""
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))


def serve_in_background(server: uvicorn.Server, address: Address) -> threading.Thread:
    """Serve in a thread of its own.

    Returns:
        The thread, once the server answers.
    """
    thread = threading.Thread(target=server.run, kwargs={"sockets": [address.socket]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    return thread
