"""The names of the catalog in a configuration, which are checked before torch is imported."""

from __future__ import annotations

from iis_core.plugins import DatasetSpec, InitialRobotSpec, ModelSpec, ProtocolSpec, RobotSpec, SelectorSpec, Spec
from iis_core.plugins.catalog import find
from iis_lightning.config import TrainingConfig


def check_names(config: TrainingConfig) -> None:
    """Check that the catalog has every name of a configuration.

    Raises:
        UserError: it lacks one; the message has near matches.
    """
    for spec_type, name in _list_named(config):
        find(spec_type, name)


def _list_named(config: TrainingConfig) -> list[tuple[type[Spec], str]]:
    """List all names that must be in the catalog, with their types of specs."""
    named: list[tuple[type[Spec], str]] = [
        (ModelSpec, config.model.name),
        (DatasetSpec, config.data.dataset.name),
        (SelectorSpec, config.data.selector.name),
        (InitialRobotSpec, config.clicks.initial.name),
        (RobotSpec, config.clicks.robot.name),
    ]
    if config.validation is None:
        return named
    return [*named, (DatasetSpec, config.validation.dataset.name), (ProtocolSpec, config.validation.protocol)]
