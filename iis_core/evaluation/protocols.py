"""Evaluation protocols: named rules, and what a run that departs from them is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, TypeGuard

from iis_core.errors import UserError, near_matches
from iis_core.plugins.catalog import find
from iis_core.plugins.specs import ProtocolSpec, RobotSpec

_RULES = ("robot", "threshold", "inclusive", "max_clicks", "stop_iou")


@dataclass(frozen=True)
class Protocol:
    """The effective rules of a run.

    name: catalog name of the protocol they come from.
    departures: `{rule: (the protocol's value, the run's value)}`; empty for the protocol itself.
    The other fields are those of `ProtocolSpec`.
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
        """How reports call it: the variant alone for the core's own, with `*` where any rule differs."""
        return self.name.removeprefix("core/") + ("*" if self.departures else "")

    def is_reached(self, intersection: int, union: int) -> bool:
        """Whether an IoU, given exactly, ends the interaction with an object."""
        return self.stop_iou is not None and iou_reaches(intersection, union, self.stop_iou)


def override_protocol(spec: ProtocolSpec, overrides: Mapping[str, Any]) -> Protocol:
    """Override some rules of a protocol; a value equal to the spec's is no departure.

    Raises UserError for an unknown rule or a value out of range.
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
    _check(protocol)
    return protocol


def iou_reaches(intersection: int, union: int, threshold: float) -> bool:
    """IoU >= threshold, exactly: the ratio of the counts against the decimal number as written.

    An empty union (prediction and target both empty) counts as IoU 1.
    """
    exact = Fraction(str(threshold))
    return union == 0 or intersection * exact.denominator >= exact.numerator * union


def _check(protocol: Protocol) -> None:
    if type(protocol.max_clicks) is not int or protocol.max_clicks < 1:
        raise UserError(f"max_clicks must be a whole number of at least 1, not {protocol.max_clicks!r}")
    if not _is_number(protocol.threshold) or not 0 <= protocol.threshold <= 1:
        raise UserError(f"threshold must lie in [0, 1], not {protocol.threshold!r}")
    if protocol.stop_iou is not None:
        check_iou("stop_iou", protocol.stop_iou)


def check_iou(name: str, value: object) -> None:
    """Raises UserError for anything but a number in (0, 1]."""
    if not _is_number(value) or not 0 < value <= 1:
        raise UserError(f"{name} must be an IoU above 0 and at most 1, e.g. 0.9, not {value!r}")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
