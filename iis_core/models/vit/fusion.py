"""Fusing a pyramid of maps into one."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional


class RectifiedConv(nn.Module):
    """A 1x1 convolution with ReLU.

    Args:
        channels: of what it is given.
        out: channels of what it gives.
    """

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu_(self.conv(x))


class PyramidFusion(nn.Module):
    """Fuses maps of several scales into one of the finest scale; a head adds its last layers.

    Each map goes through a 1x1 convolution with ReLU and is enlarged to the first one's size; together they go through
    another 1x1 convolution with ReLU.

    Args:
        in_channels: channels of each map, from fine to coarse.
        channels: channels that each is reduced to, and that the fused map has.

    Source: Xie et al. 2021, SegFormer (the all-MLP decoder); without norms, Liu et al. 2023, SimpleClick.
    """

    def __init__(self, in_channels: Sequence[int], channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList([RectifiedConv(own, channels) for own in in_channels])
        self.fusion_conv = RectifiedConv(len(in_channels) * channels, channels)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Fuse maps.

        Args:
            maps: floating (B, own channels, own h, own w), the finest first.

        Returns:
            (B, channels, h, w) of the finest map's size.
        """
        # Enlarging and the convolution that follows are linear, and a 1x1 convolution takes each pixel for itself, so
        # that each map's share of it is computed at the map's own size and enlarged afterwards.
        conv, size = self.fusion_conv.conv, maps[0].shape[-2:]
        weights = conv.weight.chunk(len(maps), dim=1)
        fused = functional.conv2d(self.convs[0](maps[0]), weights[0], conv.bias)
        for x, reduce, weight in zip(maps[1:], [*self.convs][1:], weights[1:], strict=True):
            fused += _enlarge(functional.conv2d(reduce(x), weight), size)
        return functional.relu_(fused)


def _enlarge(x: Tensor, size: Sequence[int]) -> Tensor:
    return functional.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
