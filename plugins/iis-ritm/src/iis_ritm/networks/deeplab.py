"""DeepLabV3+ on a residual network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from iis_core import UserError
from iis_core.models.inference import resize_aligned
from iis_ritm.networks.network import RITMNetwork
from iis_ritm.networks.resnet import BLOCKS, ResNet

_SKIP = 32


class DeepLabNetwork(RITMNetwork):
    """The published `DeeplabModel`.

    Args:
        backbone: resnet34, resnet50, resnet101 or resnet152.
        deeplab_ch: channels of the decoder.
        aspp_dropout: the rate of dropout in training.
        inputs: keywords of `RITMNetwork`.

    Raises:
        UserError: the backbone is unknown.
    """

    conv_norms = ()

    def __init__(
        self, *, backbone: str = "resnet50", deeplab_ch: int = 256, aspp_dropout: float = 0.5, **inputs: Any
    ) -> None:
        super().__init__(**inputs)
        if backbone not in BLOCKS:
            raise UserError(f"backbone must be one of {', '.join(BLOCKS)}, not {backbone!r}")
        self.feature_extractor = _Features(backbone, deeplab_ch, aspp_dropout)
        half = deeplab_ch // 2
        layers = [separable(deeplab_ch, half), separable(half, half), nn.Conv2d(half, 1, 1)]
        self.head = _Named("layers", nn.Sequential(*layers))

    def backbone(self, image: Tensor, additional: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return self.head(self.feature_extractor(image, additional)), None

    def learning_rate_multiplier(self, parameter: str) -> float:
        return self.backbone_lr_mult if parameter.startswith("feature_extractor.backbone.") else 1.0


class _Features(nn.Module):
    conv_norms = ()

    def __init__(self, backbone: str, channels: int, dropout: float) -> None:
        super().__init__()
        expansion = BLOCKS[backbone][0].expansion
        self.backbone = ResNet(backbone)
        last = nn.Conv2d(channels, channels, 1)
        block = nn.Sequential(separable(channels + _SKIP, channels), separable(channels, channels), last)
        self.head = _Named("block", block)
        self.skip_project = _Named("skip_project", convolution(64 * expansion, _SKIP))
        self.aspp = _Pyramid(512 * expansion, channels, dropout)

    def forward(self, image: Tensor, additional: Tensor | None) -> Tensor:
        first, last = self.backbone(image, additional)
        skip = self.skip_project(first)
        x = resize_aligned(self.aspp(last), skip.shape[-2:])
        y: Tensor = self.head(torch.cat((x, skip), dim=1))
        return y


class _Pyramid(nn.Module):
    """Atrous spatial pyramid pooling; the name of its branches is the published one."""

    conv_norms = ()

    def __init__(self, inputs: int, channels: int, dropout: float) -> None:
        super().__init__()
        dilated = [convolution(inputs, channels, kernel=3, dilation=rate) for rate in (12, 24, 36)]
        pool = _Named("gap", nn.Sequential(nn.AdaptiveAvgPool2d(1), *convolution(inputs, channels)))
        self.concurent = nn.ModuleList([convolution(inputs, channels), *dilated, pool])
        self.project = nn.Sequential(*convolution(5 * channels, channels), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        branches = [resize_aligned(branch(x), x.shape[-2:]) for branch in self.concurent]
        y: Tensor = self.project(torch.cat(branches, dim=1))
        return y


class _Named(nn.Module):
    """A module under the name that it has in published checkpoints."""

    conv_norms = ()

    def __init__(self, name: str, module: nn.Module) -> None:
        super().__init__()
        self.add_module(name, module)
        self._held = name

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.get_submodule(self._held)(x)
        return y


def convolution(inputs: int, outputs: int, kernel: int = 1, dilation: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    padding = dilation if kernel == 3 else 0
    conv = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def separable(inputs: int, outputs: int) -> nn.Module:
    """A 3x3 convolution of each channel, then one of 1x1."""
    apart = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
    mixed = nn.Conv2d(inputs, outputs, 1, bias=False)
    return _Named("body", nn.Sequential(apart, mixed, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)))
