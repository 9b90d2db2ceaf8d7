"""Convolutions whose weights are standardise, of one tensor or of several side by side."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from iis_core.models.inference import consists_of, enlarge_and_convolve

_GROUPS = 32


class StandardisedConv2d(nn.Conv2d):
    """A convolution by standardised weights."""

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self._conv_forward(x, standardise(self.weight), self.bias)
        return y


class JoinedConv2d(nn.Conv2d):
    """A convolution of several tensors side by side, of so many channels each, at the size of the second."""

    def __init__(self, channels: Sequence[int], outputs: int, *, standardise: bool) -> None:
        super().__init__(sum(channels), outputs, 3, padding=1)
        self.channels = tuple(channels)
        self.standardise = standardise

    def forward(self, parts: Sequence[Tensor]) -> Tensor:  # type: ignore[override]  # several in place of one
        shape = _size(parts[1])
        joined = torch.cat([resize_bilinear(part, shape) for part in parts], dim=1)
        y: Tensor = self._conv_forward(joined, self.applied_weight(), self.bias)
        return y

    def applied_weight(self) -> Tensor:
        """The weight, standardised where it is to be."""
        return standardise(self.weight) if self.standardise else self.weight


def standardise(weight: Tensor) -> Tensor:
    """A weight less its mean, divided by its standard deviation, per output channel.

    Source: Qiao, Wang, Liu, Shen, Yuille 2019, Micro-Batch Training with Batch-Channel Normalization and Weight
    Standardization.
    """
    centred = weight - weight.mean(dim=(1, 2, 3), keepdim=True)
    return centred / (centred.flatten(1).std(dim=1) + 1e-5)[:, None, None, None]


class SplitConv2d(nn.Module):
    """Answers as a `JoinedConv2d` but for rounding, convolving one tensor after the other."""

    def __init__(self, joined: JoinedConv2d) -> None:
        super().__init__()
        weights = torch.split(joined.applied_weight(), list(joined.channels), dim=1)
        biases = (joined.bias, *[None] * (len(weights) - 1))
        self.convs = nn.ModuleList(_copy_conv(joined, *of_part) for of_part in zip(weights, biases, strict=True))

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        shape = _size(parts[1])
        first, *others = (_convolved(x, conv, shape) for conv, x in zip(self.convs, parts, strict=True))
        total: Tensor = first
        for other in others:
            total += other
        return total


def resize_bilinear(x: Tensor, shape: tuple[int, int]) -> Tensor:
    """Bilinear, corners not aligned."""
    if _size(x) == shape:
        return x
    return functional.interpolate(x, size=shape, mode="bilinear", align_corners=False)


def _size(x: Tensor) -> tuple[int, int]:
    return x.shape[-2], x.shape[-1]


def _convolved(x: Tensor, conv: nn.Module, shape: tuple[int, int]) -> Tensor:
    """A tensor brought to a size and convolved, in the order that is cheaper."""
    if _is_grid(x, shape):
        assert isinstance(conv, nn.Conv2d)
        convolved = enlarge_and_convolve(x, conv.weight, shape, align_corners=False)
        return convolved if conv.bias is None else convolved + conv.bias[:, None, None]
    y: Tensor = conv(resize_bilinear(x, shape))
    return y


def _is_grid(x: Tensor, shape: tuple[int, int]) -> bool:
    """Whether a tensor has so few pixels that its enlargement is better not convolved."""
    return x.shape[-2] * x.shape[-1] * 16 < shape[0] * shape[1]


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation in 32 groups. Source: Wu, He 2018, Group Normalization."""
    return nn.GroupNorm(_GROUPS, channels)


@torch.no_grad()
def prepare_for_inference(network: nn.Module) -> nn.Module:
    """Make a copy for inference: weights standardised once, tensors that lie side by side convolved one by one.

    Args:
        network: in evaluation mode. It stays as it is; with modules that are neither of this package nor torch's, or
            with hooks, it is given back itself.
    """
    if not consists_of(network, lambda kind: kind.__module__.startswith("iis_gto99.network")):
        return network
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        for name, child in list(module._modules.items()):
            if isinstance(child, JoinedConv2d):
                setattr(module, name, SplitConv2d(child))
            elif isinstance(child, StandardisedConv2d):
                setattr(module, name, _copy_conv(child, standardise(child.weight), child.bias))
    return network.to(memory_format=torch.channels_last)


def _copy_conv(conv: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """A convolution like another, by a weight that may read fewer channels."""
    plain = nn.Conv2d(
        weight.shape[1] * conv.groups,
        weight.shape[0],
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        conv.dilation,  # type: ignore[arg-type]
        conv.groups,
        bias=bias is not None,
        padding_mode=conv.padding_mode,
        device="meta",
    )
    plain.weight = nn.Parameter(weight.contiguous())
    plain.bias = None if bias is None else nn.Parameter(bias)
    return plain
