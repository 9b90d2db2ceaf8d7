"""Training from a configuration to a model folder: build everything, train, resume a training that was stopped."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from lightning import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import TensorBoardLogger

from iis_core import UserError
from iis_core.files.writing import explain_write_errors, write_json
from iis_core.models.weights import save_model
from iis_lightning.building import build_module, build_trainer, check_batch_of_one
from iis_lightning.checkpoints import CheckpointFiles, read_checkpoint
from iis_lightning.config import TrainingConfig
from iis_lightning.data import Batches, Place, make_loader, open_training_data, strip_traceback
from iis_lightning.folder import REMEDY, TrainingFolder
from iis_lightning.metrics import MetricsFile, read_metrics
from iis_lightning.module import ClickTraining
from iis_lightning.pictures import Pictures
from iis_lightning.progress import Bar, Progress, quiet
from iis_lightning.states import RandomStates
from iis_lightning.stopping import Checkpoints, StopRequest
from iis_lightning.summary import describe, draw_curve, summarise
from iis_lightning.validation import NumberOfClicks


def train(config: TrainingConfig, *, resume_with: Sequence[str] = ()) -> Path:
    """Train a model, or resume a training that was stopped.

    A training that was stopped or killed resumes from its last checkpoint with the same samples, clicks and random
    numbers, and ends with the same weights as one that was not. One that is finished is left as it is.

    Args:
        config: the configuration.
        resume_with: keys of the optimizer, the schedule, gradient clipping or precision whose values in `config` may
            differ from those that the training was started with; they hold from the last checkpoint on.

    Returns:
        The model folder, `out/model`.

    Raises:
        UserError: something that is built or called raises it, another training writes to `out`, or the checkpoint is
            damaged; what was written is kept.
        ContractError: likewise.
        Stopped: Ctrl-C or SIGTERM; there is a checkpoint of that moment.
    """
    folder = TrainingFolder.of(config)
    if not resume_with and folder.find_summary(config) is not None:
        return folder.model
    with quiet(), explain_write_errors(folder.out, REMEDY):
        parts = _prepare(config, folder)
        if not parts.trainer.is_global_zero:
            _run(config, folder, parts)
            return folder.model
        with folder.hold():
            changes = folder.check_goes_on(config, resume_with)
            if folder.is_begun:
                parts.files.loaded = read_checkpoint(folder.last)
                if changes:
                    folder.note_changes(changes, parts.files.loaded["global_step"])
            _run(config, folder, parts)
    return folder.model


@dataclass(frozen=True)
class _Parts:
    """What takes part in a training beside the model and the samples."""

    request: StopRequest
    files: CheckpointFiles
    metrics: MetricsFile
    validation: NumberOfClicks | None
    trainer: Trainer


def _prepare(config: TrainingConfig, folder: TrainingFolder) -> _Parts:
    request, files, metrics = StopRequest(), CheckpointFiles(), MetricsFile(folder.metrics)
    validation = None if config.validation is None else NumberOfClicks(config.validation, folder, request)
    callbacks: list[Callback] = [RandomStates(), LearningRateMonitor()]
    callbacks.append(Checkpoints(folder.last, config.checkpoint_every, request))
    callbacks += [] if validation is None else [validation]
    callbacks.append(Progress(validation))
    if config.pictures_every:
        callbacks.append(Pictures(folder.out / "pictures", config.pictures_every))
    if sys.stderr.isatty() and config.trainer.get("enable_progress_bar", True):
        callbacks.append(Bar(validation))
    loggers = [metrics, TensorBoardLogger(folder.out, name="tensorboard", version="")]
    return _Parts(request, files, metrics, validation, build_trainer(config, folder, callbacks, loggers, files))


def _run(config: TrainingConfig, folder: TrainingFolder, parts: _Parts) -> None:
    """Build the model and the samples, train, and write the end."""
    trainer, validation = parts.trainer, parts.validation
    module = build_module(config)
    module.configure_optimizers()
    dataset = open_training_data(config.data, config.seed)
    batches = _make_batches(config, len(dataset), trainer)
    check_batch_of_one(module, dataset)
    if trainer.is_global_zero:
        folder.write_config(config)
        parts.metrics.keep_until(0 if parts.files.loaded is None else parts.files.loaded["global_step"])
    else:
        seed_everything(config.seed + trainer.global_rank, verbose=False)
    with parts.request.listening():
        _fit(trainer, module, make_loader(dataset, batches, config.data.workers), folder)
        if validation is not None:
            validation.catch_up(trainer, module)
    if trainer.is_global_zero:
        shutil.rmtree(folder.model, ignore_errors=True)
        save_model(folder.model, module.model)
        _finish(folder, parts)
    trainer.strategy.barrier()


def _finish(folder: TrainingFolder, parts: _Parts) -> None:
    """Draw the curve, and write and show the summary."""
    rows = read_metrics(folder.metrics)
    history, best = ({}, None) if parts.validation is None else (parts.validation.history, parts.validation.best)
    summary = summarise(rows, history, best, parts.trainer.current_epoch, parts.trainer.global_step)
    is_drawn = draw_curve(rows, folder.curve)
    write_json(folder.summary, summary)
    click.echo(describe(summary, folder), err=True)
    click.echo(f"curve: {folder.curve}" if is_drawn else "no curve: pip install 'iis-lightning[plot]'", err=True)


def _make_batches(config: TrainingConfig, size: int, trainer: Trainer) -> Batches:
    def position() -> Place:
        epoch, had = trainer.current_epoch, trainer.fit_loop.epoch_loop.batch_progress.current.ready
        # Reading processes start before Lightning counts on from a checkpoint at the end of an epoch.
        return (epoch, had) if had < len(batches) else (epoch + 1, 0)

    batches = Batches(size, config.data.batch_size, config.seed, position, trainer.global_rank, trainer.world_size)
    return batches


def _fit(trainer: Trainer, module: ClickTraining, batches: Any, folder: TrainingFolder) -> None:
    """Train, from the last checkpoint on if there is one."""
    try:
        trainer.fit(module, batches, ckpt_path=str(folder.last) if folder.is_begun else None, weights_only=True)
    except UserError as error:
        raise strip_traceback(error) from error
    except SystemExit as error:
        # Lightning ends the process at a Ctrl-C before the first step.
        if trainer.interrupted:
            raise KeyboardInterrupt from error
        raise
