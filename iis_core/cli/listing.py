"""Showing what is installed: `iis plugins`, `iis list`, `iis show`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from iis_core.files.plain import to_plain
from iis_core.plugins.catalog import catalog, find_anywhere, list_names
from iis_core.plugins.specs import SPEC_TYPES

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@as_json
def plugins(as_json: bool) -> None:
    """Show the installed plugins, and what is wrong with the broken ones."""
    found = catalog()
    if as_json:
        content = {
            "plugins": [asdict(c) for c in found.plugins],
            "problems": [asdict(p) for p in found.problems],
        }
        click.echo(json.dumps(content, indent=2))
        return
    for claim in found.plugins:
        kinds = [o.spec.kind for offers in found.offers.values() for o in offers.values() if o.claim == claim]
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in SPEC_TYPES if kind in kinds)
        click.echo(f"{claim.namespace:<12} {claim.distribution} {claim.version}: {counts or 'nothing'}")
    for problem in found.problems:
        click.echo(f"broken: {problem}")


@click.command("list")
@click.argument("kind", type=click.Choice(list(SPEC_TYPES)))
@click.argument("pattern", default="*")
@as_json
def list_(kind: str, pattern: str, as_json: bool) -> None:
    """List the names of one KIND that match PATTERN, e.g. `iis list models 'ritm/*'`."""
    names = list_names(SPEC_TYPES[kind], pattern)
    offers = catalog().offers[SPEC_TYPES[kind]]
    if as_json:
        entries = [
            {"name": n, "summary": offers[n].spec.summary, "plugin": offers[n].claim.distribution} for n in names
        ]
        click.echo(json.dumps(entries, indent=2))
        return
    width = max(map(len, names), default=0)
    for name in names:
        click.echo(f"{name:<{width}}  {offers[name].spec.summary}")


@click.command()
@click.argument("name")
@as_json
def show(name: str, as_json: bool) -> None:
    """Show everything known about NAME, of whatever kind, without loading it."""
    entries = [
        {
            "kind": offer.spec.kind,
            "plugin": f"{offer.claim.distribution} {offer.claim.version}",
            **vars(offer.spec),
        }
        for offer in find_anywhere(name)
    ]
    if as_json:
        click.echo(json.dumps(to_plain(entries), indent=2))
        return
    click.echo("\n\n".join("\n".join(_format_entry(entry)) for entry in entries))


def _format_entry(entry: dict[str, Any]) -> list[str]:
    entry = to_plain(entry)
    choices = {f"{keyword} may be": ", ".join(map(str, values)) for keyword, values in entry.pop("choices", {}).items()}
    shown = {key: value for key, value in {**entry, **choices}.items() if value not in ("", {}, [], None)}
    width = max(map(len, shown))
    return [f"{key:<{width}}  {value}" for key, value in shown.items()]
