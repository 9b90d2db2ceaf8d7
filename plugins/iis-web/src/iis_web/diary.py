"""What a person did in a study, click by click: how long it took, and where the mouse was."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from iis_core.errors import UserError
from iis_core.files.lines import LinesFile
from iis_core.files.reading import parse_json, read_bytes
from iis_core.files.writing import explain_write_errors

FILE = "clicks.jsonl"
_KEYS = {"row", "col", "positive", "seconds", "mouse"}


@dataclass(frozen=True)
class PersonClick:
    """A click of a person.

    Args:
        row: in image pixels.
        col: in image pixels.
        positive: whether it is meant for the object.
        seconds: from when the prediction before it was on the screen.
        mouse: where the mouse was meanwhile: (seconds, row, col), maybe outside of the image.
    """

    row: int
    col: int
    positive: bool
    seconds: float
    mouse: Sequence[tuple[float, int, int]] = ()


class Diary:
    """The clicks of a study, in `clicks.jsonl` of its run folder: once a call returns, no crash loses them.

    Args:
        folder: the run folder, which is there.

    Raises:
        UserError: the file is damaged, or cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        file = folder / FILE
        self.clicks: defaultdict[str, list[PersonClick]] = defaultdict(list)
        for name, click in read_diary(file) if file.exists() else ():
            self.clicks[name].append(click)
        with explain_write_errors(file):
            self._lines = LinesFile(file, "click")

    def add(self, name: str, click: PersonClick) -> None:
        """Add a click on the object of this id; the error is that of `LinesFile.append`."""
        self._lines.append(json.dumps({"id": name, "number": len(self.clicks[name]) + 1, **asdict(click)}))
        self.clicks[name].append(click)

    def close(self) -> None:
        """Close the file."""
        self._lines.close()


def read_diary(file: Path) -> list[tuple[str, PersonClick]]:
    """Read the clicks in a diary, each with the id of its object.

    Raises:
        UserError: a line is damaged, or the file cannot be read.
    """
    clicks = []
    for number, line in enumerate(read_bytes(file).split(b"\n")[:-1], 1):
        try:
            clicks.append(_parse(parse_json(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            remedy = "remove that line, or begin the study in another folder"
            raise UserError(f"{file}, line {number} is damaged ({error}): {remedy}") from error
    return clicks


def _parse(content: Mapping[str, Any]) -> tuple[str, PersonClick]:
    click = PersonClick(**{key: content[key] for key in _KEYS})
    if not isinstance(content["id"], str) or type(click.positive) is not bool:
        raise ValueError("id is no text, or positive neither true nor false")
    if not all(type(value) is int for value in (click.row, click.col)) or not 0 <= click.seconds < 1e9:
        raise ValueError("row, col or seconds is no number")
    return content["id"], click
