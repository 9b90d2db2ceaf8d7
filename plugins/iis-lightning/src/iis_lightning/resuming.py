"""Putting a checkpoint into a training: does it fit, and which settings hold from now on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from iis_core import UserError
from iis_lightning.config import TrainingConfig, flatten

_SHOWN = 3


def settings_of(config: TrainingConfig) -> dict[str, Any]:
    """Return the settings that a checkpoint's optimizer and schedule were made with, as plain values."""
    return flatten({"optimizer": config.optimizer, "schedule": config.schedule})


def check_fits(module: nn.Module, state: Mapping[str, Any], path: object) -> None:
    """Check that the weights in a checkpoint are those of a module.

    Args:
        module: the module that is trained.
        state: the state dict in the checkpoint.
        path: the checkpoint, for the message.

    Raises:
        UserError: names or shapes differ.
    """
    wanted = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    found = {name: tuple(getattr(value, "shape", ())) for name, value in state.items()}
    wrong = [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]
    if wrong:
        raise UserError(
            f"{path} is of another model, {len(wrong)} parameters differ ({', '.join(wrong[:_SHOWN])}, ...): put this "
            "training's checkpoint back, or choose another out"
        )


def replace_settings(checkpoint: dict[str, Any], made: Any) -> None:
    """Give a checkpoint's optimizer and schedule the settings of new ones, as if these had held from the beginning.

    The optimizer keeps what it has gathered, such as momenta; the schedule keeps its place.

    Args:
        checkpoint: the checkpoint; it is changed.
        made: a new optimizer, alone or with its schedule, as of `configure_optimizers`.
    """
    optimizer = made["optimizer"] if isinstance(made, dict) else made
    schedule = made["lr_scheduler"]["scheduler"] if isinstance(made, dict) else None
    done = checkpoint["lr_schedulers"][0]["last_epoch"] if checkpoint["lr_schedulers"] else 0
    if schedule is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch wants an optimizer step before each
            for _ in range(done):
                schedule.step()
    checkpoint["lr_schedulers"] = [] if schedule is None else [schedule.state_dict()]
    new, old = optimizer.state_dict()["param_groups"], checkpoint["optimizer_states"][0]
    old["param_groups"] = [
        {**group, "params": kept["params"]} for group, kept in zip(new, old["param_groups"], strict=True)
    ]


def find_bad_parameters(module: nn.Module) -> list[str]:
    """List the parameters that are no longer finite."""
    return [name for name, value in module.named_parameters() if not torch.isfinite(value).all()]
