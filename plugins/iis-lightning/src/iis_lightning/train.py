"""Training from a configuration to a model folder: build everything, train, resume a run that was stopped."""

from __future__ import annotations

import errno
import resource
import shutil
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from iis_core import UserError, load_model
from iis_core.datasets import RegionBatch
from iis_core.models.weights import save_model
from iis_lightning.callbacks import Checkpoints, NumberOfClicks, Pictures, RandomStates
from iis_lightning.config import TrainingConfig, check_goes_on, write_config
from iis_lightning.data import Batches, Place, make_loader, open_training_data, strip_traceback
from iis_lightning.module import ClickTraining
from iis_lightning.named import Named, call_with

CONFIG, CHECKPOINTS, LAST, MODEL = "config.yaml", "checkpoints", "last.ckpt", "model"


def train(config: TrainingConfig) -> Path:
    """Train a model, or resume a run that was stopped.

    A run that was stopped or killed resumes from its last checkpoint with the same samples, clicks and random numbers,
    and ends with the same weights as a run that was not.

    Args:
        config: the configuration.

    Returns:
        The model folder, `out/model`.

    Raises:
        UserError: something that is built or called raises it; the last checkpoint is kept.
        ContractError: likewise.
    """
    out = Path(config.out)
    last = out / CHECKPOINTS / LAST
    with _explain_write_errors(out):
        if last.exists():
            check_goes_on(config, out / CONFIG)
        module = _build_module(config).train()
        validation = None if config.validation is None else NumberOfClicks(config.validation, out / "validation")
        trainer = _build_trainer(config, out, [] if validation is None else [validation])
        module.configure_optimizers()
        dataset = open_training_data(config.data, config.seed)
        batches = _make_batches(config, len(dataset), trainer)
        write_config(config, out / CONFIG)
        if trainer.global_rank:
            seed_everything(config.seed + trainer.global_rank, verbose=False)
        _fit(trainer, module, make_loader(dataset, batches, config.data.workers), last)
        if validation is not None:
            validation.catch_up(trainer, module)
        if trainer.is_global_zero:
            shutil.rmtree(out / MODEL, ignore_errors=True)
            save_model(out / MODEL, module.model)
        trainer.strategy.barrier()
    return out / MODEL


def _make_batches(config: TrainingConfig, size: int, trainer: Trainer) -> Batches:
    def position() -> Place:
        epoch, had = trainer.current_epoch, trainer.fit_loop.epoch_loop.batch_progress.current.ready
        # Reading processes start before Lightning counts on from a checkpoint at the end of an epoch.
        return (epoch, had) if had < len(batches) else (epoch + 1, 0)

    batches = Batches(size, config.data.batch_size, config.seed, position, trainer.global_rank, trainer.world_size)
    return batches


def _fit(trainer: Trainer, module: ClickTraining, batches: Any, last: Path) -> None:
    """Train, from the last checkpoint on if there is one."""
    with warnings.catch_warnings():
        # The loader knows where to resume an epoch; Lightning cannot see that it does.
        warnings.filterwarnings("ignore", message=".*mid-epoch.*|.*num_workers.*|.*treespec.*")
        try:
            trainer.fit(module, batches, ckpt_path=str(last) if last.exists() else None, weights_only=True)
        except UserError as error:
            raise strip_traceback(error) from error
    if trainer.interrupted:
        raise KeyboardInterrupt


@dataclass(frozen=True)
class Trial:
    """What a dry run found.

    Args:
        batch: the first batch.
        outputs: shapes of the model's outputs, by name.
        losses: losses of the second step, by `output/name`.
        parameters: number of trained parameters, and of all.
        seconds: duration of the second step.
        memory: peak memory in bytes.
    """

    batch: RegionBatch
    outputs: dict[str, tuple[int, ...]]
    losses: dict[str, float]
    parameters: tuple[int, int]
    seconds: float
    memory: int


def try_out(config: TrainingConfig) -> Trial:
    """Build everything and take two steps on the first batch, writing nothing.

    Args:
        config: the configuration.
    """
    module = _build_module(config).train()
    trainer = _build_trainer(config, Path(config.out), None)
    device = trainer.strategy.root_device
    module.to(device)
    if config.validation is not None:
        NumberOfClicks(config.validation, Path(config.out))
    dataset = open_training_data(config.data, config.seed)
    batches = Batches(len(dataset), config.data.batch_size, config.seed, lambda: (0, 0))
    batch = next(iter(make_loader(dataset, batches, config.data.workers)))
    made = module.configure_optimizers()
    optimizer = made["optimizer"] if isinstance(made, dict) else made
    for _ in range(2):
        start = time.perf_counter()
        with trainer.precision_plugin.forward_context():
            answered = module.answer_clicks(batch, 0, 0)
            losses = module.losses(answered.outputs, batch)
        loss: Any = torch.stack([*losses.values()]).sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds = time.perf_counter() - start
    trained, everything = (
        sum(p.numel() for p in module.parameters() if p.requires_grad or not only) for only in (True, False)
    )
    return Trial(
        batch,
        {name: tuple(output.shape) for name, output in answered.outputs.items()},
        {name: float(loss.detach()) for name, loss in losses.items()},
        (trained, everything),
        seconds,
        _measure_peak_memory(device),
    )


def _build_module(config: TrainingConfig) -> ClickTraining:
    seed_everything(config.seed, verbose=False)
    return ClickTraining(load_model(config.model.name, **config.model.keywords), config)


def _build_trainer(config: TrainingConfig, out: Path, more_callbacks: Sequence[Callback] | None) -> Trainer:
    """Build a trainer with everything that writes, or with nothing that writes if more_callbacks is None."""
    callbacks: list[Any] = []
    loggers: list[Any] = []
    if more_callbacks is not None:
        checkpoints = Checkpoints(out / CHECKPOINTS / LAST, config.checkpoint_every)
        callbacks = [RandomStates(), LearningRateMonitor(), checkpoints, *more_callbacks]
        if config.pictures_every:
            callbacks.append(Pictures(out / "pictures", config.pictures_every))
        loggers = [CSVLogger(out, name="logs"), TensorBoardLogger(out, name="tensorboard")]
    more = {
        "default_root_dir": str(out),
        "callbacks": callbacks,
        "logger": loggers,
        "enable_checkpointing": False,
        "use_distributed_sampler": False,
    }
    made: Trainer = call_with(
        lambda **keywords: Trainer(**{**more, **keywords}),
        Named("Trainer", {"enable_model_summary": False, "num_sanity_val_steps": 0, **config.trainer}),
        "trainer",
    )
    return made


def _measure_peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@contextmanager
def _explain_write_errors(out: Path) -> Iterator[None]:
    """Turn errors that the user can mend, such as a full disk, into UserError."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        raise UserError(
            f"{out} cannot be written: {error.strerror}; make room and run the same command again, it goes on from the "
            "last checkpoint"
        ) from error
