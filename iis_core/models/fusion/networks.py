"""Networks that read an image and maps, made of a segmentation network by early or intermediate fusion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from iis_core.models.fusion.auxiliary import AuxiliaryEncoder, list_feature_shapes
from iis_core.models.fusion.inputs import MAPS
from iis_core.models.fusion.stem import widen_input


class SegmentationNetwork(Protocol):
    """A segmentation network for one class, in two halves; also an `nn.Module`.

    Attributes:
        multiple: image sides must be multiples of this.
        least: the smallest image side that the network takes.
    """

    multiple: int
    least: int

    def features(self, image: Tensor) -> list[Tensor]:
        """Encode an image.

        Args:
            image: normalised, float32 (B, 3, H, W).

        Returns:
            The features that the decoder reads, float32 (B, c, h, w) each, where c may be 0, or with another number of
                dimensions, e.g. tokens.
        """
        ...

    def decode(self, features: Sequence[Tensor], shape: tuple[int, int]) -> Tensor:
        """Decode features.

        Args:
            features: as returned by `features`.
            shape: (H, W) of the image.

        Returns:
            Logits, float32 (B, 1, H, W).
        """
        ...


class FusionNetwork(nn.Module):
    """A network that reads an image and maps.

    Args:
        network: a `SegmentationNetwork`, changed in place.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        self.multiple: int = network.multiple
        self.least: int = -(-network.least // network.multiple) * network.multiple

    def forward(self, image: Tensor, maps: Tensor) -> Tensor:
        """Return the logits.

        Args:
            image: normalised, float32 (B, 3, H, W).
            maps: float32 (B, 3, H, W), as returned by `encode_maps`.

        Returns:
            Logits, float32 (B, 1, H, W).
        """
        raise NotImplementedError


class EarlyFusion(FusionNetwork):
    """A network into which image and maps enter together; at first the weights of the maps are 0.

    Args:
        network: a `SegmentationNetwork`, changed in place.
    """

    def __init__(self, network: Any) -> None:
        super().__init__(network)
        widen_input(network, MAPS)

    def forward(self, image: Tensor, maps: Tensor) -> Tensor:
        encoded = self.network.features(torch.cat((image, maps), dim=1))
        logits: Tensor = self.network.decode(encoded, (image.shape[-2], image.shape[-1]))
        return logits


class IntermediateFusion(FusionNetwork):
    """A network with a second encoder for the maps, whose features are added to those of the image at every scale.

    Args:
        network: a `SegmentationNetwork`, changed in place.
    """

    def __init__(self, network: Any) -> None:
        super().__init__(network)
        with _in_evaluation_mode(network), torch.no_grad():
            shapes = list_feature_shapes(network.features(torch.zeros(1, 3, self.least, self.least)), self.least)
        self.auxiliary = AuxiliaryEncoder(MAPS, shapes)

    def forward(self, image: Tensor, maps: Tensor) -> Tensor:
        return self.decode(self.features(image), maps)

    def features(self, image: Tensor) -> list[Tensor]:
        """Encode the image, for all clicks.

        Args:
            image: normalised, float32 (B, 3, H, W).

        Returns:
            The features of the image alone, float32 (B, c, h, w) each.
        """
        found: list[Tensor] = self.network.features(image)
        return found

    def decode(self, features: Sequence[Tensor], maps: Tensor) -> Tensor:
        """Decode the features of an image together with the maps.

        Args:
            features: as returned by `features`.
            maps: float32 (B, 3, H, W), as returned by `encode_maps`.

        Returns:
            Logits, float32 (B, 1, H, W).
        """
        shape = maps.shape[-2], maps.shape[-1]
        logits: Tensor = self.network.decode(self.auxiliary(maps, features), shape)
        return logits


def freeze_unused(network: FusionNetwork) -> None:
    """Freeze the parameters on which the logits do not depend.

    Distributed training waits for the gradient of every parameter that is not frozen.

    Args:
        network: the network, changed in place.
    """
    image, maps = (torch.zeros(1, channels, network.least, network.least) for channels in (3, MAPS))
    with _in_evaluation_mode(network), torch.enable_grad():
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        total = network(image, maps).sum()
        gradients: Sequence[Tensor | None] = torch.autograd.grad(total, trained, allow_unused=True)
    for parameter, gradient in zip(trained, gradients, strict=True):
        if gradient is None:
            parameter.requires_grad_(False)


@contextmanager
def _in_evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Keep a module in evaluation mode, so that no batch statistics change."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
