"""How click maps enter a network after its first convolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_STEM = 64


class Scale(nn.Module):
    """Multiplies by a learned factor that is never negative.

    Args:
        initial: the factor before training.
    """

    conv_norms = ()

    def __init__(self, initial: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((1,), initial))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale.abs()


def embed_maps(channels: int, activation: nn.Module) -> nn.Sequential:
    """A small stack of convolutions; its names are those of published checkpoints.

    Args:
        channels: of the maps: previous mask and clicks.
        activation: between the convolutions.

    Returns:
        A module from float32 (B, channels, H, W) to (B, 64, H / 2, W / 2).

    Source: Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance.
    """
    spread = nn.Conv2d(16, _STEM, 3, stride=2, padding=1)
    return nn.Sequential(nn.Conv2d(channels, 16, 1), activation, spread, Scale(0.05))
