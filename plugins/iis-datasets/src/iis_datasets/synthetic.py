"""Textured shapes on a textured background: any number, any size, nothing to download."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from iis_core import Sample, UserError
from iis_core.seeding import generator

_SMALLEST_SIDE = 16
_VISIBLE = 0.5


class SyntheticDataset:
    """Images of ellipses, polygons and blobs; an image depends only on the arguments and its number.

    Args:
        count: number of images.
        height: height of the images in pixels, at least 16.
        width: width of the images in pixels, at least 16.
        objects: number of objects in every image; later ones hide at most half of an earlier one.
        seed: seed of all random choices.

    Raises:
        UserError: count or objects is below 1, a side is below 16, or there are more objects than one for every
            16 x 16 pixels.
    """

    def __init__(
        self, *, count: int = 20, height: int = 240, width: int = 320, objects: int = 3, seed: int = 0
    ) -> None:
        if count < 1 or objects < 1:
            raise UserError(f"count and objects must be at least 1, not {count} and {objects}")
        if min(height, width) < _SMALLEST_SIDE:
            raise UserError(f"height and width must be at least {_SMALLEST_SIDE}, not {height} and {width}")
        if objects * _SMALLEST_SIDE**2 > height * width:
            raise UserError(f"{objects} objects do not fit into {height} x {width}: ask for fewer, or larger images")
        self.count = count
        self.shape = height, width
        self.objects = objects
        self.seed = seed

    def __len__(self) -> int:
        return self.count

    def info(self, index: int) -> Mapping[str, Any]:
        """Describe a sample without rendering it."""
        lone = {"layer": 0, "parent": None, "children": (), "class": None}
        name = f"synthetic{range(self.count)[index]:06d}"
        return {"id": name, "path": name, "objects": {k: {**lone, "value": k} for k in range(1, self.objects + 1)}}

    def __getitem__(self, index: int) -> Sample:
        info = self.info(index)
        rng = generator(self.seed, 0, info["id"], "synthetic")
        labels = _place_shapes(self.shape, self.objects, rng)
        image = _make_texture(self.shape, rng)
        for number in info["objects"]:
            inside = labels == number
            image[inside] = _make_texture(self.shape, rng)[inside]
        image = cv2.GaussianBlur(image, (3, 3), 0.7) + rng.normal(0, 3, image.shape)
        return Sample(image.clip(0, 255).round().astype(np.uint8), labels[:, :, None], info)


def _place_shapes(shape: tuple[int, int], objects: int, rng: np.random.Generator) -> np.ndarray:
    """Place shapes over each other so that each stays visible: int32 (H, W), numbered from 1."""
    labels = np.zeros(shape, np.int32)
    areas: list[int] = []
    largest = 0.5 * min(shape) / np.sqrt(objects)
    while len(areas) < objects:
        mask = _make_shape(shape, rng, rng.uniform(0.5, 1.0) * max(largest, 2.0))
        rendered = np.where(mask, len(areas) + 1, labels)
        left = np.bincount(rendered.ravel(), minlength=objects + 1)
        if mask.any() and all(left[k] >= _VISIBLE * area for k, area in enumerate(areas, 1)):
            labels = rendered
            areas.append(int(mask.sum()))
        largest *= 0.98
    return labels


def _make_shape(shape: tuple[int, int], rng: np.random.Generator, size: float) -> np.ndarray:
    """Make a star-shaped mask around a random centre, with a wavy radius and round or sharp corners."""
    corners = int(rng.choice([3, 4, 6, 64]))
    angles = np.sort(rng.uniform(0, 1, corners) * 0.5 + np.arange(corners)) * 2 * np.pi / corners
    waves = sum(rng.uniform(0, 0.25) * np.cos(k * angles + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 5))
    radius = size * (1 + waves)
    turn, squeeze = rng.uniform(0, np.pi), rng.uniform(0.5, 1.0)
    x, y = radius * np.cos(angles), squeeze * radius * np.sin(angles)
    centre = rng.uniform(0, 1, 2) * np.subtract(shape, 2 * min(size, min(shape) / 4)) + min(size, min(shape) / 4)
    rows = centre[0] + np.sin(turn) * x + np.cos(turn) * y
    columns = centre[1] + np.cos(turn) * x - np.sin(turn) * y
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [np.stack([columns, rows], axis=1).round().astype(np.int32)], 1)
    return canvas.astype(bool)


def _make_texture(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Make pixels, float (H, W, 3), around a random colour: stripes or smooth noise of a random scale."""
    height, width = shape
    colour, contrast = rng.uniform(40, 215, 3), rng.uniform(-30, 30, 3)
    scale = float(np.exp(rng.uniform(np.log(3), np.log(40))))
    if rng.random() < 0.4:
        rows, columns = np.mgrid[:height, :width]
        angle = rng.uniform(0, np.pi)
        pattern = np.sin((rows * np.cos(angle) + columns * np.sin(angle)) * 2 * np.pi / scale)
    else:
        coarse = rng.normal(0, 1, (int(height / scale) + 2, int(width / scale) + 2))
        pattern = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(colour + pattern[:, :, None] * contrast)
