"""Beside training: random states in checkpoints, pictures, validation by clicks."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger

import iis_core
from iis_core.evaluation.pictures import draw
from iis_core.images import write_image
from iis_core.metrics import mean_iou_at, mean_noc, usual_thresholds
from iis_lightning.config import Validation


class RandomStates(Callback):
    """Keeps the random states of the process that writes checkpoints, and takes them up at the next batch.

    Clicks and samples draw from generators of their own; this is for what a network draws, such as dropout.
    """

    def __init__(self) -> None:
        self._kept: Mapping[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        _, numbers, *rest = np.random.get_state(legacy=True)
        return {
            "python": random.getstate(),
            "numpy": (torch.from_numpy(np.asarray(numbers, dtype=np.int64)), [*rest]),
            "torch": torch.get_rng_state(),
            "devices": devices,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._kept = state_dict

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if self._kept is None:
            return
        version, internal, gauss = self._kept["python"]
        random.setstate((version, tuple(internal), gauss))
        numbers, rest = self._kept["numpy"]
        np.random.set_state(("MT19937", numbers.numpy().astype(np.uint32), *rest))
        torch.set_rng_state(self._kept["torch"])
        for device, state in enumerate(self._kept["devices"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(state, device)
        self._kept = None


class Pictures(Callback):
    """Draws the first element of every so many batches: clicks, target, prediction, error."""

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
        clicks = [
            (row, col, positive)
            for pcs, ncs in zip(answered.pcs, answered.ncs, strict=True)
            for positive, own in ((True, pcs[0]), (False, ncs[0]))
            for row, col in own
        ]
        title = f"{batch.info[0]['id']}   epoch {trainer.current_epoch}, batch {batch_idx}"
        picture = draw(batch.image[0].permute(1, 2, 0).numpy(), batch.target[0, 0].numpy(), mask, clicks, title)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_image(self.folder / f"epoch{trainer.current_epoch:04d}-batch{batch_idx:06d}.png", picture)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("train", picture, trainer.global_step, dataformats="HWC")


class NumberOfClicks(Callback):
    """Evaluates the model as it is used, under a protocol, and logs its number of clicks.

    folder: of the evaluation runs, one for each epoch; each process takes its share of the objects.
    """

    def __init__(self, validation: Validation, folder: Path) -> None:
        self.validation = validation
        self.folder = folder
        self.dataset = iis_core.load_dataset(validation.dataset.name, **validation.dataset.keywords)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epoch = trainer.current_epoch
        if (epoch + 1) % self.validation.every_n_epochs:
            return
        model: Any = pl_module.model
        model.eval()
        run = iis_core.evaluate(
            model,
            self.dataset,
            self.validation.protocol,
            out=self.folder / f"epoch{epoch:04d}",
            limit=self.validation.limit,
            identity={"training": str(self.folder.parent), "epoch": epoch, "step": trainer.global_step},
        )
        trainer.strategy.barrier()
        run = iis_core.read_run(run.path)
        model.train()
        found = {
            f"val/NoC@{100 * iou:.0f}": mean_noc(run.records, iou, run.protocol)
            for iou in usual_thresholds(run.protocol)
        }
        if run.protocol.stop_iou is None:
            found["val/mIoU@5"] = mean_iou_at(run.records, 5, run.protocol)
        pl_module.log_dict({name: float(value) for name, value in found.items()}, rank_zero_only=True)
