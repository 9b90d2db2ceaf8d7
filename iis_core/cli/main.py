"""The group of commands, and errors as one line and an exit status."""

from __future__ import annotations

import io
import os
import sys
from collections import Counter

import click
from click.shell_completion import CompletionItem

from iis_core.cli.terminal import accept_every_character, say
from iis_core.errors import IISError, PluginError, UserError, near_matches
from iis_core.plugins.builtin import COMMANDS
from iis_core.plugins.catalog import OWN_COMMANDS, catalog, explain_absence, find
from iis_core.plugins.offers import Claim, Offer
from iis_core.plugins.specs import CommandSpec

_CORE = Claim("core", "iis_core.plugins.builtin", "iis-core", "")


class _LazyGroup(click.Group):
    """Imports a command's module only when the command is used; `--help` imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *_list_others()]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS:
            return _load_command(Offer(COMMANDS[name], _CORE))
        if name in _list_others() or name in catalog().offers[CommandSpec]:
            return _load_command(find(CommandSpec, name))
        if name in OWN_COMMANDS and not ctx.resilient_parsing:
            raise UserError(f"iis {name}: {explain_absence(OWN_COMMANDS[name])}")
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not (ctx.resilient_parsing or name.startswith("-")) and self.get_command(ctx, name) is None:
            ctx.fail(f"No such command {name!r}{near_matches(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        core = {name: spec.summary for name, spec in COMMANDS.items()}
        for title, commands in (("Commands", core), ("Commands of plugins", _list_others())):
            if commands:
                with formatter.section(title):
                    formatter.write_dl(list(commands.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return [*map(CompletionItem, names), *click.Command.shell_complete(self, ctx, incomplete)]


def _list_others() -> dict[str, str]:
    """List the commands of plugins with their summaries, each by its full name where another one has its own."""
    offers = catalog().offers[CommandSpec].values()
    count = Counter(offer.spec.variant for offer in offers)
    return {
        offer.spec.variant if count[offer.spec.variant] == 1 else offer.spec.name: offer.spec.summary
        for offer in offers
        if offer.spec.namespace != "core"
    }


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
    accept_every_character()
    try:
        status = cli.main(prog_name="iis", standalone_mode=False)
    except IISError as error:
        if os.environ.get("IIS_TRACEBACK") == "1":
            raise
        hint = " (IIS_TRACEBACK=1 shows where)" if error.__cause__ is not None else ""
        _complain(f"Error: {error}{hint}")
        status = error.exit_status
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        _complain(shown.getvalue().rstrip("\n"))
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted.", err=True)
        status = 130
    except BrokenPipeError:
        status = 1
    except OSError as error:
        if os.environ.get("IIS_TRACEBACK") == "1":
            raise
        place = "" if error.filename is None else f"{error.filename}: "
        _complain(f"Error: {place}{error.strerror or error} (IIS_TRACEBACK=1 shows where)")
        status = UserError.exit_status
    sys.exit(status)


def _complain(text: str) -> None:
    for line in text.split("\n"):
        say(line, err=True)
