"""Fetching a published file: resumed where it was interrupted, verified before it is used."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from iis_core.errors import UserError
from iis_core.files.hashing import is_web_page, sha256
from iis_core.plugins.specs import Download

Progress = Callable[[int, int | None], None]
"""Called with the number of bytes so far and the total, None where the server does not say."""

_CHUNK = 1 << 18
_TIMEOUT = 60.0
_CHECKSUMS = "checksums.json"


def fetch(download: Download, folder: Path, *, mirrors: Sequence[str] = (), progress: Progress | None = None) -> Path:
    """Fetch a file into a folder, or resume an interrupted fetch.

    The checksum is compared with the published one or, where none is published, with the one kept by `keep_checksum`.
    A file that is not the expected one is deleted.

    Args:
        download: the published file.
        folder: where the file is kept.
        mirrors: URLs of folders that hold files of the same names, tried in order where the official place wants a
            browser or does not give the expected file.
        progress: called as bytes arrive.

    Returns:
        The path of the file.

    Raises:
        UserError: no place gives the file, another process is fetching it, or it cannot be written.
    """
    name = download.file_name
    file = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{name}.lock", timeout=0):
            if not file.exists() or _find_fault(file, download):
                official = [] if download.by_hand else [download.url]
                urls = [*official, *(f"{mirror.rstrip('/')}/{name}" for mirror in mirrors)]
                _fetch_from_any(urls, file, download, progress or (lambda done, total: None))
    except Timeout:
        raise UserError(f"another process is fetching {file}: wait for it") from None
    except OSError as error:
        place = error.filename or folder
        raise UserError(f"{place} cannot be written: {error.strerror}; make room and try again") from error
    return file


def how_by_hand(download: Download, folder: Path) -> str:
    """Explain how to get a file that only a browser can fetch."""
    return f"open {download.url} in a browser and save the file as {folder / download.file_name}"


def keep_checksum(file: Path) -> None:
    """Note the SHA-256 of a file that has proved to be good, for the next time it is fetched."""
    checksums = file.parent / _CHECKSUMS
    checksums.write_text(json.dumps({**_read_note(checksums), file.name: sha256(file)}, indent=2) + "\n")


def _fetch_from_any(urls: Sequence[str], file: Path, download: Download, progress: Progress) -> None:
    causes = [f"the file there {_find_fault(file, download)}"] if file.exists() else []
    for url in urls:
        try:
            _fetch_from(url, file, progress)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError) as error:
            causes.append(f"{url}: {getattr(error, 'reason', None) or error}")
            continue
        fault = _find_fault(file, download)
        if not fault:
            return
        file.unlink()
        causes.append(f"{url}: it {fault}")
    remedy = "run the same command again to go on where it stopped, or configure a mirror"
    if download.by_hand:
        remedy = f"{how_by_hand(download, file.parent)}, then run the same command again to check it"
    found = f" ({'; '.join(causes)})" if causes else ""
    raise UserError(f"{file.name} cannot be fetched{found}: {remedy}")


def _fetch_from(url: str, file: Path, progress: Progress) -> None:
    partial, note = file.with_name(f"{file.name}.partial"), file.with_name(f"{file.name}.partial.json")
    known = _read_note(note) if partial.exists() else {}
    request = urllib.request.Request(url, headers={"User-Agent": "iis-core"})
    start = partial.stat().st_size if known.get("url") == url and known.get("validator") else 0
    if start:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", known["validator"])
    with _open_url(request, partial) as response:
        resumed = response.status == 206
        length = response.headers.get("Content-Length")
        start = start if resumed else 0
        total = start + int(length) if length else None
        if not resumed:
            validator = response.headers.get("ETag") or response.headers.get("Last-Modified")
            note.write_text(json.dumps({"url": url, "validator": validator}))
        with partial.open("ab" if resumed else "wb") as stream:
            done = _copy(response, stream, start, total, progress)
    if total is not None and done < total:
        raise ConnectionError(f"the connection ended after {done} of {total} bytes")
    partial.replace(file)
    note.unlink(missing_ok=True)


def _open_url(request: urllib.request.Request, partial: Path) -> Any:
    """Open a URL; where the server refuses the range, ask for the whole file."""
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        partial.unlink()
        request.remove_header("Range")
        request.remove_header("If-range")
        return urllib.request.urlopen(request, timeout=_TIMEOUT)


def _copy(response: Any, stream: IO[bytes], done: int, total: int | None, progress: Progress) -> int:
    progress(done, total)
    while chunk := response.read(_CHUNK):
        stream.write(chunk)
        done += len(chunk)
        progress(done, total)
    return done


def _read_note(note: Path) -> dict[str, Any]:
    try:
        content = json.loads(note.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _find_fault(file: Path, download: Download) -> str:
    """Say how a file differs from the expected one; empty where it does not."""
    if is_web_page(file):
        return "is a web page: the link has moved, or wants a browser"
    size = file.stat().st_size
    if download.size is not None and size != download.size:
        return f"has {size} bytes instead of {download.size}"
    kept = _read_note(file.parent / _CHECKSUMS).get(file.name)
    expected = download.sha256 or kept
    if expected is None or (found := sha256(file)) == expected:
        return ""
    source = "" if download.sha256 else f" as noted in {file.parent / _CHECKSUMS}"
    return f"has the SHA-256 {found} instead of {expected}{source}"
