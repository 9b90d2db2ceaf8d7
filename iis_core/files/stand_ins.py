"""Recognising what is often found in place of a file: a web page, or a pointer to content that was not fetched."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import NamedTuple


class StandIn(NamedTuple):
    """What is in place of a file, and what to do."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"is {self.what}: {self.remedy}"


_PAGE = StandIn("a web page, saved in place of the file", "download the file itself")
_ANSWER = StandIn("the answer of a server, saved in place of the file", "download the file itself")
_LFS = StandIn("a pointer of Git LFS to the file", "run `git lfs pull` where it was cloned")
_ANNEX = StandIn("a pointer of git-annex to the file", "run `git annex get` where it was cloned")
_EMPTY = StandIn("empty", "download the file anew")
_BEGINNINGS = {
    b"<!doctype html": _PAGE,
    b"<html": _PAGE,
    b"<?xml": _ANSWER,
    b'{"': _ANSWER,
    b"version https://git-lfs": _LFS,
    b"/annex/objects/": _ANNEX,
}


def find_stand_in(path: Path) -> StandIn | None:
    """Recognise what is in place of a binary file; None where it may be the file itself.

    Args:
        path: a regular file, or a link that may lead nowhere.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_symlink() and not path.exists() and "/annex/objects/" in path.readlink().as_posix():
        return _ANNEX
    with path.open("rb") as file:
        beginning = file.read(512).removeprefix(codecs.BOM_UTF8)
    if not beginning:
        return _EMPTY
    text = beginning.lstrip().lower()
    return next((stand_in for start, stand_in in _BEGINNINGS.items() if text.startswith(start)), None)
