"""What a click, an object and their names may be, wherever they come from: the page or a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iis_core.errors import UserError
from iis_core.types import SignedClick

MOST_OBJECTS = 255
_MOST_CLICKS = 1000
_LONGEST_NAME = 80


def check_clicks(clicks: Sequence[SignedClick], shape: tuple[int, int]) -> None:
    """Check the clicks on an object.

    Args:
        clicks: in order.
        shape: (height, width) of the image.

    Raises:
        UserError: there are too many, one is no click or lies outside, or a pixel is clicked with both signs.
    """
    if len(clicks) > _MOST_CLICKS:
        raise UserError(f"an object takes {_MOST_CLICKS} clicks, not {len(clicks)}")
    signs: dict[tuple[int, int], bool] = {}
    for row, col, positive in clicks:
        if type(row) is not int or type(col) is not int or type(positive) is not bool:
            raise UserError("a click is two whole numbers and true or false")
        if not (0 <= row < shape[0] and 0 <= col < shape[1]):
            raise UserError(f"click ({row}, {col}) lies outside the image of {shape[0]} x {shape[1]} (rows x columns)")
        if signs.setdefault((row, col), positive) != positive:
            raise UserError(f"pixel ({row}, {col}) is clicked as object and as background: leave one of them out")


def check_number(number: object) -> int:
    """Return the number of an object where it is one.

    Raises:
        UserError: it is none.
    """
    if type(number) is not int or not 1 <= number <= MOST_OBJECTS:
        raise UserError(f"objects have the numbers 1 to {MOST_OBJECTS}")
    return number


def check_name(name: object) -> str:
    """Return the name of an object where it can be one.

    Raises:
        UserError: it is no text, or too long.
    """
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not name.isprintable():
        raise UserError(f"the name of an object is a line of up to {_LONGEST_NAME} letters")
    return name


def parse_clicks(value: object) -> tuple[SignedClick, ...]:
    """Parse clicks as JSON holds them, `[[row, col, positive], ...]`; `check_clicks` does the rest.

    Raises:
        UserError: they have another form.
    """
    if not isinstance(value, list) or not all(isinstance(click, list) and len(click) == 3 for click in value):
        raise UserError("clicks must be a list of [row, column, true or false]")
    return tuple(SignedClick(*click) for click in value)


def take_number(content: Mapping[str, Any], key: str, least: float, most: float) -> Any:
    """Return a number of a request.

    Raises:
        UserError: it is missing, of another type, or out of range.
    """
    value = content.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise UserError(f"{key} must be a number from {least:g} to {most:g}")
    return value
