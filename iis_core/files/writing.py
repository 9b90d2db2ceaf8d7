"""Writing files so that a kill, a full disk or a planted link never costs what was there before."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from iis_core.errors import UserError

_REMEDY = "make room, or choose another place"


@contextmanager
def replace_whole(path: Path, remedy: str = _REMEDY) -> Iterator[Path]:
    """Give the place of a new file beside `path`, which takes the place of `path` once it is written and on the disk.

    Args:
        path: the file to write or to replace; until then it stays as it was.
        remedy: what to do where it cannot be written.

    Yields:
        An empty file in the same folder, under a name that nobody can have linked elsewhere.

    Raises:
        UserError: the file cannot be written.

    Example:
        >>> with replace_whole(Path("run.json")) as partial:
        ...     _ = partial.write_text("{}")
    """
    partial = path.with_name(f".{path.name[:40]}.{secrets.token_hex(4)}.partial")
    with explain_write_errors(path, remedy):
        # O_EXCL: made anew, never through a link that is there already.
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            yield partial
            _flush(partial)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        if os.name == "posix":
            _flush(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file, or leave it as it was; the error is that of `replace_whole`."""
    with replace_whole(path) as partial:
        partial.write_bytes(content)


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON in UTF-8, or leave the file as it was; the error is that of `replace_whole`."""
    write_bytes(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())


@contextmanager
def explain_write_errors(path: Path, remedy: str = _REMEDY) -> Iterator[None]:
    """Turn an OSError into a UserError that names the file and the remedy.

    Args:
        path: what is written, where the error names no file.
        remedy: what to do.
    """
    try:
        yield
    except OSError as error:
        cause = error.strerror or str(error)
        raise UserError(f"{path} cannot be written: {cause}; {remedy}") from error


def refuse_to_overwrite(out: Path, inputs: Iterable[Path], option: str = "--out") -> None:
    """Refuse to write over a file that is read: by the same name, another spelling, or through a link.

    Args:
        out: the file to write.
        inputs: the files that are read.
        option: what the user gave `out` by, for the message.

    Raises:
        UserError: `out` is one of the inputs.
    """
    for file in inputs:
        if _is_same(out, file):
            raise UserError(f"{option} {out} is the input {file}, which would be lost: choose another file")


def refuse_folder_of_inputs(out: Path, inputs: Path) -> None:
    """Refuse to write among files that are read: into their folder, one below or one above it.

    A new or empty folder is fine, and so is one that holds a run.

    Args:
        out: the folder to write into.
        inputs: the folder of what is read.

    Raises:
        UserError: `out` holds files that it was not made for.
    """
    related = [(out, place) for place in (inputs, *inputs.resolve().parents)]
    related += [(place, inputs) for place in out.resolve().parents]
    is_related = any(_is_same(one, other) for one, other in related)
    if is_related and out.is_dir() and any(out.iterdir()) and not (out / "run.json").exists():
        raise UserError(f"{out} holds files of the dataset in {inputs}: choose another folder")


def _is_same(one: Path, other: Path) -> bool:
    """Ask the file system, which knows of links and of spellings that it does not tell apart."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
