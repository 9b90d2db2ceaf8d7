"""Which of the processes of a run this one is."""

from __future__ import annotations

import os
from typing import NamedTuple

import torch


class Rank(NamedTuple):
    """The place of this process in a run.

    Args:
        number: its number, from 0.
        of: the number of processes.
    """

    number: int = 0
    of: int = 1


def this_rank() -> Rank:
    """Read the rank from `torch.distributed` where it is initialised, else from the environment set by `torchrun`."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return Rank(torch.distributed.get_rank(), torch.distributed.get_world_size())
    if "RANK" in os.environ and "WORLD_SIZE" in os.environ:
        return Rank(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    return Rank()


def own_device(device: str) -> str:
    """Return the device, with this process's own GPU for "cuda" where `torchrun` has started one process per GPU."""
    return f"cuda:{os.environ['LOCAL_RANK']}" if device == "cuda" and "LOCAL_RANK" in os.environ else device
