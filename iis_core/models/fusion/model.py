"""The IIS model around a network that reads an image and maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from iis_core.errors import UserError, first_line
from iis_core.models.fusion.inputs import encode_maps
from iis_core.models.fusion.networks import EarlyFusion, FusionNetwork, IntermediateFusion, freeze_unused
from iis_core.models.fusion.working_size import choose_working_shape, resize_antialiased, scale_clicks
from iis_core.plugins.offers import show_loaded
from iis_core.types import Clicks, State

FUSIONS: Mapping[str, type[FusionNetwork]] = {"early": EarlyFusion, "intermediate": IntermediateFusion}
"""The ways in which maps enter a network, by name."""


class FusionModel(nn.Module):
    """A `TrainableModel` that renders the last prediction and the clicks as maps and gives them to the network.

    Images of any size are padded at the bottom and on the right, by replication, to a size that the network takes.

    Args:
        network: reads the image and the maps.
        mean: the mean of R, G and B in [0, 1], with which the image is normalised.
        std: the standard deviation, in the same form.
        click_encoding: a name in `CLICK_ENCODINGS`.
        working_size: the longer side, in pixels, to which `__call__` reduces larger images for the network; None for no
            limit. `logits` never reduces the image.

    Raises:
        UserError: the working size is below 1.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: FusionNetwork,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        click_encoding: str = "disks",
        working_size: int | None = None,
    ) -> None:
        super().__init__()
        if working_size is not None and working_size < 1:
            raise UserError(f"working_size must be at least 1, not {working_size}")
        self.working_size = working_size
        self.network = network
        self.click_encoding = click_encoding
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)

    def __repr__(self) -> str:
        return show_loaded(self)

    @property
    def device(self) -> torch.device:
        """The device of the network's parameters."""
        return next(self.network.parameters()).device

    def initialize_z(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> State:
        """Return a state that holds the last prediction, which at first is the initial one."""
        return {"prediction": self.initialize_y(image, target, initial_mask)}

    def initialize_y(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> Tensor:
        """Return the initial mask, or zeros where there is none."""
        return image.new_zeros(image[:, :1].shape) if initial_mask is None else initial_mask.to(image).clone()

    @torch.no_grad()
    def forward(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        """Answer the clicks, like `IISModel.__call__`."""
        whole = x.shape[-2], x.shape[-1]
        small = choose_working_shape(whole, self.working_size)
        shown = {**z, "prediction": resize_antialiased(z["prediction"], small)}
        pcs, ncs = scale_clicks(pcs, whole, small), scale_clicks(ncs, whole, small)
        _, z = self.logits(resize_antialiased(x, small), shown, pcs, ncs)
        y = resize_antialiased(z["prediction"], whole).clamp(0, 1)
        return y, {**z, "prediction": y}

    def logits(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[dict[str, Tensor], State]:
        """Return the logits of the network, like `TrainableModel.logits`."""
        maps = encode_maps(z["prediction"], pcs, ncs, self.click_encoding)
        padded, z = self._answer_padded(x, self._pad(maps), z)
        y = padded[..., : x.shape[-2], : x.shape[-1]]
        return {"y": y}, {**z, "prediction": y.detach().float().sigmoid()}

    def _answer_padded(self, x: Tensor, maps: Tensor, z: State) -> tuple[Tensor, State]:
        return self.network(self._normalise(x), maps), z

    def _normalise(self, x: Tensor) -> Tensor:
        """Normalise and pad the image for the network."""
        return self._pad((x - self.mean) / self.std)

    def _pad(self, x: Tensor) -> Tensor:
        multiple, least = self.network.multiple, self.network.least
        rows, columns = (max(least, -(-side // multiple) * multiple) - side for side in x.shape[-2:])
        return functional.pad(x, (0, columns, 0, rows), mode="replicate") if rows or columns else x


class EncodingFusionModel(FusionModel):
    """A `FusionModel` that encodes an image once for all of its objects and clicks."""

    network: IntermediateFusion

    def encode(self, x: Tensor) -> State:
        """Encode images.

        Args:
            x: float32 (B, 3, H, W) in [0, 1].

        Returns:
            The features of the network, as `initialize_z` takes them.
        """
        shown = resize_antialiased(x, choose_working_shape((x.shape[-2], x.shape[-1]), self.working_size))
        return {str(k): feature for k, feature in enumerate(self.network.features(self._normalise(shown)))}

    def initialize_z(
        self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None, features: State | None = None
    ) -> State:
        """Return a state that holds the last prediction and, where given, the features.

        Args:
            image: as for `IISModel.initialize_z`.
            target: as for `IISModel.initialize_z`.
            initial_mask: as for `IISModel.initialize_z`.
            features: as returned by `encode`; None leaves the encoding to the first answer.

        Returns:
            The state.
        """
        known = {} if features is None else {"features": features}
        return {**super().initialize_z(image, target, initial_mask), **known}

    def _answer_padded(self, x: Tensor, maps: Tensor, z: State) -> tuple[Tensor, State]:
        """Answer from features; where gradients are on or the image is reduced, use no known ones and keep none."""
        shape = x.shape[-2], x.shape[-1]
        if torch.is_grad_enabled() or choose_working_shape(shape, self.working_size) != shape:
            return super()._answer_padded(x, maps, z)
        features = z["features"] if "features" in z else self.encode(x)
        in_order = [features[str(k)] for k in range(len(features))]
        return self.network.decode(in_order, maps), {**z, "features": features}


def fuse(
    network: Any,
    *,
    fusion: str,
    click_encoding: str,
    mean: Sequence[float],
    std: Sequence[float],
    working_size: int | None = None,
    what: str = "the network",
    remedy: str = "use another network",
) -> FusionModel:
    """Make an IIS model of a segmentation network; parameters on which its logits do not depend are frozen.

    Args:
        network: a `SegmentationNetwork`, changed in place.
        fusion: how the maps enter the network, a name in `FUSIONS`: "early" or "intermediate".
        click_encoding: a name in `CLICK_ENCODINGS`: "disks", "distances" or "gaussians".
        mean: the mean of R, G and B in [0, 1], with which the image is normalised.
        std: the standard deviation, in the same form.
        working_size: as for `FusionModel`.
        what: the network's name, for the error.
        remedy: what to do where the network cannot answer, for the error.

    Returns:
        The model; an `EncodingFusionModel` with intermediate fusion.

    Raises:
        UserError: the network cannot answer even an image of its smallest size, or the working size is below 1.

    Example:
        >>> model = fuse(Net(), fusion="early", click_encoding="disks", mean=[0.5] * 3, std=[0.5] * 3)
    """
    try:
        fused = FUSIONS[fusion](network)
        freeze_unused(fused)
    except (RuntimeError, AssertionError) as error:
        size = f"{network.least} x {network.least}"
        raise UserError(
            f"{what} by {fusion} fusion cannot answer an image of {size}: {first_line(error)}; {remedy}"
        ) from error
    kind = EncodingFusionModel if isinstance(fused, IntermediateFusion) else FusionModel
    return kind(fused, mean=mean, std=std, click_encoding=click_encoding, working_size=working_size)
