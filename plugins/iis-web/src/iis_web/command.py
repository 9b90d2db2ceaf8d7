"""`iis click`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iis_core.cli.keywords import data_keywords_option, keywords_option, parse_keywords
from iis_core.cli.options import PATH, CatalogName
from iis_core.cli.terminal import say
from iis_core.errors import IISError, UserError
from iis_core.plugins.specs import DatasetSpec, ModelSpec, ProtocolSpec

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from iis_web.desk import Desk


@click.command("click")
@click.argument("images", type=PATH, nargs=-1)
@click.option(
    "--model",
    "models",
    type=CatalogName(ModelSpec),
    multiple=True,
    default=("classic/graph-cut",),
    show_default=True,
    help="Catalog name, or a model folder; several are shown side by side.",
)
@keywords_option("--set", "keywords", ModelSpec, "models", "A keyword of every model")
@click.option("--device", default="cpu", show_default=True, help="Torch device of the models.")
@click.option("--dataset", type=CatalogName(DatasetSpec), help="Click on the images of a dataset.")
@click.option("--data-root", type=PATH, metavar="DIR", help="Where the dataset's files are.")
@data_keywords_option
@click.option("--masks", type=PATH, metavar="DIR", help="Masks to start from, PNG of the images' names.")
@click.option("--blind", is_flag=True, help="Hide the models' names until you ask for them.")
@click.option(
    "--out", type=PATH, metavar="DIR", default="clicks", show_default=True, help="What is clicked is kept here."
)
@click.option(
    "--keep",
    type=click.Choice(["folder", "png", "coco"]),
    default="folder",
    show_default=True,
    help="Masks as the dataset `folder`, as a PNG of 0 and 255 for each object, or in COCO's JSON.",
)
@click.option("--study", type=PATH, metavar="RUN", help="A person is the robot of an evaluation, into this run folder.")
@click.option("--protocol", type=CatalogName(ProtocolSpec), help="Of the study; by default core/ritm.")
@click.option("--show-target", type=click.FloatRange(0), metavar="SECONDS", help="Of the study; by default always.")
@click.option("--limit", type=int, help="Of the study: the first so many objects.")
@click.option("--seed", default=0, show_default=True, help="Of the order of the study's objects.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve at.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port; by default any that is free.")
@click.option("--browser/--no-browser", default=True, help="Open the page.")
def click_command(
    images: tuple[Path, ...],
    models: tuple[str, ...],
    keywords: tuple[str, ...],
    device: str,
    dataset: str | None,
    data_root: Path | None,
    data_keywords: tuple[str, ...],
    masks: Path | None,
    blind: bool,
    out: Path,
    keep: str,
    study: Path | None,
    protocol: str | None,
    show_target: float | None,
    limit: int | None,
    seed: int,
    host: str,
    port: int,
    browser: bool,
) -> None:
    """Click on IMAGES, files or folders, in the browser: `iis click photo.jpg --model ritm/hrnet18s`.

    Every click is kept in the folder --out at once, and the masks soon after; the same command goes on where it
    stopped. The list of keys is behind `?`.
    """
    given: list[tuple[str, dict[str, Any]]] = [
        (model, {"device": device, **parse_keywords(keywords, "--set", (ModelSpec, model))}) for model in models
    ]
    if (dataset is None) == (not images):
        raise UserError("give images or a --dataset, one of the two")
    data: dict[str, Any] = {} if data_root is None else {"root": str(data_root)}
    if dataset is not None:
        data |= parse_keywords(data_keywords, "--data", (DatasetSpec, dataset))
    if study is None:
        for option, value in (("protocol", protocol), ("show-target", show_target), ("limit", limit)):
            if value is not None:
                raise UserError(f"--{option} is for a --study")
        _annotate(images, dataset, data, masks, given, out, keep, blind, (host, port, browser))
        return
    if dataset is None or len(given) > 1 or blind or masks is not None:
        raise UserError("a --study takes a --dataset and one --model, without --blind and --masks")
    rules = {"show_target": show_target, "device": device, "limit": limit, "seed": seed}
    _study(given[0], dataset, data, protocol or "core/ritm", study, rules, (host, port, browser))


def _annotate(
    images: tuple[Path, ...],
    dataset: str | None,
    data: dict[str, Any],
    masks: Path | None,
    given: list[tuple[str, dict[str, Any]]],
    out: Path,
    keep: str,
    is_blind: bool,
    at: tuple[str, int, bool],
) -> None:
    from iis_web.server.annotating import list_routes
    from iis_web.setting_up import set_up_desk

    desk = set_up_desk(images, dataset, data, masks, given, out, keep, is_blind=is_blind)
    try:
        _serve(list_routes(desk), *at)
        _save_rest(desk)
    finally:
        desk.close()


def _study(
    model: tuple[str, dict[str, Any]],
    dataset: str,
    data: dict[str, Any],
    protocol: str,
    folder: Path,
    rules: dict[str, Any],
    at: tuple[str, int, bool],
) -> None:
    from iis_web.server.studying import list_routes
    from iis_web.setting_up import open_study

    study = open_study(*model, dataset, data, protocol, folder, **rules)
    study.start()
    try:
        _serve(list_routes(study), *at)
    finally:
        study.close()
    say(f"{study.done} of {study.objects} objects are in {folder}; `iis report {folder}` shows them.")


def _serve(routes: Sequence[BaseRoute], host: str, port: int, browser: bool) -> None:
    import webbrowser

    from iis_web.server.app import make_app
    from iis_web.server.serving import Address, make_server

    address = Address(host, port)
    server = make_server(make_app(routes, address.token))
    say(f"Open {address.url} and click; Ctrl+C ends it, and everything is kept.")
    sys.stdout.flush()
    if browser:
        webbrowser.open(address.url)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[address.socket])


def _save_rest(desk: Desk) -> None:
    """Write the masks that are not on the disk yet; one that fails costs no other."""
    import asyncio

    async def save_all() -> None:
        for place, photograph in enumerate(desk.photographs):
            known = desk.session.images.get(photograph.id)
            if known is not None and not known.is_saved:
                try:
                    await desk.save(place)
                except IISError as error:
                    say(f"{photograph.id}: its masks are not written: {error}", err=True)

    asyncio.run(save_all())
