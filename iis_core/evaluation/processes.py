"""Several processes on one run: which of them this one is."""

from __future__ import annotations

import os
from typing import NamedTuple

import torch


class Rank(NamedTuple):
    """The number of this process, from 0, and of how many."""

    number: int = 0
    of: int = 1


def this_rank() -> Rank:
    """As `torch.distributed` has it where it is initialised, else as `torchrun` has set the environment."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return Rank(torch.distributed.get_rank(), torch.distributed.get_world_size())
    if "RANK" in os.environ and "WORLD_SIZE" in os.environ:
        return Rank(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    return Rank()


def own_device(device: str) -> str:
    """`cuda` is this process's own GPU where `torchrun` has started one process for each."""
    return f"cuda:{os.environ['LOCAL_RANK']}" if device == "cuda" and "LOCAL_RANK" in os.environ else device
