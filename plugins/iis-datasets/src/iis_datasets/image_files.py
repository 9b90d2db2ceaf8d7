"""Finding image files under a folder."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from iis_core import UserError
from iis_core.files.decoding import SUFFIXES


class ImageFiles(NamedTuple):
    """The files under a folder.

    Args:
        by_name: the image files, by their path under the folder without the ending, in order.
        left_out: files that are no images by their ending, and broken links.
    """

    by_name: dict[str, Path]
    left_out: list[Path]


def find_image_files(folder: Path) -> ImageFiles:
    """Find the image files under a folder, in subfolders too; linked folders are followed once, hidden ones not at all.

    Raises:
        UserError: two image files have the same name, or a folder cannot be read.
    """
    by_name: dict[str, Path] = {}
    left_out = []
    try:
        files = sorted(_walk(folder))
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read: {error.strerror}") from error
    for path in files:
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            left_out.append(path)
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in by_name:
            raise UserError(f"{folder} holds {by_name[name].name} and {path.name}: keep one of them")
        by_name[name] = path
    return ImageFiles(by_name, left_out)


def _walk(folder: Path) -> Iterator[Path]:
    """Yield all files that are not hidden; a folder that is met again, through a link, is passed over."""
    seen: set[str] = set()
    # Folders that are there themselves come before those that are linked.
    waiting = [(False, folder)]
    while waiting:
        _, here = heapq.heappop(waiting)
        if (place := os.path.realpath(here)) in seen:
            continue
        seen.add(place)
        for path in here.iterdir():
            if path.is_dir() and not path.name.startswith("."):
                heapq.heappush(waiting, (path.is_symlink(), path))
            elif not path.name.startswith("."):
                yield path
