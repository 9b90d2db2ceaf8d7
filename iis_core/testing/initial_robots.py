"""Checks of initial robots."""

from __future__ import annotations

import numpy as np

from iis_core.plugins.specs import InitialRobotSpec
from iis_core.robots import InitialRobot
from iis_core.seeding import generator
from iis_core.testing.inputs import targets
from iis_core.testing.results import CheckResult, Checks, pending, require, run_all
from iis_core.types import NewClicks, Region

initial_robot_checks = Checks()

_SIZE = 37, 53


def check_initial_robot(robot: InitialRobot, spec: InitialRobotSpec) -> list[CheckResult]:
    """Check an initial robot against the contract."""
    return run_all(pending(initial_robot_checks, robot, spec, expected_failures=spec.expected_failures))


@initial_robot_checks
def check_follows_the_protocol(robot: InitialRobot, spec: InitialRobotSpec) -> None:
    require(isinstance(robot, InitialRobot), "it cannot be called")


@initial_robot_checks
def check_clicks_have_the_right_sign(robot: InitialRobot, spec: InitialRobotSpec) -> None:
    """Clicks are Python ints inside the image, positive on the object, negative on the background."""
    _require_signs(robot, _make_regions())


@initial_robot_checks
def check_is_repeatable(robot: InitialRobot, spec: InitialRobotSpec) -> None:
    require(_run(robot, _make_regions()) == _run(robot, _make_regions()), "the same generators give other clicks")


@initial_robot_checks
def check_does_not_depend_on_the_batch(robot: InitialRobot, spec: InitialRobotSpec) -> None:
    pcs, ncs = _run(robot, _make_regions())
    for i, region in enumerate(_make_regions()):
        alone = robot([region], rngs=[generator(0, 0, str(i), "check")])
        require(alone == ([pcs[i]], [ncs[i]]), f"element {i} gets other clicks alone than in a batch")


@initial_robot_checks
def check_accepts_empty_full_and_ignored_targets(robot: InitialRobot, spec: InitialRobotSpec) -> None:
    _require_signs(robot, [Region(np.full(_SIZE, value, np.int8)) for value in (0, 1, -1)])


@initial_robot_checks
def check_does_not_mutate_its_inputs(robot: InitialRobot, spec: InitialRobotSpec) -> None:
    regions = _make_regions()
    _run(robot, regions)
    for after, before in zip(regions, _make_regions(), strict=True):
        require(np.array_equal(after.target, before.target), "it changed the target")


def _require_signs(robot: InitialRobot, regions: list[Region]) -> None:
    for sign, value, clicks in zip(("positive", "negative"), (1, 0), _run(robot, regions), strict=True):
        require(len(clicks) == len(regions), f"{sign} clicks for {len(clicks)} elements of {len(regions)}")
        for region, own in zip(regions, clicks, strict=True):
            for row, col in own:
                require(type(row) is int and type(col) is int, f"({row!r}, {col!r}) are not Python ints")
                inside = 0 <= row < _SIZE[0] and 0 <= col < _SIZE[1]
                require(inside, f"a click at ({row}, {col}), outside an image of {_SIZE}")
                found = int(region.target[row, col])
                require(found == value, f"a {sign} click at ({row}, {col}), where the target is {found}")


def _run(robot: InitialRobot, regions: list[Region]) -> tuple[NewClicks, NewClicks]:
    return robot(regions, rngs=[generator(0, 0, str(i), "check") for i in range(len(regions))])


def _make_regions() -> list[Region]:
    """Make three regions; the first has other objects and a required part."""
    masks = targets(3, *_SIZE).numpy()[:, 0]
    others = np.zeros(_SIZE, bool)
    others[:4] = True
    required = np.zeros(_SIZE, bool)
    required[-3:, :5] = True
    return [Region(masks[0], others & (masks[0] == 0), (required,)), Region(masks[1]), Region(masks[2])]
