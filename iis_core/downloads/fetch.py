"""One published file: resumed where it was interrupted, verified before it is used."""

from __future__ import annotations

import hashlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from iis_core.errors import UserError
from iis_core.plugins.specs import Download

Progress = Callable[[int, int | None], None]
"""Called with the bytes so far and in all, None where the server does not say."""

_CHUNK = 1 << 18
_TIMEOUT = 60.0
_CHECKSUMS = "checksums.json"


def fetch(download: Download, folder: Path, *, mirrors: Sequence[str] = (), progress: Progress | None = None) -> Path:
    """The file, in a folder; what an interrupted fetch has left there is gone on with.

    mirrors: URLs of folders that hold files of the same names, tried in order when the official place fails.

    The checksum is compared with the published one; where none is published, with that of the first time, kept in
    `checksums.json` of the folder. Raises UserError where no place gives the file, where it is not the expected one
    (it is then deleted), and where it cannot be written.
    """
    name = unquote(urlsplit(download.url).path).rsplit("/", 1)[-1]
    target = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            _from_anywhere([download.url, *(f"{mirror.rstrip('/')}/{name}" for mirror in mirrors)], target, progress)
        _verify(target, download)
    except OSError as error:
        raise UserError(
            f"{error.filename or folder} cannot be written: {error.strerror}; make room and try again"
        ) from error
    return target


def _from_anywhere(urls: Sequence[str], target: Path, progress: Progress | None) -> None:
    causes = []
    for url in urls:
        try:
            return _from(url, target, progress or (lambda done, total: None))
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError) as error:
            causes.append(f"{url}: {getattr(error, 'reason', None) or error}")
    remedy = "run the same command again to go on where it stopped, or configure a mirror"
    raise UserError(f"{target.name} cannot be fetched ({'; '.join(causes)}): {remedy}")


def _from(url: str, target: Path, progress: Progress) -> None:
    partial, note = target.with_name(f"{target.name}.partial"), target.with_name(f"{target.name}.partial.json")
    known = _read_note(note) if partial.exists() else {}
    request = urllib.request.Request(url, headers={"User-Agent": "iis-core"})
    start = partial.stat().st_size if known.get("url") == url and known.get("validator") else 0
    if start:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", known["validator"])
    with _opened(request, partial) as response:
        resumed = response.status == 206
        length = response.headers.get("Content-Length")
        start = start if resumed else 0
        total = start + int(length) if length else None
        if not resumed:
            validator = response.headers.get("ETag") or response.headers.get("Last-Modified")
            note.write_text(json.dumps({"url": url, "validator": validator}))
        with partial.open("ab" if resumed else "wb") as file:
            done = _copy(response, file, start, total, progress)
    if total is not None and done < total:
        raise ConnectionError(f"the connection ended after {done} of {total} bytes")
    partial.replace(target)
    note.unlink(missing_ok=True)


def _opened(request: urllib.request.Request, partial: Path) -> Any:
    """The response; a range that the server refuses is asked for no more."""
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        partial.unlink()
        request.remove_header("Range")
        request.remove_header("If-range")
        return urllib.request.urlopen(request, timeout=_TIMEOUT)


def _copy(response: Any, file: IO[bytes], done: int, total: int | None, progress: Progress) -> int:
    progress(done, total)
    while chunk := response.read(_CHUNK):
        file.write(chunk)
        done += len(chunk)
        progress(done, total)
    return done


def _read_note(note: Path) -> dict[str, Any]:
    try:
        content = json.loads(note.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _verify(file: Path, download: Download) -> None:
    """Compare with what is published, or with the first time. Raises UserError, the file then being deleted."""
    with file.open("rb") as stream:
        start = stream.read(512).lstrip().lower()
        stream.seek(0)
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    checksums = file.parent / _CHECKSUMS
    recorded = _read_note(checksums)
    expected = download.sha256 or recorded.get(file.name)
    size = file.stat().st_size
    cause = None
    if start.startswith((b"<!doctype html", b"<html")):
        cause = "is a web page: the link has moved, or wants a browser"
    elif download.size is not None and size != download.size:
        cause = f"has {size} bytes instead of {download.size}"
    elif expected is not None and found != expected:
        cause = f"has the SHA-256 {found} instead of {expected}"
    if cause:
        file.unlink()
        raise UserError(f"{file.name} from {download.url} {cause}; it was deleted: try again, or configure a mirror")
    if expected is None:
        checksums.write_text(json.dumps({**recorded, file.name: found}, indent=2) + "\n")
