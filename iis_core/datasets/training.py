"""Training samples: one region of every image, drawn anew in every epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from iis_core.datasets.base import SegDataset
from iis_core.datasets.regions import RegionSelector
from iis_core.errors import UserError, name_of
from iis_core.seeding import generator
from iis_core.types import Region, Sample

Augmentation = Callable[[np.ndarray, Region, np.random.Generator], tuple[np.ndarray, Region]]
"""`(image uint8 (H, W, 3), region, rng) -> (image, region)`, all arrays of the new region of one new size."""

_ATTEMPTS = 10


@dataclass(frozen=True, eq=False)
class RegionBatch:
    """One training sample, or a batch of them.

    Args:
        image: uint8 (3, H, W), or (B, 3, H, W).
        target: int8 (1, H, W), or (B, 1, H, W); 1 object, 0 background, -1 ignore.
        region: the region of each element, as selected and augmented.
        info: the info of each element's sample.
    """

    image: Tensor
    target: Tensor
    region: tuple[Region, ...]
    info: tuple[Mapping[str, Any], ...]


class RegionDataset(torch.utils.data.Dataset[RegionBatch]):
    """Training samples: one region of every image of a dataset, selected and augmented.

    The result depends on the seed, the epoch and the sample's id alone, not on the order, the batch or the number of
    workers; call `set_epoch` before every epoch. A region without object pixels is drawn again.

    Args:
        dataset: the images.
        selector: chooses the region.
        augment: changes the image and the region; None leaves them as they are.
        background_probability: how often a sample has no object, so that all of it is background.
        seed: the seed of everything that is drawn.

    Raises:
        UserError: the probability lies outside [0, 1], or, on reading, ten regions in a row have no object pixels.
    """

    def __init__(
        self,
        dataset: SegDataset,
        selector: RegionSelector,
        *,
        augment: Augmentation | None = None,
        background_probability: float = 0.0,
        seed: int = 0,
    ) -> None:
        if not 0 <= background_probability <= 1:
            raise UserError(f"background_probability must lie in [0, 1], not {background_probability}")
        self.dataset = dataset
        self.selector = selector
        self.augment = augment
        self.background_probability = background_probability
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Start an epoch, for which everything is drawn anew.

        Args:
            epoch: its number.
        """
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> RegionBatch:
        sample = self.dataset[index]
        rng = generator(self.seed, self.epoch, str(sample.info["id"]), "region")
        is_background = rng.random() < self.background_probability
        for _ in range(_ATTEMPTS):
            image, region = self._draw_region(sample, is_background, rng)
            if is_background or (region.target == 1).any():
                pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
                target = torch.from_numpy(region.target.astype(np.int8)[None])
                return RegionBatch(pixels, target, (region,), (sample.info,))
        raise UserError(
            f"{sample.info['id']} of {name_of(self.dataset)} ({sample.info['path']}) gave no object pixels in "
            f"{_ATTEMPTS} draws: leave it out, or choose another selector, augmentation or background_probability"
        )

    def _draw_region(self, sample: Sample, is_background: bool, rng: np.random.Generator) -> tuple[np.ndarray, Region]:
        if is_background:
            ignored, others = np.any(sample.masks == -1, axis=2), np.asarray(np.any(sample.masks > 0, axis=2))
            region = Region(-ignored.astype(np.int8), others)
        else:
            region = self.selector(sample.image, sample.masks, sample.info, rng)
        return (sample.image, region) if self.augment is None else self.augment(sample.image, region, rng)


def collate(samples: Sequence[RegionBatch]) -> RegionBatch:
    """Join samples of one size into a batch, for `torch.utils.data.DataLoader(collate_fn=)`.

    Args:
        samples: the samples.

    Returns:
        The batch.

    Raises:
        UserError: the samples differ in size.
    """
    sizes = {tuple(sample.image.shape[-2:]) for sample in samples}
    if len(sizes) > 1:
        raise UserError(f"samples of sizes {sorted(sizes)} cannot form a batch: crop or resize them in `augment`")
    return RegionBatch(
        torch.stack([sample.image for sample in samples]),
        torch.stack([sample.target for sample in samples]),
        tuple(region for sample in samples for region in sample.region),
        tuple(info for sample in samples for info in sample.info),
    )
