"""The configuration of a training run, read from YAML and the command line and checked before anything starts."""

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

    Args:
        dataset: name and keywords of the dataset.
        selector: name and keywords of the selector, which chooses the object of a sample.
        augment: `package.module:callable` that makes an augmentation, and its keywords; the augmentation must give all
            samples one size. None for no augmentation.
        background_probability: how often a sample has no object, in [0, 1].
        batch_size: number of samples in a batch, for each process.
        workers: number of reading processes, for each process.
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

    Args:
        initial: name and keywords of the initial robot.
        robot: name and keywords of the robot for further interactions.
        further: largest number of further interactions; the number is drawn for each batch.
        forget: probability that an element's state, such as the previous mask, is reset before the last answer.
    """

    initial: Named = field(default_factory=lambda: Named("ritm-initial"))
    robot: Named = field(default_factory=lambda: Named("ritm-train", {"threshold": 0.49}))
    further: int = 3
    forget: float = 0.0


@dataclass
class Schedule(Named):
    """A schedule of `torch.optim.lr_scheduler`.

    Args:
        name: name of the class.
        keywords: its keywords.
        interval: `epoch` or `step`.
    """

    interval: str = "epoch"


@dataclass
class Validation:
    """An evaluation during training.

    Args:
        dataset: name and keywords of the dataset.
        protocol: name of the protocol.
        limit: number of objects, the first ones of the dataset; None for all.
        every_n_epochs: interval in epochs.
    """

    dataset: Named = field(default_factory=Named)
    protocol: str = "ritm"
    limit: int | None = 20
    every_n_epochs: int = 1


@dataclass
class TrainingConfig:
    """A training run.

    Args:
        model: name and keywords of the model.
        data: the training samples.
        clicks: the simulated clicks.
        losses: for each output of the model, by name, the weights of losses by name. Outputs that the model does not
            have are left out.
        optimizer: name and keywords of an optimizer of `torch.optim`.
        schedule: the schedule, or None for a constant learning rate.
        validation: the evaluation during training, or None.
        trainer: keywords of Lightning's Trainer: max_epochs, precision, gradient_clip_val, accumulate_grad_batches, ...
        checkpoint_every: interval of checkpoints in optimizer steps; there is also one at the end of every epoch.
        pictures_every: interval of pictures in batches, 0 for none.
        seed: seed of all random choices.
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
"""Keywords of the Trainer that `iis train` sets."""

_MAY_CHANGE = ("trainer.max_epochs", "trainer.max_steps", "trainer.max_time", "data.workers", "out")
"""Values that may differ when a run is resumed."""


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
    """Read and check a configuration.

    Giving a name drops the default's keywords, and giving losses drops the default losses.

    Args:
        file: a YAML file.
        overrides: any number of changes such as `optimizer.keywords.lr=0.001`; `losses={y: {bce: 1}}` replaces all
            losses.

    Raises:
        UserError: a key does not exist (near matches are named), a value has the wrong type, or a name is neither in
            the catalog nor in torch.
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
    """Empty the defaults that must not be mixed with what is given."""
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
    """List every value by its dotted key.

    Args:
        config: a dataclass, a dictionary or a value.
        prefix: what the keys begin with.
    """
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        config = {part.name: getattr(config, part.name) for part in dataclasses.fields(config)}
    if not isinstance(config, dict):
        return {prefix.rstrip("."): config}
    return {key: value for name, part in config.items() for key, value in flatten(part, f"{prefix}{name}.").items()}


def write_config(config: TrainingConfig, file: Path) -> None:
    """Write a configuration to the folder of its run.

    Args:
        config: the configuration.
        file: the YAML file.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.{os.getpid()}")  # several processes may start at once
    new.write_text(OmegaConf.to_yaml(OmegaConf.structured(config)))
    new.replace(file)


def check_goes_on(config: TrainingConfig, file: Path) -> None:
    """Check that a run was started with the same configuration.

    Args:
        config: the configuration with which the run is to be resumed.
        file: the YAML file that the run has written.

    Raises:
        UserError: the configurations differ; the message says how.
    """
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
