"""Pictures of training samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from iis_core.clicks import order_clicks
from iis_core.files.images import write_image
from iis_core.report.pictures import render_object


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
