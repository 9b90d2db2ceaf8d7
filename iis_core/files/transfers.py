"""One file over HTTP: bounded in size and in time, resumed where it stopped, whatever the server does."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any
from urllib.parse import quote, urljoin, urlsplit

from iis_core.errors import UserError, first_line
from iis_core.files.reading import read_json
from iis_core.files.writing import write_json

Progress = Callable[[int, int | None], None]
"""Called with the number of bytes so far and the total, None where the server does not say."""

_CHUNK = 1 << 18
_LARGEST = 1 << 33
"""Where nobody says how large a file is, it has at most 8 GiB."""
_TIMEOUT = 60.0
_LEAST_SPEED, _PATIENCE = 1024, 60.0
"""Bytes a second, on average over so many seconds; a server could otherwise hold on for ever."""
_MOST_REDIRECTS = 10
_REDIRECTS = (301, 302, 303, 307, 308)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_URL_LETTERS = "%/:=&?~#+!$,;'@()*[]"
_RANGE = re.compile(r"bytes (?:(\d{1,18})-\d{1,18}|\*)/(\d{1,18})")


class TransferError(Exception):
    """A server does not give the file; the message says why, fit for a terminal."""


def transfer(url: str, file: Path, size: int | None, progress: Progress, *, allow_http: bool) -> None:
    """Bring what is at a URL into a file, from where an earlier transfer stopped.

    Args:
        url: where it is.
        file: what has arrived; `FILE.json` beside it notes what it is the beginning of.
        size: the number of bytes that are expected, None where it is unknown.
        progress: called as bytes arrive.
        allow_http: whether an address without encryption is good enough; on this machine it always is.

    Raises:
        TransferError: the server does not give the file, or not all of it.
        OSError: the file cannot be written.
    """
    url = quote(url, safe=_URL_LETTERS)
    allow_http = allow_http or _read(urlsplit, url).hostname in _LOOPBACK
    start, validator = _find_start(url, file)
    watch = _SpeedWatch(start)
    try:
        with watch, _open(url, start, validator, watch, allow_http) as response:
            if start and response.status == 416:
                if not _is_whole(response, start):
                    forget(file)
                    transfer(url, file, size, progress, allow_http=allow_http)
                return
            first, total = _read_extent(response, start, size)
            _check_room(file, total, first)
            if first == 0:
                write_json(_note_beside(file), {"url": url, "validator": _read_validator(response)})
            with file.open("ab" if first else "wb") as stream:
                watch.done = first
                _receive(response, stream, watch, total, progress)
    except TransferError:
        if not watch.is_too_slow:
            raise
    if watch.is_too_slow:
        raise TransferError(f"it gives fewer than {_LEAST_SPEED} bytes a second")
    if total is not None and watch.done < total:
        raise TransferError(f"the connection ended after {watch.done} of {total} bytes")


def make_printable(text: object) -> str:
    """What a server wrote, fit for a terminal: one short line without control characters."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(text)[:300])


def forget(file: Path) -> None:
    """Delete what has arrived."""
    file.unlink(missing_ok=True)
    _note_beside(file).unlink(missing_ok=True)


class _SpeedWatch:
    """Closes the connection, in a thread of its own, when fewer bytes arrive than `_LEAST_SPEED` asks for."""

    def __init__(self, done: int) -> None:
        self.done = done
        self.is_too_slow = False
        self.connection: socket.socket | None = None
        self._over = Event()

    def __enter__(self) -> None:
        Thread(target=self._watch, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _watch(self) -> None:
        before = self.done
        while not self._over.wait(_PATIENCE):
            if self.connection is not None and self.done - before < _LEAST_SPEED * _PATIENCE:
                self.is_too_slow = True
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
            before = self.done


class _Watched(http.client.HTTPConnection):
    """Shows its socket to the watch."""

    watch: _SpeedWatch

    def connect(self) -> None:
        super().connect()
        self.watch.connection = self.sock


class _WatchedTLS(_Watched, http.client.HTTPSConnection):
    pass


def _connect(kind: type[_Watched], watch: _SpeedWatch, host: str, **keywords: Any) -> _Watched:
    connection = kind(host, **keywords)
    connection.watch = watch
    return connection


class _Handler(urllib.request.HTTPHandler):
    def __init__(self, watch: _SpeedWatch) -> None:
        super().__init__()
        self.watch = watch

    def http_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(partial(_connect, _Watched, self.watch), req)

    def https_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(partial(_connect, _WatchedTLS, self.watch), req)

    https_request = urllib.request.HTTPHandler.http_request


def _open(url: str, start: int, validator: str, watch: _SpeedWatch, allow_http: bool) -> http.client.HTTPResponse:
    """Open a URL, through redirects. Nothing but HTTP is spoken, so that no address means a file of this machine."""
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), _Handler(watch)):
        opener.add_handler(handler)
    headers = {"User-Agent": "iis-core"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    for _ in range(_MOST_REDIRECTS):
        _check_address(url, allow_http)
        response: http.client.HTTPResponse = _read(
            opener.open, urllib.request.Request(url, headers=headers), timeout=_TIMEOUT
        )
        if response.status not in _REDIRECTS:
            return response
        # Closed unread: what comes with a redirect may have no end.
        response.close()
        url = _read(urljoin, url, quote(response.headers.get("Location", ""), safe=_URL_LETTERS))
    raise TransferError(f"it redirects more than {_MOST_REDIRECTS} times")


def _check_address(url: str, allow_http: bool) -> None:
    scheme = _read(urlsplit, url).scheme
    if scheme != "https" and not (scheme == "http" and allow_http):
        raise TransferError(f"{make_printable(url)} is refused, only https is fetched, or http from a mirror")


def _find_start(url: str, file: Path) -> tuple[int, str]:
    """How many bytes of what is at a URL have arrived, and what tells it from a file that takes its place."""
    if file.is_symlink() or not file.is_file():
        file.unlink(missing_ok=True)
        return 0, ""
    try:
        known = read_json(_note_beside(file), _CHUNK)
    except UserError:
        return 0, ""
    validator = known.get("validator") if isinstance(known, dict) and known.get("url") == url else None
    return (file.stat().st_size, validator) if validator and isinstance(validator, str) else (0, "")


def _read_validator(response: http.client.HTTPResponse) -> str | None:
    validator = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
    return validator if validator.isascii() and validator.isprintable() else None


def _is_whole(response: http.client.HTTPResponse, start: int) -> bool:
    """Whether nothing follows these bytes because they are all, and not because the file has become shorter."""
    extent = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    return extent is not None and int(extent[2]) == start


def _read_extent(response: http.client.HTTPResponse, start: int, size: int | None) -> tuple[int, int | None]:
    """The place of the first byte of an answer, and the number of bytes of the whole file."""
    if response.status not in (200, 206):
        raise TransferError(make_printable(f"{response.status} {response.reason}"))
    first, total = 0, response.length
    if response.status == 206:
        extent = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if extent is None or extent[1] is None or not int(extent[1]) <= int(extent[2]):
            raise TransferError("it gives a part of the file and does not say which")
        first, total = int(extent[1]), int(extent[2])
        if first not in (0, start):
            raise TransferError(f"it gives the file from byte {first}, not from {start}")
    if size is not None and total not in (None, size):
        raise TransferError(f"it has {total} bytes instead of {size}")
    return first, size if total is None else total


def _check_room(file: Path, total: int | None, done: int) -> None:
    room = shutil.disk_usage(file.parent).free
    if total is not None and total - done > room:
        raise TransferError(f"it has {total} bytes, and {file.parent} has room for {room}")


def _receive(
    response: http.client.HTTPResponse, stream: IO[bytes], watch: _SpeedWatch, total: int | None, progress: Progress
) -> None:
    limit = _LARGEST if total is None else total
    progress(watch.done, total)
    while watch.done < limit and (chunk := _read(response.read1, min(_CHUNK, limit - watch.done))):
        stream.write(chunk)
        watch.done += len(chunk)
        progress(watch.done, total)
    if total is None and watch.done >= limit:
        raise TransferError(f"it has no end, more than {limit} bytes")
    stream.flush()
    os.fsync(stream.fileno())


def _read(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """Call what reads from the network, whose errors are those of the place and not of the file that is written."""
    try:
        return function(*arguments, **keywords)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise TransferError(make_printable(getattr(error, "reason", None) or first_line(error))) from error


def _note_beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")
