"""Evaluation protocols: named rules, and how a run that departs from them is labelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from iis_core.errors import UserError, name_of, near_matches
from iis_core.metrics.ratios import check_iou, iou_reaches, is_number
from iis_core.plugins.catalog import find
from iis_core.plugins.specs import ProtocolSpec, RobotSpec

if TYPE_CHECKING:
    from iis_core.robots import Robot

_REPLAY_OF = "replay of "
_RULES = ("robot", "robot_keywords", "threshold", "inclusive", "max_clicks", "stop_iou")


@dataclass(frozen=True)
class Protocol:
    """The effective rules of a run.

    Args:
        name: catalog name of the protocol they come from.
        version: raised when a rule changes.
        robot: catalog name of the robot; for one given as an object, its name and that it was given.
        robot_keywords: keywords of the robot besides the threshold and the comparison.
        threshold: a pixel is predicted to be object where y > threshold, y in [0, 1].
        inclusive: the comparison is y >= threshold instead.
        max_clicks: the largest number of clicks per object.
        stop_iou: an object is done once its IoU is at least this; None for never.
        ignore: which pixels count nowhere, in words.
        departures: `{rule: (the protocol's value, the run's value)}`; empty for the protocol itself.
        noc_at: the IoUs at which its papers report NoC.
        iou_at: the numbers of clicks after which its papers report the mean IoU.
    """

    name: str
    version: int
    robot: str
    robot_keywords: Mapping[str, Any]
    threshold: float
    inclusive: bool
    max_clicks: int
    stop_iou: float | None
    ignore: str
    departures: Mapping[str, tuple[Any, Any]]
    noc_at: Sequence[float] = (0.85, 0.9)
    iou_at: Sequence[int] = ()

    @property
    def label(self) -> str:
        """The name in reports: the variant alone for the core's own protocols, with `*` where a rule differs."""
        return self.name.removeprefix("core/") + ("*" if self.departures else "")

    @property
    def is_replay(self) -> bool:
        """Whether the clicks are those of another run, which no robot made for this model."""
        return self.name.startswith(_REPLAY_OF)

    def is_reached(self, intersection: int, union: int) -> bool:
        """Return whether the IoU intersection / union ends the interaction with an object."""
        return self.stop_iou is not None and iou_reaches(intersection, union, self.stop_iou)


def override_protocol(spec: ProtocolSpec, overrides: Mapping[str, Any]) -> Protocol:
    """Override some rules of a protocol.

    Args:
        spec: the protocol.
        overrides: values by rule; one that equals the spec's is no departure. A robot may be an object.

    Raises:
        UserError: a rule is unknown, or a value is of the wrong type or out of range.
    """
    overrides = dict(overrides)
    for rule in overrides:
        if rule not in _RULES:
            hint = near_matches(rule, _RULES) or f"; the rules are {', '.join(_RULES)}"
            raise UserError(f"protocols have no rule {rule!r}{hint}")
    own = [field.name for field in fields(Protocol) if field.name not in ("robot_keywords", "departures")]
    named = {"robot_keywords": {}, **{name: getattr(spec, name) for name in own}}
    named["robot"] = find(RobotSpec, spec.robot).spec.name
    if "robot" in overrides:
        overrides["robot"] = _name_robot(overrides["robot"])
    departures = {rule: (named[rule], value) for rule, value in overrides.items() if value != named[rule]}
    protocol = Protocol(**{**named, **overrides}, departures=departures)
    check_rules(protocol)
    return protocol


def replay_protocol(protocol: Protocol, recording: str) -> Protocol:
    """Return the rules of a run in which a model answers the clicks of another one, all of them and no more.

    Args:
        protocol: the rules of the other run; its label is in the new one's, which equals no robot's.
        recording: what tells its clicks from others.
    """
    robot = f"the clicks {recording}"
    name = _REPLAY_OF + protocol.label.removeprefix(_REPLAY_OF)
    return replace(
        protocol, name=name, robot=robot, robot_keywords={}, stop_iou=None, departures={}, noc_at=(), iou_at=()
    )


def _name_robot(robot: str | Robot) -> str:
    """Return the catalog name; that of an object never equals one, since the object may differ from what it names."""
    if isinstance(robot, str):
        return find(RobotSpec, robot).spec.name
    if not callable(robot):
        raise UserError(f"robot must be a catalog name or a robot, not {robot!r}")
    return f"{name_of(robot)} (given as an object)"


def check_rules(protocol: Protocol) -> None:
    """Check the values of the rules.

    Args:
        protocol: the protocol.

    Raises:
        UserError: a value is of the wrong type or out of range.
    """
    for rule in ("threshold", "inclusive"):
        if rule in protocol.robot_keywords:
            raise UserError(f"{rule} is a rule of the protocol, which the robot shares: override it, not the robot's")
    if type(protocol.inclusive) is not bool:
        raise UserError(f"inclusive must be true or false, not {protocol.inclusive!r}")
    if type(protocol.max_clicks) is not int or protocol.max_clicks < 1:
        raise UserError(f"max_clicks must be a whole number of at least 1, not {protocol.max_clicks!r}")
    if not is_number(protocol.threshold) or not 0 <= protocol.threshold <= 1:
        raise UserError(f"threshold must lie in [0, 1], not {protocol.threshold!r}")
    if protocol.stop_iou is not None:
        check_iou("stop_iou", protocol.stop_iou)
