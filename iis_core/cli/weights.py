"""`iis weights`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from iis_core.cli.data import show_download
from iis_core.cli.keywords import keywords_option, parse_keywords
from iis_core.cli.options import PATH, CatalogName, as_json
from iis_core.cli.terminal import say
from iis_core.errors import UserError
from iis_core.files.config import expand, read_user_config
from iis_core.files.hub import fetch_from_hub, find_in_hub_cache
from iis_core.files.plain import to_plain
from iis_core.files.writing import refuse_to_overwrite
from iis_core.plugins.catalog import find
from iis_core.plugins.offers import Offer
from iis_core.plugins.specs import ModelSpec


@click.command()
@click.argument("name", metavar="NAME|FOLDER", type=CatalogName(ModelSpec))
@click.option("--get", is_flag=True, help="Fetch the published weights; run again to go on after an interruption.")
@click.option(
    "--from",
    "source",
    metavar="PATH",
    help="With --to: these weights instead of the published ones; with --get: this repository of the Hugging Face hub.",
)
@click.option("--to", type=PATH, metavar="FOLDER", help="Write a model folder.")
@keywords_option("--set", "keywords", ModelSpec, "name", "With --to: a keyword of the model")
@as_json
def weights(
    name: str, get: bool, source: str | None, to: Path | None, keywords: tuple[str, ...], as_json: bool
) -> None:
    """Show where the weights of model NAME are published, with which results; fetch or convert them."""
    offer = find(ModelSpec, name)
    published = offer.spec.weights
    is_fetched_by_name = get and published is not None and bool(published.hub)
    if to is None and (keywords or (source is not None and not is_fetched_by_name)):
        raise UserError(
            f"{'--set' if source is None else '--from'} says what a model folder is made of: add --to FOLDER"
        )
    if get:
        _get(offer, source)
    if to is not None:
        _convert(offer, source, to, parse_keywords(keywords, "--set", (ModelSpec, name)))
    elif as_json:
        click.echo(json.dumps(_list_facts(offer), indent=2))
    else:
        _print_facts(offer)


def _list_facts(offer: Offer[ModelSpec]) -> dict[str, Any]:
    spec = offer.spec
    return {
        "weights": to_plain(spec.weights),
        "trained_on": spec.trained_on,
        "results": to_plain(spec.results),
        "results_source": spec.results_source or spec.paper,
        "here": _find_here(offer),
    }


def _print_facts(offer: Offer[ModelSpec]) -> None:
    spec = offer.spec
    if not spec.has_weights:
        say(f"{spec.name} has no weights and needs none: it runs as it is")
        return
    say(f"{spec.name}: {spec.weights.url if spec.weights else 'no published weights'}")
    if spec.weights:
        say(f"licence     {spec.weights.licence}")
    say(f"trained on  {spec.trained_on or 'unknown'}")
    for dataset, numbers in spec.results.items():
        say(f"{dataset:<11} " + "  ".join(f"{metric} {value}" for metric, value in numbers.items()))
    if spec.results:
        say(f"source      {spec.results_source or spec.paper}")
    say(f"here        {_find_here(offer) or _explain_how_to_get(spec)}")


def _explain_how_to_get(spec: ModelSpec) -> str:
    from iis_core.files.downloads import how_by_hand

    if spec.weights is None:
        untrained = f"`iis evaluate --model {spec.name} --set weights=random`"
        return f"none are published: train it, or run it untrained with {untrained}"
    again = f"`iis weights {spec.name} --get`"
    if spec.weights.by_hand:
        return f"not fetched: {how_by_hand(spec.weights, read_user_config().weights)}, then check it by {again}"
    return f"not fetched: run {again}"


def _get(offer: Offer[ModelSpec], source: str | None) -> None:
    from iis_core.files.downloads import fetch, keep_checksum
    from iis_core.plugins.load import load_model

    spec = offer.spec
    if not spec.has_weights or offer.folder is not None:
        return
    if spec.weights is None:
        raise UserError(f"{spec.name} has no published weights; `iis weights {spec.name}` says what to do")
    if spec.weights.hub:
        fetch_from_hub(source or spec.weights.hub)
        load_model(spec.name, weights=source)
        return
    config = read_user_config()
    with show_download() as progress:
        file = fetch(spec.weights, config.weights, mirrors=config.mirrors, progress=progress)
    try:
        load_model(spec.name)
    except UserError as error:
        raise UserError(f"{error}; to fetch it anew, delete {file} and run the same command again") from error
    keep_checksum(file)


def _find_here(offer: Offer[ModelSpec]) -> str | None:
    """Find where a model's weights are: its folder, or the published file where it is fetched."""
    if offer.folder is not None:
        return str(offer.folder)
    published = offer.spec.weights
    if published is None:
        return None
    if published.hub:
        found = find_in_hub_cache(published.hub)
        return None if found is None else str(found)
    file = read_user_config().weights / published.file_name
    return str(file) if file.is_file() else None


def _convert(offer: Offer[ModelSpec], source: str | None, to: Path, keywords: dict[str, Any]) -> None:
    spec = offer.spec
    if source is not None:
        refuse_to_overwrite(to, [expand(source)], "--to")
    if not spec.has_weights:
        raise UserError(f"{spec.name} has no weights to write into {to}: leave --to out, it runs as it is")
    if source is None and _find_here(offer) is None:
        get = f"run `iis weights {spec.name} --get` first, or " if spec.weights else ""
        raise UserError(f"no weights of {spec.name} are at hand: {get}add --from PATH")
    from iis_core.models.weights import save_model
    from iis_core.plugins.load import load_model

    save_model(to, load_model(offer.folder or spec.name, weights=source, **keywords))
    say(to)
