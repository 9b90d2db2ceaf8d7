"""The IIS model around a network: clicks in, probabilities out, by the published inference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from iis_core.models.inference import PointsModel
from iis_ritm.networks.published import build_network


class RITMModel(PointsModel):
    """Zoom-in, flip and the previous mask around a network; keywords and errors are those of `PointsModel`.

    Example:
        >>> model = RITMModel(build_network("hrnet18s"), zoom_in={"target_size": 400}, flip=True)

    Source: Sofiiuk, Petrov, Konushin 2021; Sofiiuk et al. 2020, f-BRS (zoom-in).
    """

    points_dtype = torch.float64


def build_model(
    *,
    network: Mapping[str, Any],
    target_size: int | None = 400,
    skip_clicks: int = 1,
    flip: bool = True,
    max_size: int | None = None,
    precision: str = "fp32",
    compile: bool = False,
) -> RITMModel:
    """Build a model with random weights.

    Args:
        network: the config of the network, see `build_network`.
        target_size: longer side of what the network sees, in pixels; None shows the whole image.
        skip_clicks: number of clicks before zooming; see `ZoomIn`.
        flip: average the logits with those of the mirrored image.
        max_size: the limit of the longest side that the network is shown, in pixels.
        precision: "fp32", or "bf16" to compute in bfloat16 where torch's autocast does.
        compile: compile the network with torch's compiler.
    """
    zoom_in = None if target_size is None else {"target_size": target_size, "skip_clicks": skip_clicks}
    return RITMModel(
        build_network(network), zoom_in=zoom_in, flip=flip, max_size=max_size, precision=precision, compile=compile
    )
