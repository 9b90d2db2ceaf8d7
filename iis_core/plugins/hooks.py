"""The hooks of a plugin module, one per kind of offer; each returns an iterable of specs."""

# A hook specification is a signature and a docstring.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from iis_core.plugins.specs import (
    CommandSpec,
    DatasetSpec,
    InitialRobotSpec,
    ModelSpec,
    ProtocolSpec,
    RobotSpec,
    SelectorSpec,
)

IIS_API = 1
"""Version of the contract between core and plugins; a plugin module states the one it was written for."""

PROJECT = "iis_core"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def iis_models() -> Iterable[ModelSpec]:
    """Models for `load_model`."""


@hookspec
def iis_robots() -> Iterable[RobotSpec]:
    """Robots for `load_robot`."""


@hookspec
def iis_initial_robots() -> Iterable[InitialRobotSpec]:
    """Initial robots for `load_initial_robot`."""


@hookspec
def iis_datasets() -> Iterable[DatasetSpec]:
    """Datasets for `load_dataset`."""


@hookspec
def iis_selectors() -> Iterable[SelectorSpec]:
    """Region selectors for `load_selector`."""


@hookspec
def iis_protocols() -> Iterable[ProtocolSpec]:
    """Evaluation protocols for `load_protocol`."""


@hookspec
def iis_commands() -> Iterable[CommandSpec]:
    """Commands of the command line, `iis NAME`."""
