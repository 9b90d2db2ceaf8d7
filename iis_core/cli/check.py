"""`iis check`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from iis_core.cli.keywords import keywords_option, parse_keywords
from iis_core.cli.listing import as_json


@click.command()
@click.argument("name")
@keywords_option
@as_json
@click.pass_context
def check(ctx: click.Context, name: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Check that NAME keeps the contract; exit status 3 where it does not.

    A dataset is checked on your files: `iis check datasets/grabcut --set root=DIR`.
    """
    from iis_core.testing import check as run_check

    results = run_check(name, **parse_keywords(settings))
    if as_json:
        click.echo(json.dumps([asdict(result) for result in results], indent=2))
    else:
        for result in results:
            click.echo(f"{result.status:<8} {result.check}{': ' + result.reason if result.reason else ''}")
    if any(result.status == "failed" for result in results):
        ctx.exit(3)
