"""Convolutions whose weights are standardised, and the normalisation that follows them."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

_GROUPS = 32


class StandardisedConv2d(nn.Conv2d):
    """A convolution by its weights less their mean, divided by their standard deviation, per output channel.

    Source: Qiao, Wang, Liu, Shen, Yuille 2019, Micro-Batch Training with Batch-Channel Normalization and Weight
    Standardization.
    """

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.standardised_weight(), self.bias)

    def standardised_weight(self) -> Tensor:
        """The weight that is applied, of the same shape."""
        centred = self.weight - self.weight.mean(dim=(1, 2, 3), keepdim=True)
        return centred / (centred.flatten(1).std(dim=1) + 1e-5)[:, None, None, None]


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation in 32 groups. Source: Wu, He 2018, Group Normalization."""
    return nn.GroupNorm(_GROUPS, channels)


def standardised(network: nn.Module) -> nn.Module:
    """A copy in evaluation mode with plain convolutions by the weights that `StandardisedConv2d` would apply."""
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, StandardisedConv2d):
                setattr(module, name, _plain(child))
    return network


@torch.no_grad()
def _plain(conv: StandardisedConv2d) -> nn.Conv2d:
    plain = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        conv.dilation,  # type: ignore[arg-type]
        bias=conv.bias is not None,
        device="meta",
    )
    plain.weight, plain.bias = nn.Parameter(conv.standardised_weight()), conv.bias
    return plain
