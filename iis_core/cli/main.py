"""The group of commands, and errors as one line and an exit status."""

from __future__ import annotations

import importlib
import os
import sys

import click

from iis_core.errors import IISError, PluginError, UserError
from iis_core.plugins.catalog import OWN_COMMANDS, catalog, find, how_to_install
from iis_core.plugins.offers import Offer
from iis_core.plugins.specs import CommandSpec

_CORE = {
    "plugins": "iis_core.cli.listing:plugins",
    "list": "iis_core.cli.listing:list_",
    "show": "iis_core.cli.listing:show",
    "check": "iis_core.cli.check:check",
    "evaluate": "iis_core.cli.evaluate:evaluate",
    "report": "iis_core.cli.report:report",
    "pictures": "iis_core.cli.pictures:pictures",
    "data": "iis_core.cli.data:data",
    "weights": "iis_core.cli.weights:weights",
    "predict": "iis_core.cli.predict:predict",
    "new-plugin": "iis_core.cli.new_plugin:new_plugin",
}
"""The core's own commands; those of plugins come from the hook `iis_commands`."""


class _LazyGroup(click.Group):
    """Imports a command's module only when the command is used; `--help` imports no plugin's."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_CORE)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in _CORE:
            module, _, attribute = _CORE[name].partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        variants = {offer.spec.variant for offer in catalog().offers[CommandSpec].values()}
        if name in variants:
            return _load_command(find(CommandSpec, name))
        if name in OWN_COMMANDS:
            raise UserError(f"iis {name}: {how_to_install(OWN_COMMANDS[name])}")
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_commands(ctx, formatter)
        rows = [(offer.spec.variant, offer.spec.summary) for offer in catalog().offers[CommandSpec].values()]
        if rows:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(rows)


def _load_command(offer: Offer[CommandSpec]) -> click.Command:
    command = offer.resolve()
    if not isinstance(command, click.Command):
        raise PluginError(f"{offer.spec.name} of {offer.claim.distribution}: its target is no click command")
    return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="iis-core")
def cli() -> None:
    """Research on click-based interactive image segmentation."""


def main() -> None:
    """Run the command line. Exit status 2: the user's mistake, 3: a plugin's defect, 130: interrupted."""
    try:
        status = cli.main(standalone_mode=False)
    except IISError as error:
        if os.environ.get("IIS_TRACEBACK") == "1":
            raise
        hint = " (IIS_TRACEBACK=1 shows where)" if error.__cause__ is not None else ""
        click.echo(f"Error: {error}{hint}", err=True)
        status = error.exit_status
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        status = 130
    except BrokenPipeError:
        status = 1
    sys.exit(status)
