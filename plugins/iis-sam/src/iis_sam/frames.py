"""The frame in which a network sees an image: pixels, clicks and logits, into it and out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate, pad

from iis_core.types import SignedClick

Shape = tuple[int, int]

_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


class Frame(Protocol):
    """How an image of any size becomes the square that the network takes."""

    def prepare(self, x: Tensor) -> Tensor:
        """Images, float32 (B, 3, H, W) in [0, 1], to what the network takes: float32 (B, 3, S, S), normalised."""
        ...

    def place(self, clicks: Sequence[SignedClick], shape: Shape) -> Tensor:
        """Clicks in an image of this shape to points: float32 (n, 2) of (x, y) in the square, before +0.5."""
        ...

    def enlarge(self, logits: Tensor, shape: Shape) -> Tensor:
        """Low-resolution logits (B, 1, h, w) to logits at the image's size (B, 1, H, W)."""
        ...


@dataclass(frozen=True)
class PaddedFrame:
    """SAM's: the longest side is resized to the square's, the rest is padded with zeros after normalising.

    Args:
        side: of the square, in pixels.
        preprocessing: "pil" resizes in 8 bits with Pillow, as `SamPredictor` does; "float" without rounding, as RClicks
            does.
    """

    side: int
    preprocessing: str

    def prepare(self, x: Tensor) -> Tensor:
        shape = self._fit((x.shape[-2], x.shape[-1]))
        pixels = _resize_by_pil(x, shape) if self.preprocessing == "pil" else _resize(x * 255, shape)
        mean, std = (pixels.new_tensor(values)[:, None, None] for values in (_MEAN, _STD))
        return pad((pixels - mean) / std, (0, self.side - shape[1], 0, self.side - shape[0]))

    def place(self, clicks: Sequence[SignedClick], shape: Shape) -> Tensor:
        height, width = self._fit(shape)
        points = np.array([(click.col, click.row) for click in clicks], np.float64).reshape(-1, 2)
        return torch.from_numpy((points * (width / shape[1], height / shape[0])).astype(np.float32))

    def enlarge(self, logits: Tensor, shape: Shape) -> Tensor:
        height, width = self._fit(shape)
        square = interpolate(logits, (self.side, self.side), mode="bilinear", align_corners=False)
        return interpolate(square[..., :height, :width], shape, mode="bilinear", align_corners=False)

    def _fit(self, shape: Shape) -> Shape:
        scale = self.side / max(shape)
        height, width = (max(1, int(size * scale + 0.5)) for size in shape)
        return height, width


@dataclass(frozen=True)
class SquareFrame:
    """SAM 2's: the image is resized to the square without keeping its proportions, without rounding.

    Args:
        side: of the square, in pixels.
        mean: of the three channels of an image in [0, 1].
        std: likewise.
    """

    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def prepare(self, x: Tensor) -> Tensor:
        pixels = _resize(x, (self.side, self.side))
        mean, std = (pixels.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (pixels - mean) / std

    def place(self, clicks: Sequence[SignedClick], shape: Shape) -> Tensor:
        points = torch.tensor([(click.col, click.row) for click in clicks], dtype=torch.float32).reshape(-1, 2)
        return points / torch.tensor([shape[1], shape[0]], dtype=torch.float32) * self.side

    def enlarge(self, logits: Tensor, shape: Shape) -> Tensor:
        return interpolate(logits, shape, mode="bilinear", align_corners=False)


def _resize(x: Tensor, shape: Shape) -> Tensor:
    return interpolate(x, shape, mode="bilinear", align_corners=False, antialias=True)


def _resize_by_pil(x: Tensor, shape: Shape) -> Tensor:
    """Resize in 8 bits: Pillow rounds after each of its two passes. Float32 (B, 3, h, w) in [0, 255]."""
    images = (x * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    resized = [
        np.asarray(Image.fromarray(image).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)) for image in images
    ]
    return torch.from_numpy(np.stack(resized)).to(x.device).permute(0, 3, 1, 2).to(torch.float32)
