"""The refiner: a few light convolutions at full resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

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
        self.heads: nn.Conv2d | None = None

    def forward(self, image: Tensor, maps: Tensor, logits: Tensor, feature: Tensor) -> tuple[Tensor, Tensor]:
        """Refine logits.

        Args:
            image: float32 (B, 3, H, W) in [0, 1].
            maps: positive and negative disks, float32 (B, 2, H, W).
            logits: float32 (B, 1, H, W).
            feature: float32 (B, C, h, w); of a refiner for inference what `select` makes of it.

        Returns:
            The refined logits and those of where they are new, float32 (B, 1, H, W).
        """
        x = self.image_conv3(self.image_conv2(self.image_conv1(torch.cat((image, maps, logits.sigmoid()), dim=1))))
        x = x + resize_aligned(self._fuse(feature), x.shape[-2:])
        x = self.refine_fusion3(self.refine_fusion2(x))
        found = torch.cat((self.refine_pred(x), self.refine_trimap(x)), dim=1) if self.heads is None else self.heads(x)
        new, where = resize_aligned(found, image.shape[-2:]).chunk(2, dim=1)
        share = where.sigmoid()
        return share * new + (1 - share) * logits, where

    def select(self, feature: Tensor) -> Tensor:
        """What this needs of the features of the coarse segmentor, before they are cropped.

        A refiner for inference takes its combinations of channels here: they are few, and commute with cropping.

        Args:
            feature: float32 (B, C, h, w).
        """
        if self.heads is None:
            return feature
        return convolve_pixels(feature, self.refine_fusion.conv.weight)

    def prepare_for_inference(self) -> None:
        """Make one convolution of both heads, and `select` few channels; once batch norms are folded."""
        if not isinstance(self.refine_fusion.norm, nn.Identity):
            return
        both = (self.refine_pred, self.refine_trimap)
        self.heads = nn.Conv2d(_CHANNELS, 2, 3, padding=1, device="meta")
        self.heads.weight = nn.Parameter(torch.cat([head.weight for head in both]))
        self.heads.bias = nn.Parameter(torch.cat([head.bias for head in both if head.bias is not None]))

    def _fuse(self, feature: Tensor) -> Tensor:
        if self.heads is None:
            fused: Tensor = self.refine_fusion(feature)
            return fused
        assert self.refine_fusion.conv.bias is not None
        return (feature + self.refine_fusion.conv.bias[:, None, None]).relu()


def convolve_pixels(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A 1x1 convolution that copies nothing where channels come last.

    Args:
        x: float32 (B, C, h, w).
        weight: float32 (O, C, 1, 1).
        bias: float32 (O,), or None.
    """
    return functional.linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2)


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
