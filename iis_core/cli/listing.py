"""Showing what is installed: `iis plugins`, `iis list`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from iis_core.cli.options import as_json
from iis_core.cli.terminal import say
from iis_core.files.plain import to_plain
from iis_core.plugins.catalog import catalog, list_names
from iis_core.plugins.offers import Offer
from iis_core.plugins.specs import SPEC_TYPES, ModelSpec, Spec

_MANY = 20
"""The largest number of names of one namespace that a list without a pattern shows one by one."""


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
    width = max((len(claim.namespace) for claim in found.plugins), default=0)
    for claim in found.plugins:
        kinds = [o.spec.kind for offers in found.offers.values() for o in offers.values() if o.claim == claim]
        counts = ", ".join(_count(kinds.count(kind), kind) for kind in SPEC_TYPES if kind in kinds)
        say(f"{claim.namespace:<{width}}  {claim.distribution} {claim.version}: {counts or 'nothing'}")
    for problem in found.problems:
        say(f"broken: {problem}")


@click.command("list")
@click.argument("kind", type=click.Choice(list(SPEC_TYPES)), required=False)
@click.argument("pattern", required=False)
@as_json
def list_(kind: str | None, pattern: str | None, as_json: bool) -> None:
    """List the names of one KIND that match PATTERN, e.g. `iis list models 'ritm/*'`; without KIND, the kinds.

    Without PATTERN, a plugin's names are one line where they are many.
    """
    if kind is None:
        _list_kinds(as_json)
        return
    offers = [catalog().offers[SPEC_TYPES[kind]][name] for name in list_names(SPEC_TYPES[kind], pattern or "*")]
    if as_json:
        click.echo(json.dumps([_collect(offer) for offer in offers], indent=2))
        return
    rows = list(_list_rows(kind, offers, is_grouped=pattern is None))
    if kind == ModelSpec.kind and rows:
        rows.insert(0, ("name", "weights", "NoC@90 GrabCut", "what it is"))
    _print_columns(rows)


def _list_kinds(as_json: bool) -> None:
    counts = {kind: len(list_names(spec_type)) for kind, spec_type in SPEC_TYPES.items()}
    if as_json:
        click.echo(json.dumps(counts, indent=2))
        return
    _print_columns([(kind, str(count), f"iis list {kind}") for kind, count in counts.items()])


def _collect(offer: Offer[Spec]) -> dict[str, Any]:
    spec = offer.spec
    entry = {"name": spec.name, "summary": spec.summary, "plugin": offer.claim.distribution}
    if isinstance(spec, ModelSpec):
        entry |= {"weights": _describe_weights(spec), "results": to_plain(spec.results)}
    return entry


def _list_rows(kind: str, offers: list[Offer[Spec]], is_grouped: bool) -> Iterator[tuple[str, ...]]:
    count = Counter(offer.spec.namespace for offer in offers)
    grouped = {namespace for namespace, number in count.items() if is_grouped and number > _MANY}
    columns = 2 if kind == ModelSpec.kind else 0
    for namespace in dict.fromkeys(offer.spec.namespace for offer in offers):
        if namespace in grouped:
            shown = f"{_count(count[namespace], kind)}: iis list {kind} '{namespace}/*'"
            yield (f"{namespace}/*", *[""] * columns, shown)
            continue
        for spec in (offer.spec for offer in offers if offer.spec.namespace == namespace):
            about = () if not isinstance(spec, ModelSpec) else (_describe_weights(spec), _write_noc(spec))
            yield (spec.name, *about, spec.summary)


def _describe_weights(spec: ModelSpec) -> str:
    if not spec.has_weights:
        return "needs none"
    if spec.weights is None:
        return "none"
    return "by hand" if spec.weights.by_hand else "published"


def _write_noc(spec: ModelSpec) -> str:
    noc = spec.results.get("grabcut", {}).get("NoC@90")
    return "" if noc is None else f"{noc:.2f}"


def _print_columns(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip())


def _count(number: int, kind: str) -> str:
    """Write a number of things of a kind in words: `1 model`, `2 initial robots`."""
    return f"{number} {(kind if number != 1 else kind.removesuffix('s')).replace('_', ' ')}"
