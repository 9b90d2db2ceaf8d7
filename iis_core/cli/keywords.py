"""`--set KEY=VALUE`, wherever a factory's keywords can be given."""

from __future__ import annotations

import json
from typing import Any

import click

from iis_core.errors import UserError

keywords_option = click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="A keyword of the factory; repeatable."
)
data_keywords_option = click.option(
    "--data", "data_settings", metavar="KEY=VALUE", multiple=True, help="A keyword of the dataset; repeatable."
)


def parse_keywords(settings: tuple[str, ...], option: str = "--set") -> dict[str, Any]:
    """`key=value` pairs; a value that reads as JSON (a number, true, null, a list) is taken as such."""
    keywords: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UserError(f"{option} takes KEY=VALUE, not {setting!r}")
        try:
            keywords[key] = json.loads(value)
        except ValueError:
            keywords[key] = value
    return keywords
