"""The configuration of a training run: its keys, their defaults, and what they mean."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


@dataclass
class Named:
    """The name of something in the catalog or in torch, with keywords.

    Args:
        name: the name.
        keywords: the keywords that it is called with.
    """

    name: str = MISSING
    keywords: dict[str, Any] = field(default_factory=dict)


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
