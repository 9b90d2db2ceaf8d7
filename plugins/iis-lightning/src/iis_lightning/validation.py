"""Validation during training: a number of clicks, and the model that had the best."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

import iis_core
from iis_core import UserError
from iis_core.evaluation.protocols import Protocol
from iis_core.evaluation.records import Record
from iis_core.files.writing import explain_write_errors
from iis_core.metrics import mean_noc, usual_thresholds
from iis_core.models.weights import save_model
from iis_lightning.config import Validation
from iis_lightning.folder import REMEDY, TrainingFolder
from iis_lightning.stopping import StopRequest


class NumberOfClicks(Callback):
    """Evaluates the model under a protocol, as it is used, logs its number of clicks, and keeps the best model.

    Each process takes its share of the objects.

    Args:
        validation: what is evaluated, and when.
        folder: the folder of the training, with one evaluation run for each epoch.
        request: the request to stop, which is heeded after every object.

    Attributes:
        history: what was found, by epoch: numbers of clicks by name, and `masks`, which is "empty" or "full" where
            every last mask is.
    """

    def __init__(self, validation: Validation, folder: TrainingFolder, request: StopRequest) -> None:
        self.validation = validation
        self.folder = folder
        self.request = request
        self.history: dict[int, dict[str, Any]] = {}
        self.dataset = iis_core.load_dataset(validation.dataset.name, **validation.dataset.keywords)

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history = state_dict["history"]

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

    @property
    def best(self) -> int | None:
        """The first epoch with the lowest number of clicks, averaged over the thresholds; None before any."""
        return min(self.history, key=lambda epoch: (_average(self.history[epoch]), epoch), default=None)

    def _evaluate(self, trainer: Trainer, pl_module: LightningModule, epoch: int) -> None:
        if (epoch + 1) % self.validation.every_n_epochs or epoch in self.history:
            return
        model: Any = pl_module.model
        # The weights are part of the name, so that an epoch that is trained again never resumes the records of another.
        weights = _compute_digest(model)
        out = self.folder.out / "validation" / f"epoch{epoch:04d}-{weights[:8]}"
        is_done = (out / "run.json").exists() and iis_core.read_run(out).is_complete
        trainer.strategy.barrier()  # no process may write before all have looked
        if not is_done:
            was_training = model.training
            model.eval()
            iis_core.evaluate(
                model,
                self.dataset,
                self.validation.protocol,
                out=out,
                limit=self.validation.limit,
                identity={"weights": weights},
                # Alone: of several processes all must stop after the same step.
                watch=_Watch(self.request) if trainer.world_size == 1 else None,
            )
            model.train(was_training)
            trainer.strategy.barrier()
        run = iis_core.read_run(out)
        if run.failures:
            first = f"{run.failures[0].id}: {run.failures[0].reason}"
            raise UserError(f"validation: {len(run.failures)} of {run.objects} objects failed, the first is {first}")
        self.history[epoch] = _summarise(run.records, run.protocol)
        if trainer.is_global_zero:
            found = {f"val/{name}": value for name, value in self.history[epoch].items() if name != "masks"}
            for logger in trainer.loggers:
                logger.log_metrics({"epoch": epoch, **found}, step=trainer.global_step - 1)
            if self.best == epoch:
                _keep_model(model, self.folder.best)


class _Watch:
    """Stops an evaluation after the object at which it was requested."""

    def __init__(self, request: StopRequest) -> None:
        self.request = request

    def start(self, objects: int, protocol: Protocol) -> None:
        self.add()

    def add(self, record: Record | None = None) -> None:
        self.request.stop_if_requested("the checkpoint is that of the epoch's end, the validation goes on where it is")

    def fail(self, failure: object) -> None:
        self.add()


def _summarise(records: tuple[Record, ...], protocol: Protocol) -> dict[str, Any]:
    found: dict[str, Any] = {
        f"NoC@{100 * iou:.0f}": mean_noc(records, iou, protocol) for iou in usual_thresholds(protocol)
    }
    last = [(record.clicks[-1].counts if record.clicks else record.initial, record.shape) for record in records]
    if all(counts.tp + counts.fp == 0 for counts, _ in last):
        found["masks"] = "empty"
    elif all(counts.fn == 0 and counts.tp + counts.fp > 0.95 * height * width for counts, (height, width) in last):
        found["masks"] = "full"
    return found


def _average(found: dict[str, Any]) -> float:
    numbers = [float(value) for name, value in found.items() if name != "masks"]
    return sum(numbers) / len(numbers)


def _keep_model(model: object, folder: Path) -> None:
    """Write a model folder over another one of the same network; a kill leaves one of the two."""
    new = folder.with_name(f".{folder.name}")
    with explain_write_errors(folder, REMEDY):
        shutil.rmtree(new, ignore_errors=True)
        save_model(new, model)
        folder.mkdir(exist_ok=True)
        for file in ("model.json", "model.safetensors"):
            (new / file).replace(folder / file)
        new.rmdir()


def _compute_digest(module: torch.nn.Module) -> str:
    """Compute the SHA-256 of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
