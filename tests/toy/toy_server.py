"""A file server on loopback that knows ranges, and can be told to misbehave."""

from __future__ import annotations

import io
import socket
import threading
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FileServer:
    """Serves `files` by path.

    cut: close the connection after so many bytes, once. tag: the ETag, None for none. ranges: whether they are known.
    requests: the Range header of every request, None where there was none.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: int | None = None
        self.tag: str | None = '"1"'
        self.ranges = True
        self.requests: list[str | None] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *arguments: Any) -> None:
                pass

        return Handler

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.requests.append(wanted)
        content = self.files.get(request.path)
        if content is None:
            request.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if start >= len(content) > 0 and start:
            request.send_error(416)
            return
        if request.headers.get("If-Range") != self.tag:
            start = 0
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(content) - start))
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.tag:
            request.send_header("ETag", self.tag)
        request.end_headers()
        end, self.cut = (len(content) if self.cut is None else start + self.cut), None
        with suppress(ConnectionError):  # one that knows enough hangs up
            request.wfile.write(content[start:end])


def zipped(names: dict[str, bytes]) -> bytes:
    """A ZIP file, as bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return buffer.getvalue()


class HostileServer:
    """Answers every request with the bytes that `answers` gives for its path: without end, where they have none.

    An answer begins with the status line; `pause` seconds pass between its parts.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[], Iterable[bytes]]] = {}
        self.pause = 0.0
        self.requests: list[str] = []
        self._closed = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = connection.recv(1 << 16).decode()
            self.requests.append(request)
            for part in self.answers[request.split()[1]]():
                connection.sendall(part)
                if self._closed.wait(self.pause):
                    return
