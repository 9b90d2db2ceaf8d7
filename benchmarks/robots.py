"""Robots against the plain computation of the published code, on sequences of 20 clicks, same clicks asserted.

python benchmarks/robots.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np
from scipy import ndimage

from iis_core.robots import ElementRobot, ElementView
from iis_core.robots.gto99 import Gto99Robot
from iis_core.robots.ritm import RitmRobot

SHAPE = 450, 600
CLICKS = 20
SEQUENCES = 12
REPEATS = 5


def plain_ritm(missed: np.ndarray, excess: np.ndarray, clicked: np.ndarray) -> tuple[int, int]:
    """Both padded full maps through OpenCV's precise transform, compared as squared integers."""
    best = []
    for errors in (missed, excess):
        padded = np.pad(errors.astype(np.uint8), 1)
        distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
        squared = np.rint(distance * distance)
        squared[clicked[:, 0], clicked[:, 1]] = 0
        best.append(squared)
    is_positive = best[0].max() > best[1].max()
    return divmod(int(best[0 if is_positive else 1].argmax()), missed.shape[1])


def plain_gto99(missed: np.ndarray, excess: np.ndarray, clicked: np.ndarray) -> tuple[int, int]:
    """Every component of both full maps labelled, the largest transformed on the full map."""
    largest = []
    for errors in (missed, excess):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(errors.astype(np.uint8), connectivity=8)
        areas = stats[1:, cv2.CC_STAT_AREA]
        largest.append((areas.max(), labels == 1 + areas.argmax()) if len(areas) else (0, None))
    is_positive = largest[0][0] > largest[1][0]
    region = np.pad(largest[0 if is_positive else 1][1].astype(np.uint8), 1)
    distance = cv2.distanceTransform(region, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    return divmod(int(np.rint(distance * distance).argmax()), missed.shape[1])


def smooth_noise(rng: np.random.Generator, sigma: float) -> np.ndarray:
    noise = ndimage.gaussian_filter(rng.standard_normal(SHAPE), sigma)
    return noise / noise.std()


def sequence(rng: np.random.Generator, robot: ElementRobot) -> list[ElementView]:
    """A blob as target, and predictions that start empty and get closer with every click.

    Their border and their false regions are as uneven as those of a network.
    """
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    centre = rng.uniform(0.35, 0.65, 2) * SHAPE
    size = rng.uniform(0.15, 0.4, 2) * SHAPE
    field = 1 - np.hypot((rows - centre[0]) / size[0], (columns - centre[1]) / size[1])
    target = (field + 0.2 * smooth_noise(rng, 25) > 0).astype(np.int8)
    truth = field + 0.2 * smooth_noise(rng, 25)
    seen, clicked, prediction = [], np.zeros((0, 2), np.int64), np.zeros(SHAPE, bool)
    for number in range(CLICKS):
        view = ElementView(prediction, target, clicked)
        if not view.error.any():
            break
        seen.append(view)
        clicked = np.vstack([clicked, robot.choose(view)])
        closeness = 0.93**number
        unsure = truth + 0.3 * smooth_noise(rng, 8)
        prediction = np.where(target == 1, 0.3, -0.3) * (1 - closeness) + closeness * unsure > 0
    return seen


def seconds(work: Callable[[], object]) -> float:
    """Median of several runs."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def compare(name: str, robot: ElementRobot, plain: Callable[..., tuple[int, int]]) -> None:
    ours, theirs = [], []
    for seed in range(SEQUENCES):
        for view in sequence(np.random.default_rng(seed), robot):
            errors = view.errors
            assert robot.choose(view) == [plain(*errors, view.clicked)]
            ours.append(seconds(lambda view=view: robot.choose(view)))
            theirs.append(seconds(lambda errors=errors, view=view: plain(*errors, view.clicked)))
    ratio = np.array(theirs) / np.array(ours)
    print(
        f"{name}: {len(ours)} clicks, plain {1e3 * np.mean(theirs):.2f} ms, ours {1e3 * np.mean(ours):.2f} ms a click; "
        f"{sum(theirs) / sum(ours):.1f} times faster in total, at the slowest click {ratio.min():.2f} times"
    )


if __name__ == "__main__":
    compare("ritm", RitmRobot(), plain_ritm)
    compare("gto99", Gto99Robot(), plain_gto99)
