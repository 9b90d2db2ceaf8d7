"""Additional input channels for a network that was made for images."""

from __future__ import annotations

import torch
from torch import nn

from iis_core.errors import UserError

_IMAGE = 3


def widen_input(network: nn.Module, extra: int) -> None:
    """Let every convolution that reads an image also read `extra` channels after it, in place.

    The weights of the image are kept and those of the new channels are 0, so at first the network answers as before,
    whatever the new channels hold. Convolutions that read an image are those with 3 input channels.

    Args:
        network: the network, changed in place.
        extra: the number of new channels.

    Raises:
        UserError: no convolution reads an image.
    """
    convs = [module for module in network.modules() if isinstance(module, nn.Conv2d) and module.in_channels == _IMAGE]
    if not convs:
        raise UserError(f"{type(network).__name__} has no convolution that reads an image: use another encoder")
    for conv in convs:
        weight = conv.weight.detach()
        new = weight.new_zeros((weight.shape[0], extra, *weight.shape[2:]))
        conv.weight = nn.Parameter(torch.cat((weight, new), dim=1))
        conv.in_channels += extra
