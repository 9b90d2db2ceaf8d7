"""Building what a training needs, and trying what can only be known by trying."""

from __future__ import annotations

import copy
import sys
from collections.abc import Sequence
from typing import Any

import torch
from lightning import Callback, Trainer, seed_everything
from lightning.pytorch.loggers.logger import Logger

from iis_core import UserError, load_model
from iis_core.datasets import RegionDataset, collate
from iis_core.errors import name_of
from iis_lightning.checkpoints import CheckpointFiles
from iis_lightning.config import Named, TrainingConfig
from iis_lightning.folder import TrainingFolder
from iis_lightning.module import ClickTraining
from iis_lightning.named import call_with


def build_module(config: TrainingConfig) -> ClickTraining:
    """Build the model and the way it is trained.

    Args:
        config: the configuration.
    """
    seed_everything(config.seed, verbose=False)
    return ClickTraining(load_model(config.model.name, **config.model.keywords), config).train()


def build_trainer(
    config: TrainingConfig,
    folder: TrainingFolder,
    callbacks: Sequence[Callback],
    loggers: Sequence[Logger],
    files: CheckpointFiles | None = None,
) -> Trainer:
    """Build Lightning's trainer.

    Args:
        config: the configuration.
        folder: the folder of the training.
        callbacks: what takes part.
        loggers: what writes metrics.
        files: what reads and writes checkpoints; None where there are none.
    """
    ours = {
        "default_root_dir": str(folder.out),
        "callbacks": [*callbacks],
        "logger": [*loggers],
        "plugins": [] if files is None else [files],
        "enable_checkpointing": False,
        "use_distributed_sampler": False,
    }
    usual = {"enable_model_summary": False, "num_sanity_val_steps": 0, "enable_progress_bar": sys.stderr.isatty()}
    made: Trainer = call_with(
        lambda **keywords: Trainer(**{**ours, **keywords}), Named("Trainer", {**usual, **config.trainer}), "trainer"
    )
    return made


def check_batch_of_one(module: ClickTraining, dataset: RegionDataset) -> None:
    """Check that a batch of one sample can be trained on, where that is the batch size.

    Networks that pool to one pixel and normalise over the batch need two.

    Args:
        module: the model; it stays as it is.
        dataset: the training samples.

    Raises:
        UserError: it cannot.
    """
    if module.config.data.batch_size > 1:
        return
    model: Any = copy.deepcopy(module.model).train()
    batch = collate([dataset[0]])
    x = batch.image.to(model.device).float() / 255
    with torch.random.fork_rng(), torch.no_grad():
        z = model.initialize_z(x, torch.zeros_like(batch.target), None)
        try:
            model.logits(x, z, [[[]]], [[[]]])
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise UserError(
                f"data.batch_size 1 is too small for {name_of(module.model)}, which normalises one pixel over the "
                "batch: use 2 or more"
            ) from error
