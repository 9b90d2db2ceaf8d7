"""The group of commands, and how errors become one line and an exit status."""

from __future__ import annotations

import importlib
import os
import sys

import click

from iis_core.errors import IISError

_COMMANDS = {
    "plugins": "iis_core.cli.listing:plugins",
    "list": "iis_core.cli.listing:list_",
    "show": "iis_core.cli.listing:show",
    "check": "iis_core.cli.check:check",
    "evaluate": "iis_core.cli.evaluate:evaluate",
    "report": "iis_core.cli.report:report",
    "data": "iis_core.cli.data:data",
    "weights": "iis_core.cli.weights:weights",
    "predict": "iis_core.cli.predict:predict",
    "train": "iis_core.cli.train:train",
    "new-plugin": "iis_core.cli.new_plugin:new_plugin",
}


class _LazyGroup(click.Group):
    """Imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="iis-core")
def cli() -> None:
    """Research on click-based interactive image segmentation."""


def main() -> None:
    """Entry point. Exit status 2: the user's mistake, 3: a plugin's defect, 130: interrupted."""
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
