"""Checking a configuration: names, values and ranges. What it names is found and inspected, never called."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning import Trainer

from iis_core import UserError
from iis_core.models.losses import LOSSES
from iis_lightning.augmentation import check_augmentation
from iis_lightning.catalog_names import check_names
from iis_lightning.config import TrainingConfig, flatten
from iis_lightning.named import find_optimizer, find_schedule, require_one_of
from iis_lightning.reading import parse_config

_OURS = ("default_root_dir", "logger", "callbacks", "enable_checkpointing", "use_distributed_sampler", "plugins")
"""Keywords of the Trainer that `iis train` sets."""

_LEAST = {
    "data.batch_size": 1,
    "data.workers": 0,
    "clicks.further": 0,
    "checkpoint_every": 1,
    "pictures_every": 0,
    "validation.limit": 1,
    "validation.every_n_epochs": 1,
}

_LARGEST_NUMBER = 2**63 - 1


def read_training_config(file: str | Path, overrides: Sequence[str] = (), trust: Sequence[str] = ()) -> TrainingConfig:
    """Read and check a configuration.

    Args:
        file: a YAML file.
        overrides: any number of changes such as `optimizer.keywords.lr=0.001`.
        trust: modules outside the installed plugins whose callables the configuration may name; their code runs.

    Raises:
        UserError: a key does not exist, a value has the wrong type or cannot be, or a name is neither in the catalog
            nor in torch; the message says where, and names near matches.
    """
    config = parse_config(file, overrides)
    check_config(config, trust)
    return config


def check_config(config: TrainingConfig, trust: Sequence[str] = ()) -> None:
    """Check a configuration.

    Args:
        config: the configuration.
        trust: modules outside the installed plugins whose callables it may name.

    Raises:
        UserError: as of `read_training_config`.
    """
    for place, number in _list_numbers(flatten(config)):
        if not (abs(number) <= _LARGEST_NUMBER if isinstance(number, int) else math.isfinite(number)):
            raise UserError(f"{place} must be a finite number of ordinary size, not {str(number)[:30]}")
    _check_ranges(config)
    check_names(config)
    _check_losses(config.losses)
    _check_trainer(config.trainer)
    _check_learning(config)
    if config.data.augment is not None:
        check_augmentation(config.data.augment, trust)


def _list_numbers(values: Any, place: str = "") -> Iterator[tuple[str, int | float]]:
    """List all numbers in dictionaries and lists, with their places."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _list_numbers(value, f"{place}.{key}" if place else str(key))
    elif isinstance(values, list):
        for number, value in enumerate(values):
            yield from _list_numbers(value, f"{place}[{number}]")
    elif isinstance(values, int | float):
        yield place, values


def _check_ranges(config: TrainingConfig) -> None:
    values = flatten(config)
    for name, least in _LEAST.items():
        if values.get(name) is not None and values[name] < least:
            raise UserError(f"{name} must be at least {least}, not {values[name]}")
    for name in ("clicks.forget", "data.background_probability"):
        if not 0 <= values[name] <= 1:
            raise UserError(f"{name} must lie in [0, 1], not {values[name]}")
    if not 0 <= config.seed < 2**32:
        raise UserError(f"seed must lie in [0, 2**32), not {config.seed}")


def _check_losses(losses: Mapping[str, Mapping[str, float]]) -> None:
    for output, weights in losses.items():
        for loss, weight in weights.items():
            require_one_of(loss, LOSSES, f"losses.{output}")
            if weight < 0:
                raise UserError(f"losses.{output}.{loss} must be at least 0, not {weight}")
    if not any(losses.get("y", {}).values()):
        raise UserError("losses.y is missing or 0: without it nothing is trained")


def _check_trainer(keywords: Mapping[str, Any]) -> None:
    for name in keywords:
        if name in _OURS:
            raise UserError(f"trainer.{name} is set by iis train: leave it out")
        require_one_of(name, inspect.signature(Trainer).parameters, "trainer")
    for name in ("max_epochs", "max_steps"):
        value = keywords.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise UserError(f"trainer.{name} must be a whole number, not {value!r}")
    clip = keywords.get("gradient_clip_val")
    if isinstance(clip, int | float) and clip < 0:
        raise UserError(f"trainer.gradient_clip_val must be at least 0, not {clip}")
    precision = str(keywords.get("precision", "32-true"))
    if precision.endswith("-true") and precision != "32-true":
        raise UserError(f"trainer.precision {precision} is not supported: use 32-true, bf16-mixed or 16-mixed")


def _check_learning(config: TrainingConfig) -> None:
    find_optimizer(config.optimizer)
    if config.schedule is not None:
        find_schedule(config.schedule)
        if config.schedule.name == "ReduceLROnPlateau":
            raise UserError("schedule.name ReduceLROnPlateau needs a number to watch: use another schedule")
        require_one_of(config.schedule.interval, ("epoch", "step"), "schedule.interval")
    schedule = {} if config.schedule is None else config.schedule.keywords
    for part, keywords in (("optimizer", config.optimizer.keywords), ("schedule", schedule)):
        for name, value in keywords.items():
            is_rate = name == "lr" or name.endswith("_lr")
            for place, number in _list_numbers(value, f"{part}.keywords.{name}") if is_rate else ():
                if number < 0:
                    raise UserError(f"{place} must be at least 0, not {number}")
