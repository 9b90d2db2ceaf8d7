"""The IIS model around a network: clicks in, probabilities out, an image encoded once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from iis_core import UserError
from iis_core.clicks import points_from_clicks
from iis_core.models.vit import put_pretrained
from iis_core.plugins.offers import show_loaded
from iis_core.types import Clicks, State
from iis_segnext.published import build_network


class SegNextModel(nn.Module):
    """Shows a network the whole image once, then all clicks and the last probabilities at every click.

    Args:
        network: with `encode(image) -> features` and `answer(features, previous, points) -> logits`, as
            `SegNextNetwork` has them.
        device: by default that of the network's parameters.
        precision: "fp32", or "bf16" to compute in bfloat16 where torch's autocast does.
        compile: compile the network with torch's compiler.

    Raises:
        UserError: the precision is unknown.

    Example:
        >>> model = SegNextModel(build_network("vit-b-sax2"))

    Source: Liu et al. 2024, Rethinking Interactive Image Segmentation with Low Latency, High Quality, and Diverse
        Prompts.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        device: str | torch.device | None = None,
        precision: str = "fp32",
        compile: bool = False,
    ) -> None:
        super().__init__()
        if precision not in ("fp32", "bf16"):
            raise UserError(f"precision must be fp32 or bf16, not {precision!r}")
        self.network: Any = network if device is None else network.to(device)
        self.precision = precision
        steps: Any = self.network.encode, self.network.answer
        self._encode, self._answer = (torch.compile(step, dynamic=True) if compile else step for step in steps)

    def __repr__(self) -> str:
        return show_loaded(self)

    @property
    def device(self) -> torch.device:
        """The device of the network's parameters."""
        parameter: Tensor = next(self.network.parameters())
        return parameter.device

    @torch.no_grad()
    def encode(self, x: Tensor) -> State:
        """Encode images, float32 (B, 3, H, W) in [0, 1], into `image`, float32 (B, C, h, w)."""
        with self._lower():
            return {"image": self._encode(x).float()}

    def initialize_z(
        self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None, features: State | None = None
    ) -> State:
        """The last prediction and, where given, the features.

        Args:
            image: as for `IISModel`.
            target: as for `IISModel`.
            initial_mask: as for `IISModel`.
            features: as returned by `encode`; None leaves the encoding to the first answer.
        """
        known = {} if features is None else {"features": features}
        return {"prediction": self.initialize_y(image, target, initial_mask), **known}

    def initialize_y(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> Tensor:
        """The initial mask, or zeros."""
        return image.new_zeros(image[:, :1].shape) if initial_mask is None else initial_mask.to(image).clone()

    @torch.no_grad()
    def forward(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        """Answer the clicks, as `IISModel.__call__`."""
        features = z["features"] if "features" in z else self.encode(x)
        with self._lower():
            logits = self._answer(features["image"], z["prediction"], points_from_clicks(pcs, ncs, device=x.device))
        y = logits.float().sigmoid()
        return y, {**z, "features": features, "prediction": y}

    def logits(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[dict[str, Tensor], State]:
        """The logits `y`, as `TrainableModel.logits`; with gradients enabled the image is encoded anew."""
        if torch.is_grad_enabled():
            features = self.network.encode(x)
        else:
            z = z if "features" in z else {**z, "features": {"image": self.network.encode(x).float()}}
            features = z["features"]["image"]
        y = self.network.answer(features, z["prediction"], points_from_clicks(pcs, ncs, device=x.device))
        return {"y": y}, {**z, "prediction": y.detach().float().sigmoid()}

    def learning_rate_multipliers(self) -> Mapping[str, float]:
        """As the network says, where it has a method of that name; see `LayerwiseModel`."""
        known: Mapping[str, float] = getattr(self.network, "learning_rate_multipliers", dict)()
        return {f"network.{name}": factor for name, factor in known.items()}

    def _lower(self) -> AbstractContextManager[Any]:
        """The context in which inference computes."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()


def build_model(
    *,
    network: Mapping[str, Any],
    pretrained: str | Path | None = None,
    layer_decay: float = 1.0,
    precision: str = "fp32",
    compile: bool = False,
) -> SegNextModel:
    """Build a model with random weights.

    Args:
        network: the config of the network, see `build_network`.
        pretrained: a file of MAE's weights for the encoder, to train from, see `put_pretrained`.
        layer_decay: factor of the learning rate from one layer of the encoder to the one before.
        precision: "fp32", or "bf16" to compute in bfloat16 where torch's autocast does.
        compile: compile the network with torch's compiler.
    """
    if not 0 < layer_decay <= 1:
        raise UserError(f"layer_decay must be above 0 and at most 1, not {layer_decay}")
    built = build_network(network)
    built.layer_decay = layer_decay
    if pretrained is not None:
        put_pretrained(built.backbone, pretrained)
    return SegNextModel(built, precision=precision, compile=compile)
