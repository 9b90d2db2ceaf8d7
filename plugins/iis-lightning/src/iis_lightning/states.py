"""Random states in checkpoints."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from torch import distributed


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
