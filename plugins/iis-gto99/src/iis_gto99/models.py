"""The registered model: the published network with its weights."""

from __future__ import annotations

from iis_core.weights import find_weights, put_weights
from iis_gto99.model import GTO99Model
from iis_gto99.network import build_network


def resnet50(*, device: str = "cpu", weights: str | None = None) -> GTO99Model:
    """The published model.

    weights: the published `InterSegSynthFT.pth`, a model folder, "published" (also None) or "random".

    Raises UserError where the weights are not at hand or do not fit.
    """
    network, used = build_network(), None
    if weights != "random":
        stored = find_weights("gto99/resnet50", weights)
        put_weights(network, stored)
        used = stored.sha256
    model = GTO99Model(network, device=device)
    model.weights_sha256 = used
    return model
