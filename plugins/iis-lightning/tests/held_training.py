"""What runs in a process that can be stopped or killed: importable, so that a new process finds it."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import torch
from iis_lightning.checking import read_training_config
from iis_lightning.checkpoints import write_checkpoint
from iis_lightning.train import train
from lightning import Trainer

from iis_core.cli.main import main

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["iis_lightning.train", "iis_datasets", "segmentation_models_pytorch"])


def train_and_hold(file: Path, overrides: Sequence[str], checkpoints: int, written: Event) -> None:
    """Train, and wait for the end of this process in the step after so many checkpoints."""
    multiprocessing.set_start_method("fork", force=True)  # as in `iis train`; else readers outlive their killed parent
    save, left = Trainer.save_checkpoint, checkpoints

    def save_or_hold(*arguments: Any, **keywords: Any) -> None:
        nonlocal left
        if left == 0:
            written.set()
            while True:
                time.sleep(1)
        save(*arguments, **keywords)
        left -= 1

    Trainer.save_checkpoint = save_or_hold
    train(read_training_config(file, overrides))


def write_without_end(file: Path, checkpoint: dict[str, Any], epoch: int, begun: Event) -> None:
    """Write one large checkpoint after the other."""
    begun.set()
    while True:
        epoch += 1
        write_checkpoint(file, {**checkpoint, "epoch": epoch, "bulk": torch.rand(1 << 20)})


def run_command(arguments: Sequence[str], checkpoints: int, written: Event, said: Path) -> None:
    """Run `iis`, tell when so many checkpoints are written, and keep what it says."""
    os.dup2(os.open(said, os.O_CREAT | os.O_WRONLY), 2)
    save, left = Trainer.save_checkpoint, checkpoints

    def save_and_tell(*positional: Any, **keywords: Any) -> None:
        nonlocal left
        save(*positional, **keywords)
        left -= 1
        if left == 0:
            written.set()

    Trainer.save_checkpoint = save_and_tell
    sys.argv = ["iis", *arguments]
    main()
