"""Reading files that somebody else wrote: nothing hangs, nothing grows without bound, and errors name the file."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any, NoReturn

from iis_core.errors import UserError, first_line

_LARGEST = 1 << 33
"""The largest file to read whole: 8 GiB."""


def read_bytes(path: Path, largest: int = _LARGEST) -> bytes:
    """Read a whole file.

    Args:
        path: the file; a pipe or a device is refused, since reading it may never end.
        largest: the largest number of bytes that is taken for a file of its kind.

    Raises:
        UserError: the file cannot be read, is no regular file, or is too large.
    """
    require_file(path, largest)
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error


def require_file(path: Path, largest: int | None = None) -> None:
    """Check that a path is a regular file, before something else reads it; arguments and errors as for `read_bytes`."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if stat.S_ISDIR(found.st_mode):
        raise UserError(f"{path} is a folder, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise UserError(f"{path} is a pipe or a device, not a file")
    if largest is not None and found.st_size > largest:
        raise UserError(f"{path} has {found.st_size} bytes, more than the {largest} that such a file may have")


def read_text(path: Path, largest: int = _LARGEST) -> str:
    """Read a whole text file in UTF-8, with or without a byte order mark; the errors are those of `read_bytes`."""
    return _decode(read_bytes(path, largest), path)


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is no text in UTF-8 ({error.reason} at byte {error.start}): save it as UTF-8"
        ) from error


def read_json(path: Path, largest: int = _LARGEST) -> Any:
    """Read a JSON file.

    Raises:
        UserError: the file cannot be read, is no JSON, holds NaN or infinity, or nests too deeply.
    """
    return decode_json(read_bytes(path, largest), path)


def decode_json(content: bytes, path: Path) -> Any:
    """Parse the content of a JSON file.

    Args:
        content: the bytes.
        path: the file, for the errors, which are those of `read_json`.
    """
    try:
        return parse_json(_decode(content, path))
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is damaged: {error}") from error


def parse_json(text: str | bytes) -> Any:
    """Parse JSON strictly.

    Args:
        text: the JSON.

    Raises:
        JSONDecodeError: the text is no JSON.
        ValueError: it holds NaN or infinity, a number of thousands of digits, or nests too deeply.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise ValueError("it nests too deeply") from None
    except ValueError as error:
        raise ValueError(first_line(error).split("; use sys.")[0]) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
