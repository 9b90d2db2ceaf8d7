"""`iis check`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import click
import importlib_metadata

from iis_core.cli.keywords import keywords_option, parse_keywords
from iis_core.cli.options import PATH, CatalogName, as_json
from iis_core.cli.terminal import say
from iis_core.plugins.catalog import find_anywhere
from iis_core.plugins.specs import FactorySpec


@click.command()
@click.argument("name", type=CatalogName(None), metavar="NAME|PACKAGE")
@click.option("--data-root", type=PATH, metavar="DIR", help="Where a dataset's files are.")
@keywords_option("--set", "keywords", None, "name", "A keyword of what is checked")
@as_json
@click.pass_context
def check(ctx: click.Context, name: str, data_root: Path | None, keywords: tuple[str, ...], as_json: bool) -> None:
    """Check that something of the catalog, or a whole package, keeps the contract; exit status 3 where it does not.

    A dataset is checked on your files: `iis check datasets/grabcut --data-root DIR`.
    """
    root = {} if data_root is None else {"root": str(data_root)}
    parsed = root | parse_keywords(keywords)
    for offer in () if _is_installed(name) else find_anywhere(name):
        if isinstance(offer.spec, FactorySpec):
            offer.check_early(parsed)
    from iis_core.testing import check as run_check

    results = run_check(name, **parsed)
    statuses = Counter(result.status for result in results)
    if as_json:
        click.echo(json.dumps([asdict(result) for result in results], indent=2))
    else:
        for subject, own in groupby(results, lambda result: result.subject):
            say(subject)
            for result in own:
                say(f"  {result.status:<8} {result.check}{': ' + result.reason if result.reason else ''}")
        say(", ".join(f"{count} {status}" for status, count in sorted(statuses.items())))
    if statuses["failed"]:
        ctx.exit(3)


def _is_installed(distribution: str) -> bool:
    try:
        return bool(importlib_metadata.Distribution.from_name(distribution))
    except (importlib_metadata.PackageNotFoundError, ValueError):
        return False
