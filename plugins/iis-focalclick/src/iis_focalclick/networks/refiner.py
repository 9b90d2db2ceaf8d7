"""The refiner: a few light convolutions at full resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from iis_core.models.inference import resize_aligned

_CHANNELS = 32


class Refiner(nn.Module):
    """Replaces logits where it says so, by an image, clicks, and features of the coarse segmentor.

    Args:
        features: channels of the features.
        with_gate: hold the parameters of a gate that published checkpoints have and nothing reads.

    Source: Chen et al. 2022, FocalClick.
    """

    conv_norms = ()

    def __init__(self, features: int, with_gate: bool = False) -> None:
        super().__init__()
        self.image_conv1 = _Convolution(6, kernel=3, stride=2)
        self.image_conv2 = _Separable()
        self.image_conv3 = _Separable()
        self.refine_fusion = _Convolution(features, kernel=1)
        self.refine_fusion2 = _Separable()
        self.refine_fusion3 = _Separable()
        if with_gate:
            self.feature_gate = nn.Sequential(nn.Conv2d(_CHANNELS, 1, 1))
        self.refine_pred = nn.Conv2d(_CHANNELS, 1, 3, padding=1)
        self.refine_trimap = nn.Conv2d(_CHANNELS, 1, 3, padding=1)

    def forward(self, image: Tensor, maps: Tensor, logits: Tensor, feature: Tensor) -> tuple[Tensor, Tensor]:
        """Refine logits.

        Args:
            image: float32 (B, 3, H, W) in [0, 1].
            maps: positive and negative disks, float32 (B, 2, H, W).
            logits: float32 (B, 1, H, W).
            feature: float32 (B, C, h, w).

        Returns:
            The refined logits and those of where they are new, float32 (B, 1, H, W).
        """
        x = self.image_conv3(self.image_conv2(self.image_conv1(torch.cat((image, maps, logits.sigmoid()), dim=1))))
        x = x + resize_aligned(self.refine_fusion(feature), x.shape[-2:])
        x = self.refine_fusion3(self.refine_fusion2(x))
        new, where = (resize_aligned(head(x), image.shape[-2:]) for head in (self.refine_pred, self.refine_trimap))
        share = where.sigmoid()
        return share * new + (1 - share) * logits, where


class _Convolution(nn.Module):
    conv_norms = (("conv", "norm"),)

    def __init__(self, inputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, _CHANNELS, kernel, stride, padding=kernel // 2)
        self.norm = nn.BatchNorm2d(_CHANNELS)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.activation(self.norm(self.conv(x)))
        return y


class _Separable(nn.Module):
    """A 3x3 convolution of each channel, then one of 1x1."""

    conv_norms = (("conv1x1", "norm"),)

    def __init__(self) -> None:
        super().__init__()
        self.conv3x3 = nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1, groups=_CHANNELS)
        self.conv1x1 = nn.Conv2d(_CHANNELS, _CHANNELS, 1)
        self.norm = nn.BatchNorm2d(_CHANNELS)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.activation(self.norm(self.conv1x1(self.conv3x3(x))))
        return y
