"""What a training run is made of: read from YAML and the command line, checked before anything starts."""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from lightning import Trainer
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError

from iis_core import UserError
from iis_core.errors import near_matches
from iis_core.models.losses import LOSSES
from iis_core.plugins import DatasetSpec, InitialRobotSpec, ModelSpec, ProtocolSpec, RobotSpec, SelectorSpec, Spec
from iis_core.plugins.catalog import find
from iis_lightning.named import Named, build_augmentation, find_optimizer, find_schedule, list_names, require_one_of


@dataclass
class Data:
    """Training samples.

    augment: target, `package.module:callable`, and keywords of what makes an augmentation; it must give all samples
        one size.
    background_probability: how often a sample has no object.
    batch_size: of each process. workers: processes that read, for each process.
    """

    dataset: Named = field(default_factory=Named)
    selector: Named = field(default_factory=lambda: Named("random-single"))
    augment: Named | None = None
    background_probability: float = 0.0
    batch_size: int = 8
    workers: int = 0


@dataclass
class Clicks:
    """Simulated clicks; the defaults are those of RITM's training.

    initial: the initial robot. robot: for further interactions.
    further: of these there are 0 to so many, the same number in a batch.
    forget: probability with which an element's state, such as the previous mask, is forgotten before the last answer.
    """

    initial: Named = field(default_factory=lambda: Named("ritm-initial"))
    robot: Named = field(default_factory=lambda: Named("ritm-train", {"threshold": 0.49}))
    further: int = 3
    forget: float = 0.0


@dataclass
class Schedule(Named):
    """A schedule of `torch.optim.lr_scheduler`. interval: `epoch` or `step`."""

    interval: str = "epoch"


@dataclass
class Validation:
    """An evaluation of the first `limit` objects, after every so many epochs."""

    dataset: Named = field(default_factory=Named)
    protocol: str = "ritm"
    limit: int | None = 20
    every_n_epochs: int = 1


@dataclass
class TrainingConfig:
    """A training run.

    losses: by the name of an output of the model, weights of losses by name. Outputs that a model does not have are
        left out.
    optimizer: of `torch.optim`. schedule: or None for a constant learning rate.
    trainer: keywords of Lightning's Trainer: max_epochs, precision, gradient_clip_val, accumulate_grad_batches, ...
    checkpoint_every: so many optimizer steps; also at the end of every epoch.
    pictures_every: so many batches, 0 for none.
    out: the folder of the run.
    """

    model: Named = field(default_factory=Named)
    data: Data = field(default_factory=Data)
    clicks: Clicks = field(default_factory=Clicks)
    losses: dict[str, dict[str, float]] = field(default_factory=lambda: {"y": {"normalised-focal": 1.0}})
    optimizer: Named = field(default_factory=lambda: Named("Adam", {"lr": 5e-4}))
    schedule: Schedule | None = None
    validation: Validation | None = None
    trainer: dict[str, Any] = field(default_factory=dict)
    checkpoint_every: int = 500
    pictures_every: int = 500
    seed: int = 0
    out: str = MISSING


_OURS = ("default_root_dir", "logger", "callbacks", "enable_checkpointing", "use_distributed_sampler")
"""Keywords of the Trainer that are set by us."""

_MAY_CHANGE = ("trainer.max_epochs", "trainer.max_steps", "trainer.max_time", "data.workers", "out")
"""What may be another when a run goes on."""


_LEAST = {
    "data.batch_size": 1,
    "data.workers": 0,
    "clicks.further": 0,
    "checkpoint_every": 1,
    "pictures_every": 0,
    "validation.limit": 1,
    "validation.every_n_epochs": 1,
}


def read_training_config(file: str | Path, overrides: Sequence[str] = ()) -> TrainingConfig:
    """A checked configuration.

    overrides: `optimizer.keywords.lr=0.001`, as many as wanted; `losses={y: {bce: 1}}` replaces the whole.

    A name that is given comes without the keywords of the default's, and losses that are given without the default.
    Raises UserError for a key that does not exist, with near matches, for a value of the wrong type, and for a name
    that is not in the catalog or in torch.
    """
    try:
        given = OmegaConf.load(file)
        if not OmegaConf.is_dict(given):
            raise UserError(f"{file} holds no configuration: it must be `key: value` lines")
        for override in overrides:
            key, equals, _ = override.partition("=")
            if not equals:
                raise UserError(f"what is changed must be KEY=VALUE, not {override!r}")
            value = OmegaConf.select(OmegaConf.from_dotlist([override]), key)
            OmegaConf.update(given, key, value, merge=False, force_add=True)
        defaults = OmegaConf.structured(TrainingConfig)
        _drop_replaced(defaults, given)
        config = cast(TrainingConfig, OmegaConf.to_object(OmegaConf.merge(defaults, given)))
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error
    except YAMLError as error:
        raise UserError(f"{file} is no YAML: {' '.join(str(error).split())}") from error
    except ConfigKeyError as error:
        raise UserError(f"{file}: {_explain_unknown(error)}") from error
    except MissingMandatoryValue as error:
        raise UserError(f"{file}: {' '.join(str(error.msg).split())}; see the recipes for all keys") from error
    except OmegaConfBaseException as error:
        where = f" at {error.full_key}" if error.full_key else ""
        raise UserError(f"{file}{where}: {str(error.msg).splitlines()[0]}") from error
    _check(config)
    return config


def _drop_replaced(defaults: Any, given: Any) -> None:
    """Empty those defaults that must not be mixed with what is given."""
    for key, new in given.items():
        if not OmegaConf.is_dict(new) or key not in defaults or defaults[key] is None:
            continue
        if key == "losses":
            defaults[key] = {}
        elif "name" in new:
            defaults[key].keywords = {}
        else:
            _drop_replaced(defaults[key], new)


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """Every value by its dotted key."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        config = {part.name: getattr(config, part.name) for part in dataclasses.fields(config)}
    if not isinstance(config, dict):
        return {prefix.rstrip("."): config}
    return {key: value for name, part in config.items() for key, value in flatten(part, f"{prefix}{name}.").items()}


def write_config(config: TrainingConfig, file: Path) -> None:
    """Keep a configuration beside what comes of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.{os.getpid()}")  # several processes may begin at once
    new.write_text(OmegaConf.to_yaml(OmegaConf.structured(config)))
    new.replace(file)


def check_goes_on(config: TrainingConfig, file: Path) -> None:
    """Raise UserError where a run began with another configuration, with how they differ."""
    kept, asked = flatten(read_training_config(file)), flatten(config)
    differing = [
        f"{key} {kept.get(key)}, not {asked.get(key)}"
        for key in sorted({*kept, *asked})
        if kept.get(key) != asked.get(key) and key not in _MAY_CHANGE
    ]
    if differing:
        raise UserError(f"{file.parent} holds a run with {'; '.join(differing)}: choose another out")


def _explain_unknown(error: ConfigKeyError) -> str:
    fields = getattr(error.object_type, "__dataclass_fields__", {})
    return (
        f"there is no key {error.full_key!r}{near_matches(str(error.key), fields) or f'; known: {list_names(fields)}'}"
    )


def _check(config: TrainingConfig) -> None:
    for spec_type, name in _list_named(config):
        find(spec_type, name)
    for output, weights in config.losses.items():
        for loss in weights:
            require_one_of(loss, LOSSES, f"losses.{output}")
    if not config.losses.get("y"):
        raise UserError("losses.y is missing: without it nothing is trained")
    for name in config.trainer:
        if name in _OURS:
            raise UserError(f"trainer.{name} is set by iis train: leave it out")
        require_one_of(name, inspect.signature(Trainer).parameters, "trainer")
    find_optimizer(config.optimizer)
    if config.schedule is not None:
        find_schedule(config.schedule)
        if config.schedule.name == "ReduceLROnPlateau":
            raise UserError("schedule.name ReduceLROnPlateau needs a number to watch: use another schedule")
        require_one_of(config.schedule.interval, ("epoch", "step"), "schedule.interval")
    if config.data.augment is not None:
        build_augmentation(config.data.augment)
    for name in ("max_epochs", "max_steps"):
        if not isinstance(config.trainer.get(name), int | None):
            raise UserError(f"trainer.{name} must be a whole number, not {config.trainer[name]!r}")
    precision = str(config.trainer.get("precision", "32-true"))
    if precision.endswith("-true") and precision != "32-true":
        raise UserError(f"trainer.precision {precision} is not supported: use 32-true, bf16-mixed or 16-mixed")
    values = flatten(config)
    for name, least in _LEAST.items():
        if values.get(name) is not None and values[name] < least:
            raise UserError(f"{name} must be at least {least}, not {values[name]}")
    for name in ("clicks.forget", "data.background_probability"):
        if not 0 <= values[name] <= 1:
            raise UserError(f"{name} must lie in [0, 1], not {values[name]}")


def _list_named(config: TrainingConfig) -> list[tuple[type[Spec], str]]:
    """Everything that must be in the catalog: types of specs, and names."""
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
