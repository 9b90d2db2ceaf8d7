"""The hooks of a plugin module, one per kind of offer; each returns an iterable of specs."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from iis_core.plugins.specs import (
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
def iis_models() -> Iterable[ModelSpec]:  # type: ignore[empty-body]
    """Models for `load_model`."""


@hookspec
def iis_robots() -> Iterable[RobotSpec]:  # type: ignore[empty-body]
    """Robots for `load_robot`."""


@hookspec
def iis_initial_robots() -> Iterable[InitialRobotSpec]:  # type: ignore[empty-body]
    """Initial robots for `load_initial_robot`."""


@hookspec
def iis_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """Datasets for `load_dataset`."""


@hookspec
def iis_selectors() -> Iterable[SelectorSpec]:  # type: ignore[empty-body]
    """Region selectors for `load_selector`."""


@hookspec
def iis_protocols() -> Iterable[ProtocolSpec]:  # type: ignore[empty-body]
    """Evaluation protocols for `load_protocol`."""
