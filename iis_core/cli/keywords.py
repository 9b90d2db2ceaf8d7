"""The options `--set KEY=VALUE` and `--data KEY=VALUE`, wherever keywords can be given."""

from __future__ import annotations

import json
from typing import Any

import click

from iis_core.errors import UserError

keywords_option = click.option(
    "--set", "keywords", metavar="KEY=VALUE", multiple=True, help="A keyword of the named thing; repeatable."
)
data_keywords_option = click.option(
    "--data", "data_keywords", metavar="KEY=VALUE", multiple=True, help="A keyword of the dataset; repeatable."
)


def parse_keywords(texts: tuple[str, ...], option: str = "--set") -> dict[str, Any]:
    """Parse `KEY=VALUE` texts.

    Args:
        texts: the texts; a value that is JSON (a number, true, null, a list) is parsed, any other is a string.
        option: the option that takes them, for messages.

    Raises:
        UserError: a text has no `=`.
    """
    keywords: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"{option} takes KEY=VALUE, not {text!r}")
        try:
            keywords[key] = json.loads(value)
        except ValueError:
            keywords[key] = value
    return keywords
