"""The IIS model around a network that takes an image and points, with the inference of RITM and its descendants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from iis_core.clicks import PlacedClick, order_clicks, points_from_clicks, stack_points
from iis_core.errors import UserError
from iis_core.models.inference.copies import InferenceCopy
from iis_core.models.inference.folding import prepare_for_inference
from iis_core.models.inference.zoom import (
    Box,
    ZoomIn,
    crop_and_resize,
    fit_shape,
    map_clicks,
    mirror_clicks,
    paste,
    resize_aligned,
)
from iis_core.plugins.offers import show_loaded
from iis_core.types import Clicks, SignedClick, State


@dataclass(frozen=True)
class NetworkInput:
    """What the network is shown for one element.

    Args:
        image: float32 (1, 3 or 4, h, w).
        clicks: the element's clicks, in pixels of this image.
        unlimited: the size of this image before its longest side was limited.
    """

    image: Tensor
    clicks: Sequence[SignedClick | PlacedClick]
    unlimited: tuple[int, int]


class PointsModel(nn.Module):
    """Zoom-in, flip and the previous mask around a network; each element of a batch has a region of its own.

    Inference uses a copy of the network in which batch norms are folded, where the network says how it runs (see
    `folding`); the copy is made anew when the parameters change. Any other network runs as it is.

    Args:
        network: `forward(image, points) -> {"instances": logits}`: image float32 (B, 3, H, W) in [0, 1], points as
            `stack_points` gives them with n of at least 1, logits float32 (B, 1, H, W); `instances_aux` may hold
            auxiliary logits, for training. It is shown the previous mask, as the image's fourth channel, if
            `network.with_prev_mask` is true. It may have no parameters.
        zoom_in: keywords of `ZoomIn`, or None to show the whole image.
        flip: average the logits with those of the mirrored image.
        max_size: the limit of the longest side that the network is shown, in pixels.
        device: by default that of the network's parameters, else the CPU.
        precision: "fp32", or "bf16" to compute in bfloat16 where torch's autocast does.
        compile: compile the network with torch's compiler.

    Attributes:
        points_dtype: of the points that the network is given in inference, as published.

    Raises:
        UserError: an argument is out of range or unknown.

    Source: Sofiiuk, Petrov, Konushin 2021; Sofiiuk et al. 2020, f-BRS (zoom-in).
    """

    points_dtype: ClassVar[torch.dtype] = torch.float32

    def __init__(
        self,
        network: nn.Module,
        *,
        zoom_in: Mapping[str, Any] | None = None,
        flip: bool = False,
        max_size: int | None = None,
        device: str | torch.device | None = None,
        precision: str = "fp32",
        compile: bool = False,
    ) -> None:
        super().__init__()
        if precision not in ("fp32", "bf16"):
            raise UserError(f"precision must be fp32 or bf16, not {precision!r}")
        if max_size is not None and max_size < 1:
            raise UserError(f"max_size must be at least 1, not {max_size}")
        try:
            self.zoom_in = None if zoom_in is None else ZoomIn(**zoom_in)
        except TypeError as error:
            raise UserError(f"zoom_in: {error}") from error
        self._device = torch.device(device or "cpu")
        self.network = network if device is None else network.to(device)
        self.with_prev_mask = bool(getattr(network, "with_prev_mask", False))
        self.flip = flip
        self.max_size = max_size
        self.precision = precision
        self._inference = InferenceCopy(_compile if compile else prepare_for_inference)

    def __repr__(self) -> str:
        return show_loaded(self)

    @property
    def device(self) -> torch.device:
        """The device of the network's parameters, or the given one where it has none."""
        parameter = next(self.network.parameters(), None)
        return self._device if parameter is None else parameter.device

    def initialize_z(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> State:
        """The last prediction, whether it is the network's own, and per element the region and its pixels."""
        return {
            "prediction": self.initialize_y(image, target, initial_mask),
            "answered": [False for _ in image],
            "region": [None for _ in image],
            "pixels": [None for _ in image],
        }

    def initialize_y(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> Tensor:
        """The initial mask, or zeros."""
        return image.new_zeros(image[:, :1].shape) if initial_mask is None else initial_mask.to(image).clone()

    @torch.no_grad()
    def forward(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        """Answer the clicks, as `IISModel.__call__`."""
        clicks = [order_clicks(pcs, ncs, element) for element in range(len(x))]
        everything = range(len(x))
        z = self._look(x, z, clicks, everything)
        y = self._predict(x, z, clicks, everything)
        again = [b for b in everything if self._wants_again(y[b, 0], z["region"][b])]
        if again:
            # The network is shown the mask of the click before, not the prediction that is being repeated.
            known = self._look(x, {**z, "prediction": y, "answered": [True] * len(x)}, clicks, again)
            z = {**known, "prediction": z["prediction"]}
            y[again] = self._predict(x, z, clicks, again)
        return y, {**z, "prediction": y, "answered": [True] * len(x)}

    def logits(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[dict[str, Tensor], State]:
        """The network on the whole image: `y` and, where it has them, auxiliary logits `aux`."""
        image = torch.cat((x, z["prediction"]), dim=1) if self.with_prev_mask else x
        outputs = self.network(image, points_from_clicks(pcs, ncs, device=x.device))
        names = {"y": "instances", "aux": "instances_aux"}
        named = {name: outputs[key] for name, key in names.items() if key in outputs}
        prediction = named["y"].detach().sigmoid().float()
        return named, {**z, "prediction": prediction, "answered": [True] * len(x)}

    def learning_rate_multipliers(self) -> Mapping[str, float]:
        """As the network says, where it has a method of that name; see `LayerwiseModel`."""
        known: Mapping[str, float] = getattr(self.network, "learning_rate_multipliers", dict)()
        return {f"network.{name}": factor for name, factor in known.items()}

    def _wants_again(self, prediction: Tensor, region: Box | None) -> bool:
        return self.zoom_in is not None and self.zoom_in.wants_again(prediction.cpu().numpy(), region)

    def _look(self, x: Tensor, z: State, clicks: Sequence[Sequence[SignedClick]], elements: Sequence[int]) -> State:
        """The state with some elements' regions for these clicks, and the pixels of those that are seen."""
        if self.zoom_in is None:
            return z
        shape = (x.shape[-2], x.shape[-1])
        regions, pixels = list(z["region"]), list(z["pixels"])
        for b in elements:
            last = z["prediction"][b, 0].cpu().numpy() if z["answered"][b] else None
            regions[b], is_seen = self.zoom_in.next_region(clicks[b], last, z["region"][b], shape)
            if not is_seen:
                pixels[b] = None
            elif pixels[b] is None or regions[b] != z["region"][b]:
                pixels[b] = self._cut_out(x[b : b + 1], regions[b], self.zoom_in.seen_shape(regions[b]))
        return {**z, "region": regions, "pixels": pixels}

    def _cut_out(self, image: Tensor, region: Box, shape: tuple[int, int]) -> Tensor:
        # Published code resizes four channels at once. Torch rounds three in another way, but each of four as one.
        blank = image.new_zeros(image[:, : int(self.with_prev_mask)].shape)
        return crop_and_resize(torch.cat((image, blank), dim=1), region, shape)[:, :3]

    def _predict(self, x: Tensor, z: State, clicks: Sequence[Sequence[SignedClick]], elements: Sequence[int]) -> Tensor:
        """Probabilities of some elements, float32 (b, 1, H, W); views of one size go through together."""
        views = {b: self._view(x, z, clicks[b], b) for b in elements}
        groups = defaultdict(list)
        for b, view in views.items():
            groups[view.image.shape[-2:]].append(b)
        answers: dict[int, Tensor] = {}
        for together in groups.values():
            probabilities = self._probabilities([views[b] for b in together])
            for b, probability in zip(together, probabilities[:, None], strict=True):
                whole = probability if self.max_size is None else resize_aligned(probability, views[b].unlimited)
                region = z["region"][b]
                answers[b] = whole if region is None else paste(whole, region, (x.shape[-2], x.shape[-1]))
        return torch.cat([answers[b] for b in elements])

    def _view(self, x: Tensor, z: State, clicks: Sequence[SignedClick], b: int) -> NetworkInput:
        region, pixels = z["region"][b], z["pixels"][b]
        image = x[b : b + 1] if pixels is None else pixels
        shape = (image.shape[-2], image.shape[-1])
        if self.with_prev_mask:
            previous = z["prediction"][b : b + 1]
            image = torch.cat((image, previous if pixels is None else crop_and_resize(previous, region, shape)), dim=1)
        seen = clicks if pixels is None else map_clicks(clicks, region, shape)
        if self.max_size is not None and max(shape) > self.max_size:
            limited, whole = fit_shape(shape, self.max_size), Box(0, shape[0] - 1, 0, shape[1] - 1)
            return NetworkInput(crop_and_resize(image, whole, limited), map_clicks(seen, whole, limited), shape)
        return NetworkInput(image, seen, shape)

    def _probabilities(self, views: Sequence[NetworkInput]) -> Tensor:
        """The network's answer to views of one size, float32 (b, 1, h, w)."""
        image, clicks = torch.cat([view.image for view in views]), [view.clicks for view in views]
        if self.flip:
            clicks += [mirror_clicks(own, image.shape[3]) for own in clicks]
            image = torch.cat((image, image.flip(3)))
        points = stack_points(clicks, least=1, dtype=self.points_dtype, device=self.device)
        lower = torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()
        with lower:
            logits: Tensor = self._inference.of(self.network)(image, points)["instances"]
        logits = logits.float()
        if self.flip:
            straight, mirrored = logits.chunk(2)
            logits = 0.5 * (straight + mirrored.flip(3))
        return logits.sigmoid()


def _compile(network: nn.Module) -> Any:
    return torch.compile(prepare_for_inference(network), dynamic=True)
