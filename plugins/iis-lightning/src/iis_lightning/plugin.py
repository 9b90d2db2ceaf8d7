"""What this plugin offers: the command `iis train`."""

from __future__ import annotations

from collections.abc import Iterator

from iis_core.plugins import CommandSpec, hookimpl

IIS_API = 1


@hookimpl
def iis_commands() -> Iterator[CommandSpec]:
    yield CommandSpec(
        name="lightning/train",
        target="iis_lightning.command:train",
        summary="Train a model with simulated clicks, as a YAML file says.",
    )
