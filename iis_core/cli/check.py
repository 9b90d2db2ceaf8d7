"""`iis check`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from itertools import groupby

import click

from iis_core.cli.keywords import keywords_option, parse_keywords
from iis_core.cli.listing import as_json


@click.command()
@click.argument("name", metavar="NAME|PACKAGE")
@keywords_option
@as_json
@click.pass_context
def check(ctx: click.Context, name: str, keywords: tuple[str, ...], as_json: bool) -> None:
    """Check that something of the catalog, or a whole package, keeps the contract; exit status 3 where it does not.

    A dataset is checked on your files: `iis check datasets/grabcut --set root=DIR`.
    """
    from iis_core.testing import check as run_check

    results = run_check(name, **parse_keywords(keywords))
    statuses = Counter(result.status for result in results)
    if as_json:
        click.echo(json.dumps([asdict(result) for result in results], indent=2))
    else:
        for subject, own in groupby(results, lambda result: result.subject):
            click.echo(subject)
            for result in own:
                click.echo(f"  {result.status:<8} {result.check}{': ' + result.reason if result.reason else ''}")
        click.echo(", ".join(f"{count} {status}" for status, count in sorted(statuses.items())))
    if statuses["failed"]:
        ctx.exit(3)
