"""Augmentations for `iis_core.datasets.RegionDataset`, on torchvision's functions.

Each is called with an image, uint8 (H, W, 3), a region and a random generator, and returns image and region. Masks are
never interpolated. Ignored pixels stay ignored, and pixels from outside the image are ignored too. All random numbers
are drawn from the generator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode, functional

from iis_core import Region

Augmented = tuple[np.ndarray, Region]
Transform = Callable[[np.ndarray, Region, np.random.Generator], Augmented]


@dataclass(frozen=True)
class Compose:
    """Apply transforms one after the other.

    Args:
        transforms: in the order in which they are applied.
    """

    transforms: Sequence[Transform]

    def __call__(self, image: np.ndarray, region: Region, rng: np.random.Generator) -> Augmented:
        for transform in self.transforms:
            image, region = transform(image, region, rng)
        return image, region


def ritm(height: int = 320, width: int = 480, low: float = 0.75, high: float = 1.4) -> Compose:
    """Build the augmentation of RITM's training: scale, flip, pad, crop, brightness and contrast, colour shift.

    Args:
        height: height of the crop, in pixels.
        width: width of the crop, in pixels.
        low: smallest factor by which the image is resized.
        high: largest factor by which the image is resized.
    """
    crop: list[Transform] = [Pad(height, width), CropWithObject(height, width)]
    return Compose([Scale(low, high), Flip(), *crop, BrightnessContrast(), ColourShift()])


@dataclass(frozen=True)
class Scale:
    """Resize both sides by the same random factor.

    Args:
        low: smallest factor.
        high: largest factor.
    """

    low: float = 0.75
    high: float = 1.4

    def __call__(self, image: np.ndarray, region: Region, rng: np.random.Generator) -> Augmented:
        factor = rng.uniform(self.low, self.high)
        size = [max(1, round(side * factor)) for side in image.shape[:2]]
        return _move(image, region, lambda pixels, mode: functional.resize(pixels, size, mode))


@dataclass(frozen=True)
class Stretch:
    """Resize to one size without keeping proportions, as SimpleClick and SegNext are shown images.

    Args:
        height: the new height, in pixels.
        width: the new width, in pixels.
    """

    height: int
    width: int

    def __call__(self, image: np.ndarray, region: Region, rng: np.random.Generator) -> Augmented:
        size = [self.height, self.width]
        return _move(image, region, lambda pixels, mode: functional.resize(pixels, size, mode))


@dataclass(frozen=True)
class Flip:
    """Flip left and right at random.

    Args:
        probability: how often to flip, in [0, 1].
    """

    probability: float = 0.5

    def __call__(self, image: np.ndarray, region: Region, rng: np.random.Generator) -> Augmented:
        if rng.random() >= self.probability:
            return image, region
        return _move(image, region, lambda pixels, mode: functional.horizontal_flip(pixels))


@dataclass(frozen=True)
class Rotate:
    """Rotate around the centre by a random angle; the size stays.

    Args:
        degrees: largest angle, in either direction.
    """

    degrees: float = 15.0

    def __call__(self, image: np.ndarray, region: Region, rng: np.random.Generator) -> Augmented:
        angle = rng.uniform(-self.degrees, self.degrees)
        # rotate knows no NEAREST_EXACT, and turns around the centre with NEAREST alike.
        modes = {InterpolationMode.NEAREST_EXACT: InterpolationMode.NEAREST}
        return _move(image, region, lambda pixels, mode: functional.rotate(pixels, angle, modes.get(mode, mode)))


@dataclass(frozen=True)
class Pad:
    """Pad with black to at least a given size, equally on opposite sides.

    Args:
        height: smallest height, in pixels.
        width: smallest width, in pixels.
    """

    height: int
    width: int

    def __call__(self, image: np.ndarray, region: Region, rng: np.random.Generator) -> Augmented:
        rows, columns = (
            max(0, wanted - side) for wanted, side in zip((self.height, self.width), image.shape, strict=False)
        )
        if not rows and not columns:
            return image, region
        border = [columns // 2, rows // 2, columns - columns // 2, rows - rows // 2]
        return _move(image, region, lambda pixels, mode: functional.pad(pixels, border))


@dataclass(frozen=True)
class CropWithObject:
    """Crop a window around a random pixel of the object, or anywhere without object pixels.

    A side of the image that is shorter than the window's is kept whole.

    Args:
        height: height of the window, in pixels.
        width: width of the window, in pixels.
    """

    height: int
    width: int

    def __call__(self, image: np.ndarray, region: Region, rng: np.random.Generator) -> Augmented:
        places = np.flatnonzero(region.target == 1)
        inside = np.unravel_index(int(rng.choice(places)), region.target.shape) if len(places) else None
        top, height = _choose_window(rng, image.shape[0], self.height, None if inside is None else int(inside[0]))
        left, width = _choose_window(rng, image.shape[1], self.width, None if inside is None else int(inside[1]))
        return _move(image, region, lambda pixels, mode: functional.crop(pixels, top, left, height, width))


@dataclass(frozen=True)
class BrightnessContrast:
    """Multiply brightness and contrast by random factors.

    Args:
        brightness: smallest and largest factor of the brightness.
        contrast: smallest and largest factor of the contrast.
        probability: how often to change the image, in [0, 1].
    """

    brightness: tuple[float, float] = (0.75, 1.25)
    contrast: tuple[float, float] = (0.85, 1.4)
    probability: float = 0.75

    def __call__(self, image: np.ndarray, region: Region, rng: np.random.Generator) -> Augmented:
        if rng.random() >= self.probability:
            return image, region
        brightness, contrast = rng.uniform(*self.brightness), rng.uniform(*self.contrast)
        pixels = functional.adjust_brightness(_put_channels_first(image), brightness)
        return _put_channels_last(functional.adjust_contrast(pixels, contrast)), region


@dataclass(frozen=True)
class ColourShift:
    """Add a random number to each of red, green and blue.

    Args:
        limit: largest number that is added or subtracted, on a scale of 0 to 255.
        probability: how often to change the image, in [0, 1].
    """

    limit: int = 10
    probability: float = 0.75

    def __call__(self, image: np.ndarray, region: Region, rng: np.random.Generator) -> Augmented:
        if rng.random() >= self.probability:
            return image, region
        shift = rng.integers(-self.limit, self.limit, 3, endpoint=True)
        return (image.astype(np.int16) + shift.astype(np.int16)).clip(0, 255).astype(np.uint8), region


def _choose_window(rng: np.random.Generator, side: int, wanted: int, inside: int | None) -> tuple[int, int]:
    """Draw the start of a window that holds the position `inside`, and find its length."""
    length = min(side, wanted)
    first, last = (0, side - length) if inside is None else (max(0, inside - length + 1), min(inside, side - length))
    return int(rng.integers(first, last, endpoint=True)), length


def _move(image: np.ndarray, region: Region, move: Callable[[Tensor, InterpolationMode], Tensor]) -> Augmented:
    """Apply a geometric function to the image, bilinearly, and to all masks of the region, by nearest pixels.

    In the target's codes 0 means ignored, so that what the function fills with 0 is ignored.
    """
    others = [] if region.others is None else [region.others]
    codes = np.stack([region.target + 1, *others, *region.required]).astype(np.uint8)
    moved = move(torch.from_numpy(codes), InterpolationMode.NEAREST_EXACT).numpy()
    target, rest = moved[0].astype(np.int8) - 1, moved[1:].astype(bool)
    required = tuple(mask for mask in rest[len(others) :] if mask.any())
    pixels = _put_channels_last(move(_put_channels_first(image), InterpolationMode.BILINEAR))
    return pixels, Region(target.astype(np.int8), rest[0] if others else None, required)


def _put_channels_first(image: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)


def _put_channels_last(pixels: Tensor) -> np.ndarray:
    return np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())
