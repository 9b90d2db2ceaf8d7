"""`--set KEY=VALUE`, wherever keywords can be given."""

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
    """Parse `key=value` pairs; a value that reads as JSON (a number, true, null, a list) is taken as such."""
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
