"""Object-contextual representations, which describe every pixel by the region that it belongs to."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ObjectContext(nn.Module):
    """Computes features (B, C, H, W) from features of the same shape and logits of regions (B, K, H, W).

    Args:
        channels: C.
        key_channels: number of channels of keys, queries and values.
        dropout: probability of dropout in training.

    Source: Yuan, Chen, Wang 2020, Object-Contextual Representations for Semantic Segmentation.
    """

    conv_norms = ()

    def __init__(self, channels: int, key_channels: int, dropout: float = 0.05) -> None:
        super().__init__()
        self.object_context_block = _Attention(channels, key_channels)
        last = nn.Conv2d(2 * channels, channels, 1, bias=False)
        self.conv_bn_dropout = nn.Sequential(last, _make_norm(channels), nn.Dropout2d(dropout))

    def forward(self, features: Tensor, logits: Tensor) -> Tensor:
        weights = logits.flatten(2).softmax(dim=2)
        regions = (weights @ features.flatten(2).transpose(1, 2)).transpose(1, 2).unsqueeze(3)
        context = self.object_context_block(features, regions)
        y: Tensor = self.conv_bn_dropout(torch.cat((context, features), dim=1))
        return y


class _Attention(nn.Module):
    """Attention in which pixels are queries and regions are keys and values."""

    conv_norms = ()

    def __init__(self, channels: int, keys: int) -> None:
        super().__init__()
        self.f_pixel = _make_two_convs(channels, keys)
        self.f_object = _make_two_convs(channels, keys)
        self.f_down = _make_conv(channels, keys)
        self.f_up = _make_conv(keys, channels)
        self.keys = keys

    def forward(self, features: Tensor, regions: Tensor) -> Tensor:
        query = self.f_pixel(features).flatten(2).transpose(1, 2)
        key = self.f_object(regions).flatten(2)
        value = self.f_down(regions).flatten(2).transpose(1, 2)
        attention = ((query @ key) * self.keys**-0.5).softmax(dim=-1)
        context = (attention @ value).transpose(1, 2).reshape(len(features), self.keys, *features.shape[2:])
        y: Tensor = self.f_up(context)
        return y


def _make_norm(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def _make_conv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), _make_norm(outputs))


def _make_two_convs(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(*_make_conv(inputs, outputs), *_make_conv(outputs, outputs))
