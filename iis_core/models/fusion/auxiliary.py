"""A light encoder for the maps, which change from click to click."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

from torch import Tensor, nn
from torch.nn import functional

_WIDTHS = (16, 32, 64, 96, 128, 128)
_GROUPS = 8
_MAP = 4
"""The number of dimensions of a feature map, (B, c, h, w), to which the encoder's output can be added."""


class AuxiliaryEncoder(nn.Module):
    """Encodes maps and adds the result to the features of an image.

    Each halving of the resolution takes two 3x3 convolutions with few channels, and 1x1 convolutions turn the results
    into features. Group normalisation keeps the elements of a batch independent.

    Args:
        channels: the number of maps.
        shapes: (channels, stride) of each feature of the image; nothing is added to a feature with 0 channels.
    """

    def __init__(self, channels: int, shapes: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.levels = [max(0, round(log2(stride)) - 1) for _, stride in shapes]
        widths = [_WIDTHS[min(level, len(_WIDTHS) - 1)] for level in range(max(self.levels) + 1)]
        self.stages = nn.ModuleList(
            nn.Sequential(*_make_block(before, width, 2), *_make_block(width, width, 1))
            for before, width in zip((channels, *widths), widths, strict=False)
        )
        self.outputs = nn.ModuleList(
            nn.Conv2d(widths[level], wanted, 1) if wanted else nn.Identity()
            for level, (wanted, _) in zip(self.levels, shapes, strict=True)
        )

    def forward(self, maps: Tensor, features: Sequence[Tensor]) -> list[Tensor]:
        """Encode the maps and add the result to the features.

        Args:
            maps: float32 (B, channels, H, W).
            features: of the image, in the shapes given to the constructor, float32 (B, c, h, w) each.

        Returns:
            The features with those of the maps added, in the same shapes.
        """
        stages = []
        for stage in self.stages:
            maps = stage(maps)
            stages.append(maps)
        # A decoder may write into what it is given, and an image's features are kept from click to click.
        return [
            feature.clone()
            if isinstance(output, nn.Identity)
            else feature + resize_like(output(stages[level]), feature)
            for feature, level, output in zip(features, self.levels, self.outputs, strict=True)
        ]


def _make_block(inputs: int, outputs: int, stride: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.GroupNorm(_GROUPS, outputs), nn.ReLU(inplace=True)


def resize_like(x: Tensor, like: Tensor) -> Tensor:
    """Resize to the size of another tensor, which differs where strides are not powers of two."""
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return functional.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def list_feature_shapes(features: Sequence[Tensor], side: int) -> list[tuple[int, int]]:
    """List the shapes of features, as `AuxiliaryEncoder` takes them.

    Args:
        features: of a square image.
        side: the side of the image, in pixels.

    Returns:
        (channels, stride) of each feature; 0 channels for one that is not a map.
    """
    return [
        (feature.shape[1], max(1, side // feature.shape[-1])) if feature.ndim == _MAP else (0, 1)
        for feature in features
    ]
