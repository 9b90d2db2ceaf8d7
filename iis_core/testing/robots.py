"""Checks of robots."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from iis_core.loop import ask
from iis_core.masks import binarise
from iis_core.plugins.specs import RobotSpec
from iis_core.robots import Robot
from iis_core.seeding import generator
from iis_core.testing.inputs import predictions, targets
from iis_core.testing.results import CheckResult, Checks, Skip, pending, require, run_all
from iis_core.types import Click, Clicks, NewClicks

robot_checks = Checks()

_SIZE = 37, 53


def check_robot(robot: Robot, spec: RobotSpec) -> list[CheckResult]:
    """Check a robot, built with its default threshold, against the contract and its spec."""
    return run_all(pending(robot_checks, robot, spec, expected_failures=spec.expected_failures))


@robot_checks
def check_follows_the_protocol(robot: Robot, spec: RobotSpec) -> None:
    require(isinstance(robot, Robot), "it cannot be called")


@robot_checks
def check_clicks_inside_the_image(robot: Robot, spec: RobotSpec) -> None:
    for clicks in _run(robot, predictions(3, *_SIZE), targets(3, *_SIZE)):
        for element in clicks:
            for click in element:
                whole = isinstance(click, tuple) and all(type(place) is int for place in click)
                require(whole, f"{click!r} is not a (row, col) tuple of Python ints")


@robot_checks
def check_clicks_have_the_right_sign(robot: Robot, spec: RobotSpec) -> None:
    """Positive clicks lie on the object, negative ones on the background."""
    target = targets(3, *_SIZE)
    pcs, ncs = _run(robot, predictions(3, *_SIZE), target)
    for sign, value, clicks in (("positive", 1, pcs), ("negative", 0, ncs)):
        for element, (row, col) in _flatten(clicks):
            found = int(target[element, 0, row, col])
            require(found == value, f"a {sign} click at ({row}, {col}), where the target is {found}")


@robot_checks
def check_clicks_both_signs(robot: Robot, spec: RobotSpec) -> None:
    """It clicks where much of the object is missing, and where too much is predicted."""
    if not spec.in_error:
        raise Skip("the spec declares in_error=False")
    y, target = predictions(3, *_SIZE), targets(3, *_SIZE)
    clicks = [ask(robot, y, target, [], [], rngs=[generator(0, 0, str(k), "check")] * 3) for k in range(8)]
    require(any(any(pcs) for pcs, _ in clicks), "it never clicks where the object is missing")
    require(any(any(ncs) for _, ncs in clicks), "it never clicks where too much is predicted")


@robot_checks
def check_clicks_lie_in_the_error(robot: Robot, spec: RobotSpec) -> None:
    if not spec.in_error:
        raise Skip("the spec declares in_error=False")
    y, target = predictions(3, *_SIZE), targets(3, *_SIZE)
    mask = binarise(y, 0.5, inclusive=False)
    for wrong, clicks in zip((False, True), _run(robot, y, target), strict=True):
        for element, (row, col) in _flatten(clicks):
            there = bool(mask[element, 0, row, col])
            require(there == wrong, f"a click at ({row}, {col}), where the prediction is right")


@robot_checks
def check_is_repeatable(robot: Robot, spec: RobotSpec) -> None:
    y, target = predictions(3, *_SIZE), targets(3, *_SIZE)
    require(_run(robot, y, target) == _run(robot, y, target), "the same generators give other clicks")


@robot_checks
def check_does_not_depend_on_the_batch(robot: Robot, spec: RobotSpec) -> None:
    y, target = predictions(3, *_SIZE), targets(3, *_SIZE)
    pcs, ncs = _run(robot, y, target)
    for i in range(3):
        alone = ask(robot, y[[i]], target[[i]], [], [], rngs=[generator(0, 0, str(i), "check")])
        require(alone == ([pcs[i]], [ncs[i]]), f"element {i} gets other clicks alone than in a batch")


@robot_checks
def check_is_safe_in_threads(robot: Robot, spec: RobotSpec) -> None:
    y, target = predictions(3, *_SIZE), targets(3, *_SIZE)
    expected = _run(robot, y, target)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: _run(robot, y, target), range(8)))
    require(all(result == expected for result in results), "called from several threads it gives other clicks")


@robot_checks
def check_accepts_a_perfect_mask(robot: Robot, spec: RobotSpec) -> None:
    if not spec.in_error:
        raise Skip("the spec declares in_error=False")
    target = targets(2, *_SIZE)
    pcs, ncs = _run(robot, (target == 1).float(), target)
    require(not any(map(any, (pcs, ncs))), "it clicks though nothing is wrong")


@robot_checks
def check_accepts_an_empty_mask(robot: Robot, spec: RobotSpec) -> None:
    """Nothing is predicted, once where there is an object and once where there is none."""
    target = torch.cat([targets(1, *_SIZE), torch.zeros((1, 1, *_SIZE), dtype=torch.int8)])
    pcs, ncs = _run(robot, torch.zeros(target.shape), target)
    if spec.in_error:
        require(len(pcs[0]) == 1 and not ncs[0], "nothing is predicted, and it gives no positive click")
        require(not pcs[1] and not ncs[1], "it clicks though nothing is predicted and there is no object")


@robot_checks
def check_ignores_ignored_pixels(robot: Robot, spec: RobotSpec) -> None:
    target = torch.full((1, 1, *_SIZE), -1, dtype=torch.int8)
    clicks = _run(robot, predictions(1, *_SIZE), target)
    require(not any(map(any, clicks)), "it clicks though every pixel is ignored")


@robot_checks
def check_does_not_mutate_its_inputs(robot: Robot, spec: RobotSpec) -> None:
    y, target = predictions(2, *_SIZE), targets(2, *_SIZE)
    before = y.clone(), target.clone()
    pcs: Clicks = [[[(1, 2)], []]]
    ncs: Clicks = [[[], [(3, 4)]]]
    ask(robot, y, target, pcs, ncs, rngs=_make_rngs(2))
    require(torch.equal(y, before[0]) and torch.equal(target, before[1]), "it changed y or target")
    require((pcs, ncs) == ([[[(1, 2)], []]], [[[], [(3, 4)]]]), "it changed the clicks that it was given")


@robot_checks
def check_gives_several_points(robot: Robot, spec: RobotSpec) -> None:
    if not spec.several_points:
        raise Skip("the spec declares several_points=False")
    y, target = predictions(2, *_SIZE), targets(2, *_SIZE)
    pcs, ncs = ask(robot, y, target, [], [], n_points=3, rngs=_make_rngs(2))
    for positive, negative in zip(pcs, ncs, strict=True):
        count = len(positive) + len(negative)
        require(1 <= count <= 3, f"asked for 3 clicks it gave {count}")


def _run(robot: Robot, y: Tensor, target: Tensor) -> tuple[NewClicks, NewClicks]:
    return ask(robot, y, target, [], [], rngs=_make_rngs(len(y)))


def _make_rngs(count: int) -> list[np.random.Generator]:
    return [generator(0, 0, str(i), "check") for i in range(count)]


def _flatten(clicks: NewClicks) -> list[tuple[int, Click]]:
    return [(element, click) for element, given in enumerate(clicks) for click in given]
