"""`iis show`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any

import click

from iis_core.cli.options import CatalogName, as_json
from iis_core.cli.terminal import printable, say
from iis_core.errors import PluginError
from iis_core.files.plain import to_plain
from iis_core.plugins.catalog import find_anywhere
from iis_core.plugins.describe import Choice, describe_keywords
from iis_core.plugins.offers import Offer
from iis_core.plugins.specs import CommandSpec, Download, Spec

_IN_KEYWORDS = ("choices", "config", "defaults", "check_keywords")
_LONGEST_DEFAULT = 80
_INDENT = " " * 6


@click.command()
@click.argument("name", type=CatalogName(None))
@as_json
def show(name: str, as_json: bool) -> None:
    """Show everything known about NAME, of whatever kind: what it is, and what can be given to it.

    Nothing is loaded. A keyword is given as KEY=VALUE to the option --set, a dataset's to --data.
    """
    offers = find_anywhere(name)
    if as_json:
        click.echo(json.dumps([_collect(offer) for offer in offers], indent=2))
        return
    for number, offer in enumerate(offers):
        for line in ([""] if number else []) + list(_format_entry(offer)):
            say(line)


def _collect(offer: Offer[Spec]) -> dict[str, Any]:
    try:
        keywords, problem = [asdict(choice) for choice in describe_keywords(offer)], ""
    except PluginError as error:
        keywords, problem = [], str(error)
    plugin = f"{offer.claim.distribution} {offer.claim.version}"
    entry = {"kind": offer.spec.kind, "plugin": plugin, **vars(offer.spec), "keywords": keywords}
    plain: dict[str, Any] = to_plain({**entry, **({"problem": problem} if problem else {})})
    return plain


def _format_entry(offer: Offer[Spec]) -> Iterator[str]:
    spec = offer.spec
    facts: dict[str, Any] = {"kind": spec.kind, "plugin": f"{offer.claim.distribution} {offer.claim.version}"}
    facts |= {field.name: getattr(spec, field.name) for field in fields(spec) if field.name not in _IN_KEYWORDS}
    if isinstance(spec, CommandSpec):
        facts["help"] = f"iis {spec.variant} --help"
    shown = {key.replace("_", " "): lines for key, value in facts.items() if (lines := _format_value(value))}
    width = max(map(len, shown))
    for key, lines in shown.items():
        for first, line in zip([key, *[""] * (len(lines) - 1)], lines, strict=True):
            yield f"{first:<{width}}  {line}"
    yield from _format_keywords(offer)


def _format_keywords(offer: Offer[Spec]) -> Iterator[str]:
    try:
        keywords = describe_keywords(offer)
    except PluginError as error:
        yield f"keywords cannot be read: {error}"
        return
    if keywords:
        yield "keywords"
    for keyword in keywords:
        yield f"  {keyword.name}{_format_type(keyword)}"
        for text in filter(None, (keyword.meaning, _format_choices(keyword))):
            width = shutil.get_terminal_size().columns
            yield from click.wrap_text(printable(text), width, _INDENT, _INDENT).split("\n")


def _format_type(keyword: Choice) -> str:
    kind = f": {keyword.type}" if keyword.type else ""
    if keyword.required:
        return f"{kind} (required)"
    if keyword.default is None and "None" not in keyword.type:
        return f"{kind} (looked up)"
    value = _write_value(keyword.default)
    return f"{kind} = {value if len(value) <= _LONGEST_DEFAULT else value[:_LONGEST_DEFAULT] + ' ...'}"


def _format_choices(keyword: Choice) -> str:
    if len(keyword.choices) == 1 and keyword.choices[0] == keyword.default:
        return "fixed by the name"
    return f"one of {', '.join(map(_write_value, keyword.choices))}" if keyword.choices else ""


def _write_value(value: object) -> str:
    """Write a value as `--set KEY=VALUE` takes it."""
    return value if isinstance(value, str) else json.dumps(to_plain(value))


def _format_value(value: object) -> list[str]:
    """Format a fact in lines; none where there is nothing to say."""
    if isinstance(value, Download):
        facts = {"size": value.size and f"{value.size / 1e6:.1f} MB", "sha256": value.sha256}
        facts |= {"licence": getattr(value, "licence", None), "by hand": "in a browser" if value.by_hand else None}
        return [value.url, *(f"{key} {fact}" for key, fact in facts.items() if fact)]
    if isinstance(value, Mapping):
        return [f"{key}: {', '.join(_format_pairs(entry))}" for key, entry in value.items()]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return [] if value in ("", None) else [str(value)]


def _format_pairs(value: object) -> list[str]:
    pairs = value.items() if isinstance(value, Mapping) else ()
    return [f"{key} {_write_value(entry)}" for key, entry in pairs] or [_write_value(value)]
