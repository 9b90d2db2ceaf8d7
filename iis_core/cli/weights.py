"""`iis weights`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from iis_core.cli.data import download_progress
from iis_core.cli.options import PATH, CatalogName, as_json
from iis_core.cli.terminal import say
from iis_core.errors import UserError
from iis_core.files.config import read_user_config
from iis_core.files.plain import to_plain
from iis_core.files.writing import refuse_to_overwrite
from iis_core.plugins.catalog import find
from iis_core.plugins.specs import ModelSpec


@click.command()
@click.argument("name", type=CatalogName(ModelSpec))
@click.option("--get", is_flag=True, help="Fetch the published weights; run again to go on after an interruption.")
@click.option(
    "--from", "source", type=PATH, metavar="PATH", help="With --to: these weights instead of the published ones."
)
@click.option("--to", type=PATH, metavar="FOLDER", help="Write a model folder.")
@as_json
def weights(name: str, get: bool, source: Path | None, to: Path | None, as_json: bool) -> None:
    """Show where the weights of model NAME are published, with which results; fetch or convert them."""
    spec = find(ModelSpec, name).spec
    if get:
        _get(spec)
    if to is not None:
        _convert(spec, source, to)
        return
    here = _find_file(spec)
    facts = {
        "weights": to_plain(spec.weights),
        "trained_on": spec.trained_on,
        "results": to_plain(spec.results),
        "here": here,
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    say(f"{spec.name}: {spec.weights.url if spec.weights else 'no published weights'}")
    if spec.weights:
        say(f"licence     {spec.weights.licence}")
    say(f"trained on  {spec.trained_on or 'unknown'}")
    for dataset, numbers in spec.results.items():
        say(f"{dataset:<12}" + "  ".join(f"{metric} {value}" for metric, value in numbers.items()))
    say(f"here        {here or _explain_how_to_get(spec)}")


def _explain_how_to_get(spec: ModelSpec) -> str:
    from iis_core.files.downloads import how_by_hand

    if spec.weights is None:
        return "none are published: train it, or run it with --set weights=random"
    again = f"`iis weights {spec.name} --get`"
    if spec.weights.by_hand:
        return f"not fetched: {how_by_hand(spec.weights, read_user_config().weights)}, then check it by {again}"
    return f"not fetched: run {again}"


def _get(spec: ModelSpec) -> None:
    from iis_core.files.downloads import fetch, keep_checksum
    from iis_core.plugins.load import load_model

    if spec.weights is None:
        raise UserError(f"{spec.name} has no published weights")
    config = read_user_config()
    with download_progress() as progress:
        file = fetch(spec.weights, config.weights, mirrors=config.mirrors, progress=progress)
    load_model(spec.name)
    keep_checksum(file)


def _find_file(spec: ModelSpec) -> str | None:
    from iis_core.models.weights import published_file

    try:
        return str(published_file(spec))
    except UserError:
        return None


def _convert(spec: ModelSpec, source: Path | None, to: Path) -> None:
    if source is not None:
        refuse_to_overwrite(to, [source], "--to")
    from iis_core.models.weights import save_model
    from iis_core.plugins.load import load_model

    save_model(to, load_model(spec.name, weights=None if source is None else str(source)))
    say(to)
