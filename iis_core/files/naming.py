"""Naming files after the ids of images and objects."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from iis_core.files.writing import explain_write_errors

_PART_BYTES = 200
"""The longest name of a file or folder, in bytes of UTF-8; file systems take 255, an ending and a mark included."""

_WHOLE_BYTES = 700
"""The longest name with its folders; some systems take 1024 bytes, those of the run folder included."""

_REFUSED = re.compile(r'[\x00-\x1f\x7f<>:"\\|?*\ud800-\udfff]')
"""Control characters, what Windows reserves, and bytes that are no text."""

_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
"""The names of devices on Windows, with any ending."""


def name_file(folder: Path, name: str, ending: str) -> Path:
    """Name a file after an object, and make the folders that it lies in.

    A name that every file system takes is kept, letters of any script and subfolders included. Any other loses what
    cannot be kept (reserved characters become `_`, what is too long is cut) and is marked with a hash of the whole, so
    that two objects never share a file.

    Args:
        folder: the folder of the files; made where it is missing.
        name: an object's id, any text; `/` separates folders.
        ending: the end of the file's name, e.g. ".png".

    Raises:
        UserError: a folder cannot be made.

    Example:
        >>> name_file(Path("masks"), "clip/bänana 1", ".png")
        PosixPath('masks/clip/bänana 1.png')
    """
    *parents, last = (_mend_part(part) for part in name.split("/"))
    if len("/".join([*parents, last]).encode()) > _WHOLE_BYTES:
        parents = []
    if "/".join([*parents, last]) != name:
        last = f"{last}-{_hash(name)}"
    path = folder.joinpath(*parents, last + ending)
    with explain_write_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _mend_part(part: str) -> str:
    """Return what every file system takes of the name of one file or folder."""
    mended = _REFUSED.sub("_", part).rstrip(" .") or "_"
    if mended.split(".")[0].rstrip().lower() in _DEVICES:
        mended = f"_{mended}"
    return mended.encode()[:_PART_BYTES].decode(errors="ignore")


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:10]
