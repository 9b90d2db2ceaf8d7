"""The published network: it takes an image and click maps and gives the alpha."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from iis_core import UserError
from iis_gto99.network.decoder import Decoder
from iis_gto99.network.encoder import Encoder
from iis_gto99.network.layers import prepare_for_inference

__all__ = ["STRIDE", "GTO99Network", "build_network", "prepare_for_inference"]

STRIDE = 8


class GTO99Network(nn.Module):
    """Encoder and decoder, with the parameter names of the published `InterSegSynthFT.pth`.

    Source: Forte, Price, Cohen, Xu, Pitié 2020, Getting to 99% Accuracy in Interactive Segmentation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder(channels=3 + 6)
        self.decoder = Decoder()

    def forward(self, image: Tensor, click_maps: Tensor, previous_alpha: Tensor, trimap: Tensor) -> Tensor:
        """Compute the alpha.

        Args:
            image: float32 (B, 3, H, W), RGB, normalised by the ImageNet mean and standard deviation; H and W are
                multiples of 8.
            click_maps: float32 (B, 6, H, W), Gaussians of three widths around the clicks, those of the background
                first.
            previous_alpha: float32 (B, 1, H, W) in [0, 1].
            trimap: (B, 2, H, W), 1 at clicked pixels, background first; the alpha is set to 0 and 1 there before it is
                filtered.

        Returns:
            float32 (B, 1, H, W) in [0, 1].

        Raises:
            UserError: the image has another size.
        """
        if image.shape[-2] % STRIDE or image.shape[-1] % STRIDE:
            raise UserError(f"the image must have sides that are multiples of {STRIDE}, not {tuple(image.shape[-2:])}")
        features = self.encoder(torch.cat((image, click_maps), dim=1))
        alpha: Tensor = self.decoder(features, image, click_maps, previous_alpha, trimap)
        return alpha


def build_network() -> GTO99Network:
    """Build the network with random weights, in evaluation mode."""
    return GTO99Network().eval()
