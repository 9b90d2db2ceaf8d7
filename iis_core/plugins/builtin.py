"""What the core itself offers, through the same door as every plugin."""

from __future__ import annotations

from collections.abc import Iterator

from iis_core.plugins import ProtocolSpec, RobotSpec, SelectorSpec, hookimpl

IIS_API = 1

_RITM_PAPER = "Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance"
_GTO99_PAPER = "Forte, Price, Cohen, Xu, Pitié 2020, Getting to 99% Accuracy in Interactive Segmentation"


@hookimpl
def iis_robots() -> Iterator[RobotSpec]:
    yield RobotSpec(
        name="core/ritm",
        target="iis_core.robots.ritm:RitmRobot",
        summary="the pixel farthest from the border of the false negatives or false positives",
        paper=_RITM_PAPER,
    )
    yield RobotSpec(
        name="core/gto99",
        target="iis_core.robots.gto99:Gto99Robot",
        summary="the centre of the largest connected error region of either kind",
        paper=_GTO99_PAPER,
    )


@hookimpl
def iis_selectors() -> Iterator[SelectorSpec]:
    yield SelectorSpec(
        name="core/first",
        target="iis_core.regions.first:FirstSelector",
        summary="the object with value 1 of layer 0",
    )


@hookimpl
def iis_protocols() -> Iterator[ProtocolSpec]:
    yield ProtocolSpec(
        name="core/ritm",
        summary="20 clicks at most, y > 0.49, stop at IoU 0.90",
        paper=_RITM_PAPER,
        robot="core/ritm",
        threshold=0.49,
        inclusive=False,
        max_clicks=20,
        stop_iou=0.90,
        ignore="ignored pixels (-1) are never an error and leave both terms of the IoU",
    )
    yield ProtocolSpec(
        name="core/gto99",
        summary="always 20 clicks, y >= 0.5",
        paper=_GTO99_PAPER,
        robot="core/gto99",
        threshold=0.5,
        inclusive=True,
        max_clicks=20,
        stop_iou=None,
        ignore="unknown pixels (-1) are never an error and leave both terms of the IoU",
    )
