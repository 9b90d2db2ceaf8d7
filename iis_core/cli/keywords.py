"""The options `--set KEY=VALUE`, `--data KEY=VALUE` and their like, wherever keywords can be given."""

from __future__ import annotations

import math
from collections.abc import Callable
from json import JSONDecodeError
from typing import Any

import click

from iis_core.cli.options import KeywordText
from iis_core.errors import UserError
from iis_core.files.config import expand
from iis_core.files.reading import parse_json
from iis_core.plugins.catalog import find
from iis_core.plugins.specs import DatasetSpec, FactorySpec, ModelSpec

_DEEPEST = 32
"""How deep a value may nest: far less than what could exhaust the stack later on."""


def keywords_option(
    option: str, parameter: str, spec_type: type[FactorySpec] | None, named_by: str, help: str
) -> Callable[[Any], Any]:
    """Make an option that takes keywords.

    Args:
        option: e.g. `--set`.
        parameter: the parameter of the command that gets the texts.
        spec_type: the type of spec whose keywords they are; None for any.
        named_by: the parameter that names the thing whose keywords they are.
        help: what `--help` says.
    """
    kind = KeywordText(spec_type, named_by)
    return click.option(option, parameter, type=kind, metavar="KEY=VALUE", multiple=True, help=f"{help}; repeatable.")


model_keywords_option = keywords_option("--set", "keywords", ModelSpec, "model", "A keyword of the model")
data_keywords_option = keywords_option("--data", "data_keywords", DatasetSpec, "dataset", "A keyword of the dataset")


def parse_keywords(
    texts: tuple[str, ...], option: str = "--set", of: tuple[type[FactorySpec], str] | None = None
) -> dict[str, Any]:
    """Parse `KEY=VALUE` texts.

    Args:
        texts: the texts; a value that is JSON (a number, true, null, a list) is parsed, any other is a string, in which
            a leading `~/` stands for the home folder.
        option: the option that takes them, for messages.
        of: the type of spec and the name of what they are for; its keywords are checked without importing it.

    Raises:
        UserError: a text has no `=`, a value is a number that JSON cannot hold or nests too deeply, or `of` has no such
            keyword.
    """
    keywords: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UserError(f"{option} takes KEY=VALUE, not {text!r}")
        try:
            keywords[key] = _parse_value(value)
        except ValueError as error:
            raise UserError(f"{option} {key} cannot be used: {error}") from None
    if of is not None:
        find(*of).check_early(keywords)
    return keywords


def _parse_value(text: str) -> Any:
    try:
        value = parse_json(text)
    except JSONDecodeError:
        return str(expand(text)) if text.startswith("~/") else text
    _check_value(value)
    return value


def _check_value(value: Any, depth: int = 0) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"it nests more than {_DEEPEST} deep")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("the number is too large")
    for entry in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_value(entry, depth + 1)
