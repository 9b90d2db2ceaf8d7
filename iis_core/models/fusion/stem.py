"""Additional input channels for a network that was made for images."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from iis_core.errors import UserError
from iis_core.models.fusion.auxiliary import resize_like

_IMAGE = 3


class ImageAndMaps(nn.Module):
    """A convolution that reads an image, and another whose weights are 0 at first, that reads the maps after it.

    Args:
        image: the convolution that reads the image.
        extra: the number of maps.
    """

    def __init__(self, image: nn.Conv2d, extra: int) -> None:
        super().__init__()
        self.image = image
        shape = (extra, image.out_channels, image.kernel_size, image.stride, image.padding, image.dilation)
        # Not drawn at random: the weights of the rest stay those of the seed.
        self.maps = nn.utils.skip_init(nn.Conv2d, *shape, bias=False)  # type: ignore[no-untyped-call]
        nn.init.zeros_(self.maps.weight)

    def forward(self, x: Tensor) -> Tensor:
        image: Tensor = self.image(x[:, :_IMAGE])
        return image + resize_like(self.maps(x[:, _IMAGE:]), image)


def widen_input(network: nn.Module, extra: int) -> None:
    """Let every convolution that reads an image also read `extra` channels after it, in place.

    The weights of the image are kept and those of the new channels are 0, so at first the network answers as before,
    whatever the new channels hold. Convolutions that read an image are those with 3 input channels. Where one computes
    its weights from all of its parameters, by standardising them for example, the new channels get one of their own.

    Args:
        network: the network, changed in place.
        extra: the number of new channels.

    Raises:
        UserError: no convolution reads an image.
    """
    convs = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and module.in_channels == _IMAGE
    }
    if not convs:
        raise UserError(f"{type(network).__name__} has no convolution that reads an image: use another encoder")
    for name, conv in convs.items():
        if _takes_channels(conv, extra):
            _widen(conv, extra)
        else:
            parent, _, own_name = name.rpartition(".")
            setattr(network.get_submodule(parent), own_name, ImageAndMaps(conv, extra))


def _widen(conv: nn.Conv2d, extra: int) -> None:
    weight = conv.weight.detach()
    new = weight.new_zeros((weight.shape[0], extra, *weight.shape[2:]))
    conv.weight = nn.Parameter(torch.cat((weight, new), dim=1))
    conv.in_channels += extra


@torch.no_grad()
def _takes_channels(conv: nn.Conv2d, extra: int) -> bool:
    """Whether channels of weight 0 change nothing in what a convolution answers."""
    if "weight" not in dict(conv.named_parameters(recurse=False)) or conv.groups > 1:
        return False
    widened = deepcopy(conv)
    _widen(widened, extra)
    side = 2 * max(kernel * dilation for kernel, dilation in zip(conv.kernel_size, conv.dilation, strict=True))
    shown = torch.rand(1, widened.in_channels, side, side, generator=torch.Generator().manual_seed(0))
    return torch.allclose(conv(shown[:, :_IMAGE]), widened(shown), rtol=1e-3, atol=1e-5)
