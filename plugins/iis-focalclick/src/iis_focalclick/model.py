"""The IIS model around a network: coarse segmentation of the target, refinement of what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

from iis_core.clicks import order_clicks, stack_points
from iis_core.models.inference import Box, InferenceCopy, ZoomIn, crop_and_resize, map_clicks, paste, resize_aligned
from iis_core.plugins.offers import show_loaded
from iis_core.types import Click, Clicks, SignedClick, State
from iis_focalclick.focus import PROBABILITY, PROBABILITY_NOW, find_focus, merge
from iis_focalclick.networks.network import FocalClickNetwork
from iis_focalclick.networks.preparing import prepare
from iis_focalclick.networks.published import build_network

SEEN = (256, 256)
"""Height and width that the networks see."""

MASK = 0.5
"""Above which a pixel of an answer corrects a given mask."""

Ordered = Sequence[Sequence[SignedClick]]
"""Clicks by batch element, in order."""

_COARSE_CLICKS = 10
"""After more clicks than these nothing changes outside of the region that is refined, as published."""


class FocalClickModel(nn.Module):
    """Zoom to the target, a coarse network, a refiner of what changed; a given mask is corrected click by click.

    Each element of a batch has regions of its own.

    Args:
        network: `coarse(image, previous_mask, points) -> (logits, feature)` and `refine(focus_image, focus_points,
            logits_crop, feature_crop) -> logits`, as `FocalClickNetwork` has them; images are in [0, 1], 256 x 256. It
            may have no parameters.
        zoom_in: zoom to the target, keep what earlier clicks made of the rest after ten clicks, and correct a given
            mask only where the click is; else the answer is the sigmoid of `logits`.
        device: by default that of the network's parameters, else the CPU.

    Source: Chen et al. 2022, FocalClick: Towards Practical Interactive Image Segmentation.
    """

    def __init__(self, network: nn.Module, *, zoom_in: bool = True, device: str | torch.device | None = None) -> None:
        super().__init__()
        self.network = network if device is None else network.to(device)
        self._device = torch.device(device or "cpu")
        self.zoom_in = ZoomIn(SEEN, min_crop_size=10, prob_thresh=PROBABILITY) if zoom_in else None
        self._inference = InferenceCopy(prepare)

    def __repr__(self) -> str:
        return show_loaded(self)

    @property
    def device(self) -> torch.device:
        """The device of the network's parameters, or the given one where it has none."""
        parameter = next(self.network.parameters(), None)
        return self._device if parameter is None else parameter.device

    def initialize_z(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> State:
        """The mask that is shown, the network's own last answer, whether a mask was given, and the last regions."""
        shown = self.initialize_y(image, target, initial_mask)
        return {
            "shown": shown,
            "previous": shown,
            "given": [initial_mask is not None for _ in image],
            "answered": [False for _ in image],
            "region": [None for _ in image],
            "focus": [None for _ in image],
        }

    def initialize_y(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> Tensor:
        """The initial mask, or zeros."""
        return image.new_zeros(image[:, :1].shape) if initial_mask is None else initial_mask.to(image).clone()

    @torch.no_grad()
    def forward(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        """Answer the clicks, as `IISModel.__call__`; a mask that was given is answered corrected, with 0 and 1."""
        network, clicks = self._inference.of(self.network), _order(pcs, ncs, len(x))
        if self.zoom_in is None:
            outputs = self._answer_whole(network, x, z, clicks)
            y = outputs["y"].sigmoid()
            return y, {**z, "shown": y, "previous": y, "answered": [True] * len(x)}
        regions = [self._find_region(x, z, clicks[b], b) for b in range(len(x))]
        coarse = _segment(network, x, z["previous"], clicks, regions)
        y = torch.cat([paste(p[None], r, _shape(x)) for p, r in zip(coarse[0].sigmoid(), regions, strict=True)])
        focus = _find_focus(y > PROBABILITY_NOW, z["previous"], clicks, regions)
        late = [b for b, own in enumerate(clicks) if len(own) > _COARSE_CLICKS]
        y[late] = z["previous"][late]
        for b, box, refined in _refine(network, x, clicks, coarse, regions, focus):
            _cut(y[b], box)[:] = refined.sigmoid()
        shown = _merge(y, z, _order(pcs[-1:], ncs[-1:], len(x)))
        z = {**z, "shown": shown, "previous": y, "region": regions, "focus": focus, "answered": [True] * len(x)}
        return shown.clone(), z

    def logits(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[dict[str, Tensor], State]:
        """Both networks on the whole image: `y`, refined where the click is, `coarse`, and `aux` where there is one."""
        outputs = self._answer_whole(self.network, x, z, _order(pcs, ncs, len(x)))
        y = outputs["y"].detach().sigmoid().float()
        return outputs, {**z, "shown": y, "previous": y, "answered": [True] * len(x)}

    def learning_rate_multipliers(self) -> Mapping[str, float]:
        """As the network says, where it is a `FocalClickNetwork`; see `LayerwiseModel`."""
        known = self.network.learning_rate_multipliers() if isinstance(self.network, FocalClickNetwork) else {}
        return {f"network.{name}": factor for name, factor in known.items()}

    def _find_region(self, x: Tensor, z: State, clicks: Sequence[SignedClick], b: int) -> Box:
        """The region around the mask that is shown and the positive clicks; at the first click the whole image."""
        assert self.zoom_in is not None
        region = None
        if z["answered"][b] and len(clicks) > 1:
            region = self.zoom_in.object_region(z["shown"][b, 0].cpu().numpy() > PROBABILITY, clicks)
        return region or _whole(x)

    def _answer_whole(self, network: Any, x: Tensor, z: State, clicks: Ordered) -> dict[str, Tensor]:
        regions = [_whole(x)] * len(x)
        found = _segment(network, x, z["previous"], clicks, regions)
        y = coarse = resize_aligned(found[0], _shape(x))
        focus = _find_focus(coarse.detach() > PROBABILITY, z["previous"], clicks, regions)
        for b, box, refined in _refine(network, x, clicks, found, regions, focus):
            y = y.clone()
            _cut(y[b], box)[:] = refined
        auxiliary = found[2] if len(found) > 2 else None
        return {"y": y, "coarse": coarse} | ({} if auxiliary is None else {"aux": resize_aligned(auxiliary, _shape(x))})


def _segment(network: Any, x: Tensor, previous: Tensor, clicks: Ordered, regions: Sequence[Box]) -> tuple[Tensor, ...]:
    """What the coarse network makes of the regions: logits, features and, where it has them, auxiliary logits."""
    every = range(len(x))
    image = torch.cat([crop_and_resize(x[b : b + 1], regions[b], SEEN) for b in every])
    mask = torch.cat([crop_and_resize(previous[b : b + 1], regions[b], SEEN) for b in every])
    points = stack_points([map_clicks(clicks[b], regions[b], SEEN) for b in every], least=1, device=x.device)
    outputs: tuple[Tensor, ...] = getattr(network, "coarse_outputs", network.coarse)(image, mask, points)
    return outputs


def _find_focus(now: Tensor, previous: Tensor, clicks: Ordered, regions: Sequence[Box]) -> list[Box | None]:
    pairs = zip(now[:, 0].cpu().numpy(), (previous[:, 0] > PROBABILITY).cpu().numpy(), strict=True)
    return [
        find_focus(new, old, _last(own), region) for (new, old), own, region in zip(pairs, clicks, regions, strict=True)
    ]


def _refine(
    network: Any,
    x: Tensor,
    clicks: Ordered,
    coarse: Sequence[Tensor],
    regions: Sequence[Box],
    focus: Sequence[Box | None],
) -> Iterator[tuple[int, Box, Tensor]]:
    """Refine what changed; yields the element, the region that is refined and its logits, float32 (1, h, w)."""
    found = [(b, box) for b, box in enumerate(focus) if box is not None]
    if not found:
        return
    image = torch.cat([crop_and_resize(x[b : b + 1], box, SEEN) for b, box in found])
    points = stack_points([map_clicks(clicks[b], box, SEEN) for b, box in found], least=1, device=x.device)
    places = torch.tensor([[b, *_place(box, regions[b])] for b, box in found], dtype=x.dtype, device=x.device)
    logits, feature = coarse[:2]
    crops = (
        roi_align(maps, places, maps.shape[-2:], spatial_scale=maps.shape[-1] / SEEN[1], aligned=True)
        for maps in (logits, feature)
    )
    for (b, box), refined in zip(found, network.refine(image, points, *crops), strict=True):
        yield b, box, resize_aligned(refined[None], box.shape)[0]


def _place(box: Box, region: Box) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a box in pixels of its region at the size that the network sees."""
    spans = []
    for first, last, start, side, size in (
        (box.left, box.right, region.left, region.shape[1], SEEN[1]),
        (box.top, box.bottom, region.top, region.shape[0], SEEN[0]),
    ):
        spans.append((max((first - start) * (size / side), 0), min((last + 1 - start) * (size / side), size)))
    (left, right), (top, bottom) = spans
    return left, top, right, bottom


def _merge(y: Tensor, z: State, new: Ordered) -> Tensor:
    """What is shown: the answer; where a mask was given, that mask, corrected where the new clicks are."""
    shown = y.clone()
    for b, clicks in enumerate(new):
        if z["given"][b]:
            mask, result = ((masks[b, 0] > MASK).cpu().numpy() for masks in (z["shown"], y))
            for click in clicks:
                mask = merge(mask, result, click)
            shown[b, 0] = torch.from_numpy(mask).to(y)
    return shown


def _order(pcs: Clicks, ncs: Clicks, elements: int) -> list[Sequence[SignedClick]]:
    return [order_clicks(pcs, ncs, element) for element in range(elements)]


def _last(clicks: Sequence[SignedClick]) -> Click | None:
    return (clicks[-1].row, clicks[-1].col) if clicks else None


def _whole(x: Tensor) -> Box:
    return Box(0, x.shape[-2] - 1, 0, x.shape[-1] - 1)


def _shape(x: Tensor) -> tuple[int, int]:
    return x.shape[-2], x.shape[-1]


def _cut(pixels: Tensor, box: Box) -> Tensor:
    """The pixels of a box, a view: float32 (C, h, w)."""
    return pixels[:, box.top : box.bottom + 1, box.left : box.right + 1]


def build_model(*, network: Mapping[str, Any], zoom_in: bool = True) -> FocalClickModel:
    """Build a model with random weights.

    Args:
        network: the config of the network, see `build_network`.
        zoom_in: as published; without, the networks see the whole image, and the answer is the sigmoid of `logits`.
    """
    return FocalClickModel(build_network(network), zoom_in=zoom_in)
