"""Training in a process that can be killed: importable, so that a new process finds it."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from iis_lightning import train as training
from iis_lightning.config import read_training_config

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["iis_lightning.train", "iis_datasets", "segmentation_models_pytorch"])


def train_and_hold(file: Path, overrides: Sequence[str], checkpoints: int, written: Event) -> None:
    """Train, and wait for the end of this process in the step after so many checkpoints."""
    multiprocessing.set_start_method("fork", force=True)  # as in `iis train`; else readers outlive their killed parent
    save, left = training.Trainer.save_checkpoint, checkpoints

    def save_or_hold(*arguments: Any, **keywords: Any) -> None:
        nonlocal left
        if left == 0:
            written.set()
            while True:
                time.sleep(1)
        save(*arguments, **keywords)
        left -= 1

    training.Trainer.save_checkpoint = save_or_hold
    training.train(read_training_config(file, overrides))
