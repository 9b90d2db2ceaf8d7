"""A pyramid of maps made from the one map that a plain vision transformer gives."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SimpleFeaturePyramid(nn.Module):
    """Maps at a quarter, an eighth, a sixteenth and a thirty-second of the image from one at a sixteenth.

    Where patches have another size than 16 pixels, the scales differ accordingly.

    Args:
        in_dim: C, channels of the map.
        out_dims: channels of the four maps, from fine to coarse.

    Source: Li et al. 2022, Exploring Plain Vision Transformer Backbones for Object Detection; with the channels and
        norms of Liu et al. 2023, SimpleClick.
    """

    def __init__(self, in_dim: int, out_dims: Sequence[int]) -> None:
        super().__init__()
        quarter, eighth, sixteenth, coarsest = out_dims
        wide, middle, narrow = max(2 * quarter, in_dim // 2), max(eighth, in_dim // 2), max(coarsest, 2 * in_dim)
        self.down_4 = nn.Sequential(
            nn.ConvTranspose2d(in_dim, wide, 2, stride=2),
            MapNorm(wide),
            nn.GELU(),
            nn.ConvTranspose2d(wide, wide // 2, 2, stride=2),
            MapNorm(wide // 2),
            *_project(wide // 2, quarter),
        )
        self.down_8 = nn.Sequential(
            nn.ConvTranspose2d(in_dim, middle, 2, stride=2), MapNorm(middle), *_project(middle, eighth)
        )
        self.down_16 = nn.Sequential(*_project(in_dim, sixteenth))
        self.down_32 = nn.Sequential(
            nn.Conv2d(in_dim, narrow, 2, stride=2), MapNorm(narrow), *_project(narrow, coarsest)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Make the pyramid.

        Args:
            x: floating (B, C, h, w), h and w even.

        Returns:
            Maps with `out_dims` channels: (B, _, 4h, 4w), (B, _, 2h, 2w), (B, _, h, w), (B, _, h/2, w/2).
        """
        return [self.down_4(x), self.down_8(x), self.down_16(x), self.down_32(x)]


class MapNorm(nn.GroupNorm):
    """Group norm with one group, of maps in any memory order.

    Torch's own is thirty times less exact where channels come last in memory, the order in which convolutions of
    tokens are fastest on a CPU. Here squares are summed over channels first, in either order.

    Args:
        channels: of the maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(1, channels)

    def forward(self, x: Tensor) -> Tensor:
        x32 = x.float()
        mean = x32.mean((1, 2, 3), keepdim=True)
        square = torch.linalg.vector_norm(x32, dim=1, keepdim=True).square().mean((2, 3), keepdim=True) / x.shape[1]
        scale = (square - mean.square() + self.eps).rsqrt() * self.weight[:, None, None]
        return torch.addcmul(self.bias[:, None, None] - mean * scale, x32, scale).to(x.dtype)


def _project(channels: int, out: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(channels, out, 1), MapNorm(out), nn.GELU()
