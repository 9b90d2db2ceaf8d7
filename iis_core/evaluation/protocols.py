"""Evaluation protocols: named rules, and how a run that departs from them is labelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from iis_core.errors import UserError, near_matches
from iis_core.metrics.ratios import check_iou, iou_reaches, is_number
from iis_core.plugins.catalog import find
from iis_core.plugins.specs import ProtocolSpec, RobotSpec

_RULES = ("robot", "threshold", "inclusive", "max_clicks", "stop_iou")


@dataclass(frozen=True)
class Protocol:
    """The effective rules of a run.

    Args:
        name: catalog name of the protocol they come from.
        version: raised when a rule changes.
        robot: catalog name of the robot.
        threshold: a pixel is predicted to be object where y > threshold, y in [0, 1].
        inclusive: the comparison is y >= threshold instead.
        max_clicks: the largest number of clicks per object.
        stop_iou: an object is done once its IoU is at least this; None for never.
        ignore: which pixels count nowhere, in words.
        departures: `{rule: (the protocol's value, the run's value)}`; empty for the protocol itself.
    """

    name: str
    version: int
    robot: str
    threshold: float
    inclusive: bool
    max_clicks: int
    stop_iou: float | None
    ignore: str
    departures: Mapping[str, tuple[Any, Any]]

    @property
    def label(self) -> str:
        """The name in reports: the variant alone for the core's own protocols, with `*` where a rule differs."""
        return self.name.removeprefix("core/") + ("*" if self.departures else "")

    def is_reached(self, intersection: int, union: int) -> bool:
        """Return whether the IoU intersection / union ends the interaction with an object."""
        return self.stop_iou is not None and iou_reaches(intersection, union, self.stop_iou)


def override_protocol(spec: ProtocolSpec, overrides: Mapping[str, Any]) -> Protocol:
    """Override some rules of a protocol.

    Args:
        spec: the protocol.
        overrides: values by rule; one that equals the spec's is no departure.

    Raises:
        UserError: a rule is unknown, or a value is out of range.
    """
    overrides = dict(overrides)
    for rule in overrides:
        if rule not in _RULES:
            hint = near_matches(rule, _RULES) or f"; the rules are {', '.join(_RULES)}"
            raise UserError(f"protocols have no rule {rule!r}{hint}")
    named = {field.name: getattr(spec, field.name) for field in fields(Protocol) if field.name != "departures"}
    named["robot"] = find(RobotSpec, spec.robot).spec.name
    if "robot" in overrides:
        overrides["robot"] = find(RobotSpec, overrides["robot"]).spec.name
    departures = {rule: (named[rule], value) for rule, value in overrides.items() if value != named[rule]}
    protocol = Protocol(**{**named, **overrides}, departures=departures)
    _check_rules(protocol)
    return protocol


def _check_rules(protocol: Protocol) -> None:
    if type(protocol.max_clicks) is not int or protocol.max_clicks < 1:
        raise UserError(f"max_clicks must be a whole number of at least 1, not {protocol.max_clicks!r}")
    if not is_number(protocol.threshold) or not 0 <= protocol.threshold <= 1:
        raise UserError(f"threshold must lie in [0, 1], not {protocol.threshold!r}")
    if protocol.stop_iou is not None:
        check_iou("stop_iou", protocol.stop_iou)
