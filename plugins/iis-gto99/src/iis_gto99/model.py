"""The IIS model around the network: it takes clicks and gives the alpha."""

from __future__ import annotations

import torch
from torch import Tensor

from iis_core import IISModel
from iis_core.models.inference import InferenceCopy
from iis_core.types import Clicks, State
from iis_gto99.network import GTO99Network, build_network, prepare_for_inference
from iis_gto99.pipeline import (
    choose_shape,
    encode_clicks,
    enlarge,
    force_clicks,
    keep_clicked_components,
    mark_clicks,
    normalise,
    reduce_to,
    scale_clicks,
    split_by_sign,
)


class GTO99Model(IISModel):
    """The published inference around a network, for batches of one size.

    y is the alpha. Parts of the prediction, or of an initial mask, without a positive click are removed before and
    after the network. Inference uses a copy of the network whose weights are standardised only once; the copy is made
    anew when the parameters change.

    Args:
        network: a network from `build_network`, or one with the same interface.
        device: where to run; by default where the network's parameters are.

    Source: Forte, Price, Cohen, Xu, Pitié 2020, Getting to 99% Accuracy in Interactive Segmentation.
    """

    def __init__(self, network: GTO99Network, *, device: str | torch.device | None = None) -> None:
        self.network = network if device is None else network.to(device)
        self._inference = InferenceCopy(prepare_for_inference)

    @property
    def device(self) -> torch.device:  # type: ignore[override]  # follows the network
        """The device of the network's parameters."""
        return next(self.network.parameters()).device

    def encode(self, x: Tensor) -> State:
        """Prepare the image as the network sees it: enlarged to multiples of 32 and normalised."""
        return {"image": normalise(enlarge(x, choose_shape((x.shape[-2], x.shape[-1]))))}

    def initialize_z(
        self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None, features: State | None = None
    ) -> State:
        """Keep the last alpha and the image as the network sees it.

        Args:
            image: as for `IISModel`.
            target: as for `IISModel`.
            initial_mask: as for `IISModel`.
            features: as returned by `encode`, which is called by default.
        """
        features = self.encode(image) if features is None else features
        return {"alpha": self.initialize_y(image, target, initial_mask), "features": features}

    @torch.no_grad()
    def __call__(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        """Answer the clicks, as `IISModel.__call__`."""
        image = z["features"]["image"]
        shape, scaled = (x.shape[-2], x.shape[-1]), (image.shape[-2], image.shape[-1])
        clicks = [split_by_sign(pcs, ncs, element) for element in range(len(x))]
        seen = [scale_clicks(own, shape, scaled) for own in clicks]
        previous = enlarge(keep_clicked_components(z["alpha"], clicks), scaled)
        maps, trimap = encode_clicks(seen, scaled, x.device), mark_clicks(seen, scaled, x.device)
        alpha = self._inference.of(self.network)(image, maps, previous, trimap)
        alpha = keep_clicked_components(force_clicks(reduce_to(alpha, shape), clicks), clicks)
        return alpha, {**z, "alpha": alpha}


def build_model() -> GTO99Model:
    """Build the published model with random weights."""
    return GTO99Model(build_network())
