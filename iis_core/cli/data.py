"""`iis data`: list the datasets, get their files, check them."""

from __future__ import annotations

import json
import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iis_core.cli.keywords import keywords_option, parse_keywords
from iis_core.cli.options import PATH, CatalogName, as_json
from iis_core.cli.terminal import say
from iis_core.errors import UserError
from iis_core.files.config import read_user_config, user_config_file
from iis_core.files.plain import to_plain
from iis_core.plugins.catalog import find, list_names
from iis_core.plugins.specs import DatasetSpec

if TYPE_CHECKING:
    from iis_core.files.transfers import Progress

_DOWNLOADS = ".downloads"


@click.group()
def data() -> None:
    """List the known datasets, get their files, check them."""


@data.command("list")
@as_json
def list_(as_json: bool) -> None:
    """What is known of every dataset, and where its files are."""
    root = read_user_config().data
    entries = []
    for name in list_names(DatasetSpec):
        spec = find(DatasetSpec, name).spec
        here = root / spec.variant if root and (root / spec.variant).is_dir() else None
        entries.append({**to_plain(spec), "here": None if here is None else str(here)})
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    for entry in entries:
        say(entry["name"])
        for key, value in _list_facts(entry):
            say(f"    {key:<8} {value}")


def _list_facts(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    counts = ", ".join(f"{entry[key]} {key}" for key in ("images", "objects") if entry[key] is not None)
    archive = entry["archive"]
    facts = {
        "what": entry["summary"],
        "counts": counts,
        "terms": entry["licence"] or (entry["page"] and "not stated here: see the page"),
        "paper": entry["paper"],
        "layout": entry["layout"],
        "page": entry["page"],
        "get": archive and f"iis data get {entry['name'].split('/')[1]}  ({archive['url']})",
        "here": entry["here"],
    }
    return ((key, value) for key, value in facts.items() if value)


@data.command()
@click.argument("name", type=CatalogName(DatasetSpec))
@click.argument("folder", required=False, metavar="", type=PATH)
@click.option("--data-root", type=PATH, metavar="DIR", help="Put the files here.")
def get(name: str, folder: Path | None, data_root: Path | None) -> None:
    """Fetch the files of dataset NAME, check and unpack them; run again to go on after an interruption.

    They go to DIR, or to a folder of the dataset's name in the folder that IIS_DATA or the configuration names.
    """
    from iis_core.files.archives import DamagedArchiveError, unpack
    from iis_core.files.downloads import fetch, keep_checksum

    spec = find(DatasetSpec, name).spec
    config = read_user_config()
    place = data_root or folder or (config.data and config.data / spec.variant)
    if spec.archive is None:
        page = f"; get them from {spec.page}" if spec.page else ""
        files = f"{page}; expected under the data root: {spec.layout}" if spec.layout else ""
        raise UserError(f"{spec.name} has no files that can be fetched{files}")
    if place is None:
        raise UserError(
            f"where to? Give --data-root DIR, set IIS_DATA, or write `data = ...` into {user_config_file()}"
        )
    if place.exists() and not place.is_dir():
        raise UserError(f"{place} is a file: give a new or empty folder")
    if place.is_dir() and any(place.iterdir()):
        check = shlex.join(["iis", "data", "check", spec.name, "--data-root", str(place)])
        raise UserError(f"{place} holds files already: `{check}` looks at them, or give another --data-root DIR")
    downloads = place.parent / _DOWNLOADS
    with show_download() as progress:
        archive = fetch(spec.archive, downloads, mirrors=config.mirrors, progress=progress)
    try:
        unpack(archive, place)
    except DamagedArchiveError as error:
        archive.unlink()
        raise UserError(f"{archive.name} was damaged: run the same command again to fetch it again") from error
    keep_checksum(archive)
    archive.unlink()
    say(f"{place}: {spec.layout}")


@contextmanager
def show_download() -> Iterator[Progress]:
    """Show the progress of `fetch` on the terminal, and what it warns of."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    for warning in caught:
        say(f"note: {warning.message}", err=True)


@data.command()
@click.argument("name", type=CatalogName(DatasetSpec))
@click.argument("folder", type=PATH, required=False, metavar="")
@click.option("--data-root", type=PATH, metavar="DIR", help="Where the dataset's files are.")
@keywords_option("--data", "data_keywords", DatasetSpec, "name", "A keyword of the dataset")
@as_json
@click.pass_context
def check(
    ctx: click.Context,
    name: str,
    folder: Path | None,
    data_root: Path | None,
    data_keywords: tuple[str, ...],
    as_json: bool,
) -> None:
    """Read every file of dataset NAME and say what is wrong; exit status 2 where something is."""
    if folder is not None and data_root is not None:
        raise UserError(f"two folders for one dataset: {folder} and --data-root {data_root}; give the second alone")
    place = data_root or folder
    keywords = parse_keywords(data_keywords, "--data", (DatasetSpec, name))
    from iis_core.datasets.checking import check_files
    from iis_core.evaluation.settings import is_published_set
    from iis_core.plugins.load import load_dataset

    root = {} if place is None else {"root": str(place)}
    dataset = load_dataset(name, **{**root, **keywords})
    spec = find(DatasetSpec, name).spec if is_published_set(keywords) else None
    findings = [finding for some in check_files(dataset, spec) for finding in some]
    wrong = [finding for finding in findings if finding.sample]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            say(f"{finding.sample or 'note'}: {finding.problem}")
        say(f"{len(dataset)} images read, {len(wrong)} findings")
    if wrong:
        ctx.exit(2)
