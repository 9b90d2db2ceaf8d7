"""Fetching a published file: resumed where it was interrupted, verified before it is used."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from iis_core.errors import UserError
from iis_core.files.config import user_config_file
from iis_core.files.hashing import sha256
from iis_core.files.reading import read_json
from iis_core.files.stand_ins import find_stand_in
from iis_core.files.transfers import Progress, TransferError, forget, make_printable, transfer
from iis_core.files.writing import explain_write_errors, write_json
from iis_core.plugins.specs import Download

_CHECKSUMS = "checksums.json"


def fetch(download: Download, folder: Path, *, mirrors: Sequence[str] = (), progress: Progress | None = None) -> Path:
    """Fetch a file into a folder, or resume an interrupted fetch.

    The checksum is compared with the published one or, where none is published, with the one kept by `keep_checksum`;
    where there is neither, a warning says so. Only what is verified comes to bear the file's name.

    Args:
        download: the published file. Its address must be https, or on this machine.
        folder: where the file is kept.
        mirrors: URLs of folders that hold files of the same names, https or http, tried in order where the official
            place wants a browser or does not give the expected file.
        progress: called as bytes arrive.

    Returns:
        The path of the file.

    Raises:
        UserError: no place gives the file, another process is fetching it, or it cannot be written.
    """
    file = folder / _check_name(download)
    with explain_write_errors(file):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / f".{file.name}.lock", timeout=0):
                fault = _find_fault(file, file, download) if file.exists() else ""
                if fault or not file.exists():
                    _fetch_from_any(file, download, mirrors, progress or (lambda done, total: None), fault)
        except Timeout:
            raise UserError(f"another process is fetching {file}: wait for it") from None
    if _find_checksum(file, download) is None:
        warnings.warn(
            f"nobody vouches for {file}: no checksum is published for it, and it was not fetched here before "
            f"(its SHA-256 is {sha256(file)})",
            stacklevel=2,
        )
    return file


def how_by_hand(download: Download, folder: Path) -> str:
    """Explain how to get a file that only a browser can fetch."""
    return f"open {download.url} in a browser and save the file as {folder / download.file_name}"


def keep_checksum(file: Path) -> None:
    """Note the SHA-256 of a file that has proved to be good, for the next time it is fetched."""
    checksums = file.parent / _CHECKSUMS
    write_json(checksums, {**_read_checksums(checksums), file.name: sha256(file)})


def _check_name(download: Download) -> str:
    name = download.file_name
    if name in ("", ".", "..") or not name.isprintable() or set(name) & set('/\\:*?"<>|') or len(name.encode()) > 200:
        raise UserError(
            f"{make_printable(download.url)} does not end in the name of a file: give the address of a file"
        )
    return name


def _fetch_from_any(file: Path, download: Download, mirrors: Sequence[str], progress: Progress, fault: str) -> None:
    causes = [f"the file there {fault}"] if fault else []
    places = [] if download.by_hand else [(download.url, False)]
    places += [(f"{mirror.rstrip('/')}/{quote(file.name)}", mirror.startswith("http:")) for mirror in mirrors]
    partial = file.with_name(f"{file.name}.partial")
    for url, allow_http in places:
        try:
            transfer(url, partial, download.size, progress, allow_http=allow_http)
        except TransferError as error:
            causes.append(f"{make_printable(url)}: {error}")
            continue
        fault = _find_fault(partial, file, download)
        if not fault:
            partial.replace(file)
            forget(partial)
            return
        forget(partial)
        causes.append(f"{make_printable(url)}: it {fault}")
    mirror = f'write a mirror into {user_config_file()} (mirrors = ["https://..."])'
    remedy = f"run the same command again to go on where it stopped, {mirror}, or save the file yourself as {file}"
    if download.by_hand:
        remedy = f"{how_by_hand(download, file.parent)}, then run the same command again to check it"
    found = f" ({'; '.join(causes)})" if causes else ""
    raise UserError(f"{file.name} cannot be fetched{found}: {remedy}")


def _find_fault(path: Path, file: Path, download: Download) -> str:
    """Say how what is at a path differs from the expected file; empty where it does not."""
    if not path.is_file():
        raise UserError(f"{path} is a folder, a pipe or a device, not a file: remove it")
    if stand_in := find_stand_in(path):
        return f"is {stand_in.what}"
    size = path.stat().st_size
    if download.size is not None and size != download.size:
        return f"has {size} bytes instead of {download.size}"
    expected = _find_checksum(file, download)
    if expected is None or (found := sha256(path)).startswith(expected):
        return ""
    source = "" if download.sha256 else f" as noted in {file.parent / _CHECKSUMS}"
    return f"has the SHA-256 {found} instead of {expected}{source}"


def _find_checksum(file: Path, download: Download) -> str | None:
    """The published checksum of a file, or the one kept by `keep_checksum`; None where there is neither."""
    if download.sha256:
        return download.sha256.lower()
    kept = _read_checksums(file.parent / _CHECKSUMS).get(file.name)
    return kept if isinstance(kept, str) else None


def _read_checksums(file: Path) -> dict[str, object]:
    try:
        content = read_json(file) if file.exists() else {}
    except UserError as error:
        raise UserError(f"{error}; delete it, and the checksums are noted anew") from error
    return content if isinstance(content, dict) else {}
