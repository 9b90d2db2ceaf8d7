"""What a training says while it runs: a bar on a terminal, a line for every epoch, and no notices of Lightning's."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar

from iis_lightning.validation import NumberOfClicks

_NOTICES = (
    ".*ended before the epoch ended.*",  # the loader knows where to resume an epoch; Lightning cannot see that it does
    ".*num_workers.*",
    ".*treespec.*",
    ".*smaller than the logging interval.*",
    ".*exists and is not empty.*",
)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning from advertising, and from repeating what is known."""
    loggers = [logging.getLogger(f"lightning.{part}") for part in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for notice in _NOTICES:
                warnings.filterwarnings("ignore", message=notice)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


class Bar(RichProgressBar):
    """A progress bar with the loss and the last number of clicks.

    Args:
        validation: the validation, None without one.
    """

    def __init__(self, validation: NumberOfClicks | None) -> None:
        super().__init__(console_kwargs={"stderr": True})
        self._validation = validation

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        metrics = super().get_metrics(trainer, pl_module)
        metrics.pop("v_num", None)
        return {**metrics, **describe_clicks(self._validation)}


class Progress(Callback):
    """Prints a line for every epoch.

    Args:
        validation: the validation, None without one.
    """

    def __init__(self, validation: NumberOfClicks | None) -> None:
        self._validation = validation
        self._losses: list[torch.Tensor] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._losses.append(outputs["loss"].detach())

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        loss = float(torch.stack(self._losses).mean()) if self._losses else float("nan")
        self._losses = []
        of = f" of {trainer.max_epochs}" if (trainer.max_epochs or 0) > 0 else ""
        clicks = "".join(f"   {name} {value}" for name, value in describe_clicks(self._validation).items())
        line = f"epoch {trainer.current_epoch + 1}{of}   step {trainer.global_step}   loss {loss:.4f}{clicks}"
        if not trainer.is_global_zero:
            return
        if trainer.progress_bar_callback is None:
            click.echo(line, err=True)
        else:
            trainer.progress_bar_callback.print(line)


def describe_clicks(validation: NumberOfClicks | None) -> dict[str, str]:
    """Describe the last validation: numbers of clicks by name, nothing before the first one."""
    if validation is None or not validation.history:
        return {}
    last = validation.history[max(validation.history)]
    return {name: f"{value:.2f}" for name, value in last.items() if name != "masks"}
