"""`iis new-plugin`."""

from __future__ import annotations

import re
from pathlib import Path

import click
import importlib_metadata

from iis_core.cli.options import PATH
from iis_core.cli.terminal import say
from iis_core.errors import UserError
from iis_core.files.writing import explain_write_errors
from iis_core.plugins.catalog import OWN_PLUGINS
from iis_core.plugins.discovery import GROUP

_TEMPLATE = Path(__file__).parents[1] / "template"


@click.command()
@click.argument("name", metavar="iis-NAME")
@click.option("--into", type=PATH, default=".", help="Folder to write it into; by default here.")
def new_plugin(name: str, into: Path) -> None:
    """Write the package of a new plugin: a small working model, robot and dataset to begin from, and their tests."""
    if not re.fullmatch(r"iis-[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise UserError(f"a plugin is called iis-NAME, of small letters, digits and hyphens, not {name!r}")
    namespace = name.removeprefix("iis-")
    if namespace in (*OWN_PLUGINS, "core") or namespace in importlib_metadata.entry_points(group=GROUP).names:
        raise UserError(f"{name} exists already: choose another name")
    folder = into / name
    with explain_write_errors(folder):
        if folder.exists() or folder.is_symlink():
            raise UserError(f"{folder} exists already: choose another name, or delete it first")
        write_plugin(name, folder)
    place = folder if folder.is_absolute() else f"./{folder}"
    say(f"{folder} is written; next: pip install {place} && iis check {name}")


def write_plugin(name: str, folder: Path) -> None:
    """Write the package of a new plugin.

    Args:
        name: the name of its distribution, `iis-NAME`.
        folder: where it is written.

    Raises:
        UserError: copier is missing.
    """
    try:
        import copier
    except ModuleNotFoundError as error:
        raise UserError("iis new-plugin needs copier: in a checkout, pip install '.[new-plugin]'") from error
    copier.run_copy(str(_TEMPLATE), folder, data={"distribution": name}, defaults=True, quiet=True)
