"""Callbacks of training: random states in checkpoints, checkpoints, pictures, validation by clicks."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch import distributed

import iis_core
from iis_core.clicks import order_clicks
from iis_core.files.images import write_image
from iis_core.metrics import mean_noc, usual_thresholds
from iis_core.report.pictures import render_object
from iis_lightning.config import Validation


class RandomStates(Callback):
    """Keeps the random states of all processes in checkpoints, and restores them at the next batch.

    Clicks and samples draw from generators of their own; this is for random numbers in a network, such as dropout.
    """

    def __init__(self) -> None:
        self._kept: list[dict[str, Any]] = []

    def state_dict(self) -> dict[str, Any]:
        states: list[Any] = [_get_random_states()]
        if distributed.is_available() and distributed.is_initialized():
            states = [None] * distributed.get_world_size()
            distributed.all_gather_object(states, _get_random_states())
        return {"processes": states}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._kept = state_dict["processes"]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_rank < len(self._kept):
            _set_random_states(self._kept[trainer.global_rank])
        self._kept = []


def _get_random_states() -> dict[str, Any]:
    _, numbers, *rest = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": (torch.from_numpy(np.asarray(numbers, dtype=np.int64)), [*rest]),
        "torch": torch.get_rng_state(),
        "device": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
    }


def _set_random_states(states: dict[str, Any]) -> None:
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    numbers, rest = states["numpy"]
    np.random.set_state(("MT19937", numbers.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(states["torch"])
    if states["device"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["device"])


class Checkpoints(Callback):
    """Writes a checkpoint at regular intervals and at the end of every epoch, over the previous one.

    It never writes between the last batch of an epoch and the epoch's end, from where Lightning does not resume
    reliably.

    Args:
        file: the checkpoint.
        every: interval in optimizer steps.
    """

    def __init__(self, file: Path, every: int) -> None:
        self.file = file
        self.every = every
        self._written = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        is_due = trainer.global_step % self.every == 0 and trainer.global_step != self._written
        if is_due and not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self._write(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        self._written = trainer.global_step
        trainer.save_checkpoint(self.file)


class Pictures(Callback):
    """Renders the first element of a batch at regular intervals: clicks, target, prediction, error.

    Args:
        folder: where the pictures are written.
        every: interval in batches.
    """

    def __init__(self, folder: Path, every: int) -> None:
        self.folder = folder
        self.every = every

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not trainer.is_global_zero or batch_idx % self.every:
            return
        answered = outputs["answered"]
        mask = (answered.outputs["y"][0, 0].detach() > 0).cpu().numpy()
        clicks = order_clicks(answered.pcs, answered.ncs, element=0)
        title = f"{batch.info[0]['id']}   epoch {trainer.current_epoch}, batch {batch_idx}"
        picture = render_object(
            batch.image[0].permute(1, 2, 0).numpy(), batch.target[0, 0].numpy(), mask, clicks, title
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        write_image(self.folder / f"epoch{trainer.current_epoch:04d}-batch{batch_idx:06d}.png", picture)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("train", picture, trainer.global_step, dataformats="HWC")


class NumberOfClicks(Callback):
    """Evaluates the model under a protocol, as it is used, and logs its number of clicks.

    Each process takes its share of the objects.

    Args:
        validation: what is evaluated, and when.
        folder: where the evaluation runs are written, one for each epoch.
    """

    def __init__(self, validation: Validation, folder: Path) -> None:
        self.validation = validation
        self.folder = folder
        self.dataset = iis_core.load_dataset(validation.dataset.name, **validation.dataset.keywords)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.catch_up(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._evaluate(trainer, pl_module, trainer.current_epoch)

    def catch_up(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Evaluate an epoch that has just ended, in case the run was killed after the epoch's last checkpoint.

        Args:
            trainer: the trainer.
            pl_module: a `ClickTraining`.
        """
        had = trainer.fit_loop.epoch_loop.batch_progress.current.ready
        if trainer.global_step and had in (0, trainer.num_training_batches):
            self._evaluate(trainer, pl_module, trainer.current_epoch - 1)

    def _evaluate(self, trainer: Trainer, pl_module: LightningModule, epoch: int) -> None:
        if (epoch + 1) % self.validation.every_n_epochs:
            return
        model: Any = pl_module.model
        # The weights are part of the name, so that an epoch that is trained again never resumes the records of another.
        weights = _compute_digest(model)
        out = self.folder / f"epoch{epoch:04d}-{weights[:8]}"
        is_done = (out / "run.json").exists() and iis_core.read_run(out).is_complete
        trainer.strategy.barrier()  # no process may write before all have looked
        if is_done:
            return
        was_training = model.training
        model.eval()
        iis_core.evaluate(
            model,
            self.dataset,
            self.validation.protocol,
            out=out,
            limit=self.validation.limit,
            identity={"weights": weights},
        )
        trainer.strategy.barrier()
        run = iis_core.read_run(out)
        model.train(was_training)
        thresholds = usual_thresholds(run.protocol)
        found = {f"val/NoC@{100 * iou:.0f}": mean_noc(run.records, iou, run.protocol) for iou in thresholds}
        if trainer.is_global_zero:
            for logger in trainer.loggers:
                logger.log_metrics(found, step=trainer.global_step)


def _compute_digest(module: torch.nn.Module) -> str:
    """Compute the SHA-256 of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
