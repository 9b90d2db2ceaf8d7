"""The IIS model around a network: the published inference, on a square of the region that is zoomed into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from iis_core import UserError
from iis_core.models.inference import PointsModel
from iis_core.models.vit import put_pretrained
from iis_simpleclick.network import WINDOW
from iis_simpleclick.published import build_network


class SimpleClickModel(PointsModel):
    """Zoom-in from the first click to one size, flip and the previous mask around a network.

    Args:
        network: `forward(image, points) -> {"instances": logits}`, as `PlainViTNetwork` has it; it is shown the
            previous mask if `network.with_prev_mask` is true. It may have no parameters.
        target_size: side in pixels of the square that the network sees, or its (height, width); None shows it the
            whole image as it is.
        flip: average the logits with those of the mirrored image.
        device: by default that of the network's parameters, else the CPU.
        precision: "fp32", or "bf16" to compute in bfloat16 where torch's autocast does.
        compile: compile the network with torch's compiler.

    Raises:
        UserError: an argument is out of range.

    Source: Liu et al. 2023, SimpleClick: Interactive Image Segmentation with Simple Vision Transformers.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        target_size: int | Sequence[int] | None = 448,
        flip: bool = True,
        device: str | torch.device | None = None,
        precision: str = "fp32",
        compile: bool = False,
    ) -> None:
        sides = target_size if isinstance(target_size, (tuple, list)) else (target_size, target_size)
        zoom_in = None if target_size is None else {"target_size": sides, "skip_clicks": -1}
        super().__init__(network, zoom_in=zoom_in, flip=flip, device=device, precision=precision, compile=compile)


def build_model(
    *,
    network: Mapping[str, Any],
    target_size: int | Sequence[int] | None = 448,
    flip: bool = True,
    pretrained: str | Path | None = None,
    layer_decay: float = 1.0,
    precision: str = "fp32",
    compile: bool = False,
) -> SimpleClickModel:
    """Build a model with random weights.

    Args:
        network: the config of the network, see `build_network`.
        target_size: side of the square that the network sees, or its (height, width), multiples of 224 pixels; None
            shows it the whole image.
        flip: average the logits with those of the mirrored image.
        pretrained: a file of MAE's weights for the backbone, to train from, see `put_pretrained`.
        layer_decay: factor of the learning rate from one layer of the backbone to the one before.
        precision: "fp32", or "bf16" to compute in bfloat16 where torch's autocast does.
        compile: compile the network with torch's compiler.
    """
    if not 0 < layer_decay <= 1:
        raise UserError(f"layer_decay must be above 0 and at most 1, not {layer_decay}")
    if target_size is not None:
        _check_size(target_size)
    built = build_network(network)
    built.layer_decay = layer_decay
    if pretrained is not None:
        put_pretrained(built.backbone, pretrained)
    return SimpleClickModel(built, target_size=target_size, flip=flip, precision=precision, compile=compile)


def _check_size(target_size: int | Sequence[int]) -> None:
    sides: Sequence[Any] = target_size if isinstance(target_size, (tuple, list)) else (target_size, target_size)
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 and side % WINDOW == 0 for side in sides):
        raise UserError(
            f"target_size must be a multiple of {WINDOW} pixels, or two for height and width, not {target_size!r}"
        )
