"""The decoder: pyramid pooling, three stages of upsampling and a guided filter."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from iis_gto99.network.guided_filter import guided_filter
from iis_gto99.network.layers import JoinedConv2d, StandardisedConv2d, group_norm

_POOLS = (1, 2, 3, 6)
_RADIUS, _EPS = 2, 1e-8
_STRIP = 32


class ClickEncoder(nn.Module):
    """Computes features of click maps and previous alpha, (B, channels, H, W), at strides 2, 4 and 8.

    Args:
        channels: number of maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, 2, padding=1)
        self.conv3 = nn.Conv2d(64, 128, 3, padding=1)
        self.conv4 = nn.Conv2d(128, 256, 3, 2, padding=1)
        self.conv5 = nn.Conv2d(256, 256, 3, 2, padding=1)
        self.conv6 = nn.Conv2d(256, 256, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        leaky = partial(functional.leaky_relu, inplace=True)
        stride2 = leaky(self.conv2(leaky(self.conv1(x))))
        stride4 = leaky(self.conv4(leaky(self.conv3(stride2))))
        return stride2, stride4, leaky(self.conv6(leaky(self.conv5(stride4))))


class Decoder(nn.Module):
    """Computes the alpha, float32 (B, 1, H, W), from the encoder's features, the image and the clicks."""

    def __init__(self) -> None:
        super().__init__()
        self.usr_encoder = ClickEncoder(7)
        deep = (2048, 256)
        self.ppm = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(size), *_make_conv(sum(deep), 1)) for size in _POOLS
        )
        self.conv_up1 = nn.Sequential(*_make_joined_conv((*deep, *[256] * len(_POOLS)), 256), *_make_conv(256, 3))
        self.conv_up2 = nn.Sequential(*_make_joined_conv((256, 256, 256), 256))
        self.conv_up3 = nn.Sequential(*_make_joined_conv((256, 64, 64), 64))
        self.conv_up4 = nn.Sequential(
            *(JoinedConv2d((64, 3 + 6), 32, standardise=False), nn.LeakyReLU(inplace=True)),
            *(nn.Conv2d(32, 16, 3, padding=1), nn.LeakyReLU(inplace=True)),
            nn.Conv2d(16, 1, 1),
        )
        self.guided_map_conv1 = nn.Conv2d(5, 64, 1)
        self.guided_map_conv2 = nn.Conv2d(64, 1, 1)

    def forward(
        self,
        features: tuple[Tensor, Tensor, Tensor],
        image: Tensor,
        click_maps: Tensor,
        previous_alpha: Tensor,
        trimap: Tensor,
    ) -> Tensor:
        """Compute the alpha.

        Args:
            features: features of the encoder at strides 2, 4 and 8.
            image: as for `GTO99Network`.
            click_maps: as for `GTO99Network`.
            previous_alpha: as for `GTO99Network`.
            trimap: as for `GTO99Network`.
        """
        stride2, stride4, stride8 = features
        clicks2, clicks4, clicks8 = self.usr_encoder(torch.cat((click_maps, previous_alpha), dim=1))
        deep = torch.cat((stride8, clicks8), dim=1)
        x = self.conv_up1((stride8, clicks8, *(pool(deep) for pool in self.ppm)))
        x = self.conv_up2((x, stride4, clicks4))
        x = self.conv_up3((x, stride2, clicks2))
        x = self.conv_up4((x, torch.cat((image, click_maps), dim=1))).clamp(0, 1)
        x = x.masked_fill(trimap[:, :1] == 1, 0).masked_fill(trimap[:, 1:] == 1, 1)
        return guided_filter(self._guide(image, click_maps), x, _RADIUS, _EPS).clamp(0, 1)

    def _guide(self, image: Tensor, click_maps: Tensor) -> Tensor:
        """Compute what guides the filter, from the image and the narrowest map of each kind of click.

        It works by strips, since all of the hidden channels would not stay in a processor's cache.
        """
        x = torch.cat((image, click_maps[:, ::3]), dim=1)
        strips = (
            self.guided_map_conv2(self.guided_map_conv1(strip).relu_()) for strip in torch.split(x, _STRIP, dim=2)
        )
        return torch.cat(list(strips), dim=2)


def _make_conv(inputs: int, kernel: int) -> tuple[nn.Module, ...]:
    conv = StandardisedConv2d(inputs, 256, kernel, padding=kernel // 2)
    return conv, group_norm(256), nn.LeakyReLU(inplace=True)


def _make_joined_conv(inputs: tuple[int, ...], outputs: int) -> tuple[nn.Module, ...]:
    return JoinedConv2d(inputs, outputs, standardise=True), group_norm(outputs), nn.LeakyReLU(inplace=True)
