"""Batches in an order that depends only on seed and epoch, from any position in an epoch."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from iis_core import UserError, load_dataset, load_selector
from iis_core.datasets import RegionBatch, RegionDataset, collate
from iis_core.seeding import generator
from iis_lightning.augmentation import build_augmentation
from iis_lightning.config import Data

Place = tuple[int, int]
"""Epoch and index of a sample."""


def open_training_data(data: Data, seed: int) -> RegionDataset:
    """Open the dataset that a configuration describes.

    Args:
        data: the configuration.
        seed: seed of all random choices.
    """
    return RegionDataset(
        load_dataset(data.dataset.name, **data.dataset.keywords),
        load_selector(data.selector.name, **data.selector.keywords),
        augment=None if data.augment is None else build_augmentation(data.augment),
        background_probability=data.background_probability,
        seed=seed,
    )


class Epochs(Dataset[RegionBatch]):
    """A `RegionDataset` that is told the epoch with every index, so that reading processes know it too.

    Args:
        dataset: the dataset.
    """

    def __init__(self, dataset: RegionDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, place: Place) -> RegionBatch:
        epoch, index = place
        self.dataset.set_epoch(epoch)
        return self.dataset[index]


def strip_traceback(error: UserError) -> UserError:
    """Strip an error from a reading process of the traceback that torch puts into its message.

    Args:
        error: the error that torch raises.
    """
    marker = f"{type(error).__name__}: "
    return type(error)(str(error).rstrip().rsplit(marker, 1)[-1])


class Batches(Sampler[list[Place]]):
    """One process's share of every batch: every `of`-th sample of each global batch of the shuffled samples.

    Samples that do not fill a batch of all processes are left out; they are others in every epoch.

    Args:
        size: number of samples in the dataset.
        batch_size: number of samples in a batch, for each process.
        seed: seed of the order.
        position: gives the epoch and how many of its batches are already done.
        number: which process this is, from 0.
        of: number of processes.

    Raises:
        UserError: not even one batch can be filled.
    """

    def __init__(
        self, size: int, batch_size: int, seed: int, position: Callable[[], Place], number: int = 0, of: int = 1
    ) -> None:
        if size < batch_size * of:
            raise UserError(f"{size} samples do not fill a batch of {batch_size * of}: lower data.batch_size")
        self.size, self.batch_size, self.seed = size, batch_size, seed
        self.position, self.number, self.of = position, number, of

    def __len__(self) -> int:
        """The number of batches in a whole epoch, wherever it begins."""
        return self.size // (self.batch_size * self.of)

    def __iter__(self) -> Iterator[list[Place]]:
        epoch, had = self.position()
        order = generator(self.seed, epoch, "", "order").permutation(self.size)
        whole = self.batch_size * self.of
        for batch in range(had, len(self)):
            own = order[batch * whole + self.number : (batch + 1) * whole : self.of]
            yield [(epoch, int(index)) for index in own]


def make_loader(dataset: RegionDataset, batches: Batches, workers: int) -> DataLoader[Any]:
    """Make a loader of collated batches.

    Args:
        dataset: the dataset.
        batches: which samples are in each batch.
        workers: number of reading processes.
    """
    # Without a generator of its own the loader would draw from that of the network at every epoch.
    own = torch.Generator()
    return DataLoader(
        Epochs(dataset),
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=collate,
        generator=own,
        worker_init_fn=_heed_parent,
    )


def _heed_parent(worker: int) -> None:
    """Ignore a Ctrl-C or SIGTERM that goes to all processes: the training takes a step more, and then ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)


def make_generators(batch: RegionBatch, seed: int, epoch: int, purpose: str) -> list[np.random.Generator]:
    """Make a generator for each element from its id, so that it does not depend on the rest of the batch.

    Args:
        batch: the samples.
        seed: seed of the run.
        epoch: the epoch.
        purpose: what the random numbers are for.
    """
    return [generator(seed, epoch, str(info["id"]), purpose) for info in batch.info]
