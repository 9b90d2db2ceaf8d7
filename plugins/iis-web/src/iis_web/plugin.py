"""What this plugin offers: the command `iis click`."""

from __future__ import annotations

from collections.abc import Iterator

from iis_core.plugins import CommandSpec, hookimpl

IIS_API = 1


@hookimpl
def iis_commands() -> Iterator[CommandSpec]:
    yield CommandSpec(
        name="web/click",
        target="iis_web.command:click_command",
        summary="Click in the browser: try models, make masks, compare, study people.",
    )
