"""Checks of evaluation protocols."""

from __future__ import annotations

from iis_core.plugins.load import load_protocol, load_robot
from iis_core.plugins.specs import ProtocolSpec
from iis_core.testing.results import Checks, require

protocol_checks = Checks()


@protocol_checks
def check_rules(spec: ProtocolSpec) -> None:
    """The rules are in range, and the robot can be loaded with them."""
    require(0 <= spec.threshold <= 1, f"threshold {spec.threshold} lies outside [0, 1]")
    require(spec.max_clicks >= 1, f"max_clicks is {spec.max_clicks}")
    require(spec.stop_iou is None or 0 < spec.stop_iou <= 1, f"stop_iou {spec.stop_iou} lies outside (0, 1]")
    wrong = [k for k in spec.iou_at if type(k) is not int or not 1 <= k <= spec.max_clicks]
    require(not wrong, f"iou_at holds {wrong}, which are no numbers of 1 to {spec.max_clicks} clicks")
    require(all(0 < t <= 1 for t in spec.noc_at), f"noc_at {tuple(spec.noc_at)} holds what is no IoU")
    require(spec.ignore, "it does not say which pixels count nowhere")
    load_protocol(spec.name)
    load_robot(spec.robot, threshold=spec.threshold, inclusive=spec.inclusive)
