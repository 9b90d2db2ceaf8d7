"""Batches in an order that depends on seed and epoch alone, from any position in an epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from iis_core import UserError, load_dataset, load_selector
from iis_core.datasets import RegionBatch, RegionDataset, collate
from iis_core.seeding import generator
from iis_lightning.config import Data
from iis_lightning.named import build_augmentation

Place = tuple[int, int]
"""Epoch and index of a sample."""


def open_training_data(data: Data, seed: int) -> RegionDataset:
    """The dataset that a configuration describes."""
    return RegionDataset(
        load_dataset(data.dataset.name, **data.dataset.keywords),
        load_selector(data.selector.name, **data.selector.keywords),
        augment=None if data.augment is None else build_augmentation(data.augment),
        background_probability=data.background_probability,
        seed=seed,
    )


class Epochs(Dataset[RegionBatch]):
    """A `RegionDataset` that is told the epoch with every index, so that reading processes know it too."""

    def __init__(self, dataset: RegionDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, place: Place) -> RegionBatch:
        epoch, index = place
        self.dataset.set_epoch(epoch)
        return self.dataset[index]


def strip_traceback(error: UserError) -> UserError:
    """An error of a reading process, which torch hands over with the whole traceback as its message."""
    marker = f"{type(error).__name__}: "
    return type(error)(str(error).rstrip().rsplit(marker, 1)[-1])


class Batches(Sampler[list[Place]]):
    """A process's part of every batch: of each global batch of the shuffled samples every `of`-th one.

    size: of the dataset. batch_size: of each process. number, of: which process, of how many.
    position: gives the epoch and how many of its batches have been had already.

    What does not fill a batch of all processes is left out, other samples in every epoch.
    Raises UserError where not even one batch can be filled.
    """

    def __init__(
        self, size: int, batch_size: int, seed: int, position: Callable[[], Place], number: int = 0, of: int = 1
    ) -> None:
        if size < batch_size * of:
            raise UserError(f"{size} samples do not fill a batch of {batch_size * of}: lower data.batch_size")
        self.size, self.batch_size, self.seed = size, batch_size, seed
        self.position, self.number, self.of = position, number, of

    def __len__(self) -> int:
        """Of a whole epoch, wherever it begins."""
        return self.size // (self.batch_size * self.of)

    def __iter__(self) -> Iterator[list[Place]]:
        epoch, had = self.position()
        order = generator(self.seed, epoch, "", "order").permutation(self.size)
        whole = self.batch_size * self.of
        for batch in range(had, len(self)):
            own = order[batch * whole + self.number : (batch + 1) * whole : self.of]
            yield [(epoch, int(index)) for index in own]


def make_loader(dataset: RegionDataset, batches: Batches, workers: int) -> DataLoader[Any]:
    """Of whole batches, collated."""
    # With a generator of its own it leaves the network's random numbers alone, of which it else draws at every epoch.
    own = torch.Generator()
    return DataLoader(Epochs(dataset), batch_sampler=batches, num_workers=workers, collate_fn=collate, generator=own)


def make_generators(batch: RegionBatch, seed: int, epoch: int, purpose: str) -> list[np.random.Generator]:
    """One for each element, by its id: the same whatever it is batched with."""
    return [generator(seed, epoch, str(info["id"]), purpose) for info in batch.info]
