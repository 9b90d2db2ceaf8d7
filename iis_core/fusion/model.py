"""The IIS model around a network of image and maps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from iis_core.errors import UserError
from iis_core.fusion.maps import auxiliary_maps
from iis_core.fusion.networks import FusionNetwork, IntermediateFusion
from iis_core.fusion.working_size import moved, resized, working_shape
from iis_core.types import Clicks, State


class FusionModel(nn.Module):
    """A `TrainableModel`: the last prediction and the clicks are drawn as maps and go through the network.

    network: of image and maps.
    mean, std: of RGB in [0, 1], by which the image is normalised.
    click_encoding: of `CLICK_ENCODINGS`.
    device: by default that of the network's parameters.
    working_size: the longer side, in pixels, that the network is shown at most by `__call__`; None for any. `logits`
        shows it the image as it is.

    Raises UserError for a working size below 1.

    Images of any size are padded at the bottom and on the right, by replication, to what the network takes.
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
        device: str | torch.device | None = None,
        working_size: int | None = None,
    ) -> None:
        super().__init__()
        if working_size is not None and working_size < 1:
            raise UserError(f"working_size must be at least 1, not {working_size}")
        self.working_size = working_size
        self.network = network
        self.click_encoding = click_encoding
        self.unused_parameters: tuple[str, ...] = ()
        self.weights_sha256: str | None = None
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)
        if device is not None:
            self.to(device)

    @property
    def device(self) -> torch.device:
        """Of the network's parameters."""
        return next(self.network.parameters()).device

    def initialize_z(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> State:
        """The last prediction."""
        return {"prediction": self.initialize_y(image, target, initial_mask)}

    def initialize_y(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> Tensor:
        """The initial mask, or zeros."""
        return image.new_zeros(image[:, :1].shape) if initial_mask is None else initial_mask.to(image).clone()

    @torch.no_grad()
    def forward(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        """Answer the clicks, as `IISModel.__call__`."""
        whole = x.shape[-2], x.shape[-1]
        small = working_shape(whole, self.working_size)
        shown = {**z, "prediction": resized(z["prediction"], small)}
        _, z = self.logits(resized(x, small), shown, moved(pcs, whole, small), moved(ncs, whole, small))
        y = resized(z["prediction"], whole).clamp(0, 1)
        return y, {**z, "prediction": y}

    def logits(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[dict[str, Tensor], State]:
        """The network's answer, as `TrainableModel.logits`."""
        maps = auxiliary_maps(z["prediction"], pcs, ncs, self.click_encoding)
        padded, z = self._padded_logits(x, self._padded(maps), z)
        y = padded[..., : x.shape[-2], : x.shape[-1]]
        return {"y": y}, {**z, "prediction": y.detach().float().sigmoid()}

    def _padded_logits(self, x: Tensor, maps: Tensor, z: State) -> tuple[Tensor, State]:
        return self.network(self._prepared(x), maps), z

    def _prepared(self, x: Tensor) -> Tensor:
        """The image as the network reads it."""
        return self._padded((x - self.mean) / self.std)

    def _padded(self, x: Tensor) -> Tensor:
        multiple, least = self.network.multiple, self.network.least
        rows, columns = (max(least, -(-side // multiple) * multiple) - side for side in x.shape[-2:])
        return functional.pad(x, (0, columns, 0, rows), mode="replicate") if rows or columns else x


class EncodingFusionModel(FusionModel):
    """A `FusionModel` that encodes an image once for all of its objects and clicks."""

    network: IntermediateFusion

    def encode(self, x: Tensor) -> State:
        """The network's features of an image, as `initialize_z` takes them."""
        shown = resized(x, working_shape((x.shape[-2], x.shape[-1]), self.working_size))
        return {str(k): feature for k, feature in enumerate(self.network.features(self._prepared(shown)))}

    def initialize_z(
        self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None, features: State | None = None
    ) -> State:
        """The last prediction and, where given, the features of `encode`, which else come with the first answer."""
        known = {} if features is None else {"features": features}
        return {**super().initialize_z(image, target, initial_mask), **known}

    def _padded_logits(self, x: Tensor, maps: Tensor, z: State) -> tuple[Tensor, State]:
        """With gradients, or an image above the working size, known features are not used and none are kept."""
        shape = x.shape[-2], x.shape[-1]
        if torch.is_grad_enabled() or working_shape(shape, self.working_size) != shape:
            return super()._padded_logits(x, maps, z)
        features = z["features"] if "features" in z else self.encode(x)
        in_order = [features[str(k)] for k in range(len(features))]
        return self.network.decode(in_order, maps), {**z, "features": features}


def fusion_model(
    network: FusionNetwork,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    click_encoding: str = "disks",
    device: str | torch.device | None = None,
    working_size: int | None = None,
) -> FusionModel:
    """The model that fits the network. Arguments as for `FusionModel`."""
    kind = EncodingFusionModel if isinstance(network, IntermediateFusion) else FusionModel
    return kind(network, mean=mean, std=std, click_encoding=click_encoding, device=device, working_size=working_size)
