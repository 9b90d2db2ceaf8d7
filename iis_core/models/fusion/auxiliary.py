"""A light encoder for what changes from click to click."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

from torch import Tensor, nn
from torch.nn import functional

_WIDTHS = (16, 32, 64, 96, 128, 128)
_GROUPS = 8
_MAP = 4
"""Dimensions of a feature to which something can be added: (B, c, h, w)."""


class AuxiliaryEncoder(nn.Module):
    """From maps to features of the shapes of another encoder's, to be added to them.

    channels: of the maps.
    shapes: (channels, stride) of each feature; a feature without channels gets none.

    Every halving of the resolution costs two 3x3 convolutions of few channels; features are read off by 1x1
    convolutions. Group normalisation keeps the elements of a batch apart.
    """

    def __init__(self, channels: int, shapes: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.levels = [max(0, round(log2(stride)) - 1) for _, stride in shapes]
        widths = [_WIDTHS[min(level, len(_WIDTHS) - 1)] for level in range(max(self.levels) + 1)]
        self.stages = nn.ModuleList(
            nn.Sequential(*_block(before, width, 2), *_block(width, width, 1))
            for before, width in zip((channels, *widths), widths, strict=False)
        )
        self.outputs = nn.ModuleList(
            nn.Conv2d(widths[level], wanted, 1) if wanted else nn.Identity()
            for level, (wanted, _) in zip(self.levels, shapes, strict=True)
        )

    def forward(self, maps: Tensor, features: Sequence[Tensor]) -> list[Tensor]:
        """The features of an image, with those of the maps added.

        maps: float32 (B, channels, H, W). features: of the shapes told, each float32 (B, c, h, w).
        """
        stages = []
        for stage in self.stages:
            maps = stage(maps)
            stages.append(maps)
        # A decoder may write into what it is given, and an image's features are kept from click to click.
        return [
            feature.clone()
            if isinstance(output, nn.Identity)
            else feature + _resize_like(output(stages[level]), feature)
            for feature, level, output in zip(features, self.levels, self.outputs, strict=True)
        ]


def _block(inputs: int, outputs: int, stride: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.GroupNorm(_GROUPS, outputs), nn.ReLU(inplace=True)


def _resize_like(x: Tensor, like: Tensor) -> Tensor:
    """At the size of another tensor, where strides are no powers of two."""
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return functional.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def list_feature_shapes(features: Sequence[Tensor], side: int) -> list[tuple[int, int]]:
    """(channels, stride) of the features of a square image of that side; no channels of what is no map."""
    return [
        (feature.shape[1], max(1, side // feature.shape[-1])) if feature.ndim == _MAP else (0, 1)
        for feature in features
    ]
