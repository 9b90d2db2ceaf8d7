"""Robots against the published click sequences, and by their rules."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage, stats

from iis_core import Sample, UserError, evaluate, load_robot
from iis_core.masks import largest_component
from iis_core.metrics import failures, iou, mean_noc
from iis_core.robots import ElementView
from iis_core.robots.distance import distance_to_border

SHARED = os.environ.get("IIS_SHARED")
needs_shared = pytest.mark.skipif(not SHARED, reason="IIS_SHARED does not point at the photographs")

NAMES = ["ritm", "gto99"]


class Targets:
    """A dataset of given targets, int8 (H, W); the images do not matter to the analytic model."""

    def __init__(self, targets: dict[str, np.ndarray]) -> None:
        self.targets = list(targets.items())

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> Sample:
        name, target = self.targets[index]
        whole = {"layer": 0, "value": 1, "parent": None, "children": (), "class": None}
        image = np.zeros((*target.shape, 3), np.uint8)
        return Sample(image, target.astype(np.int32)[:, :, None], {"id": name, "path": name, "objects": {1: whole}})


def assert_published(name: str, targets: dict[str, np.ndarray], published: dict[str, Any], out: Path) -> None:
    """An evaluation of the analytic model gives the published clicks, IoUs, NoC and failures."""
    samples = published["samples"]
    samples = samples if isinstance(samples, dict) else dict(zip(targets, samples, strict=True))
    rules = {"stop_iou": None, "max_clicks": len(next(iter(samples.values()))["clicks"])}
    run = evaluate("toy/disks", Targets(targets), name, out=out / "run", overrides=rules)
    for record in run.records:
        sample = samples[record.id]
        assert [[click.row, click.col, int(click.positive)] for click in record.clicks] == sample["clicks"]
        assert [iou(click.counts) for click in record.clicks] == pytest.approx(sample["ious"], abs=1e-6)
    for threshold, expected in published.get("noc", {}).items():
        assert mean_noc(run.records, float(threshold), run.protocol) == pytest.approx(expected)
        assert failures(run.records, float(threshold), run.protocol) == published["failures"][threshold]


@pytest.mark.parametrize("name", NAMES)
def test_clicks_and_numbers_are_the_published_ones(
    name: str, reference: Path, targets: list[np.ndarray], tmp_path: Path
) -> None:
    published = json.loads((reference / f"{name}_robot.json").read_text())
    assert_published(name, {str(i): target for i, target in enumerate(targets)}, published, tmp_path)


@needs_shared
@pytest.mark.parametrize(
    ("name", "file"), [("ritm", "ritm/clicker_grabcut.json"), ("gto99", "gto99/robot_grabcut.json")]
)
def test_clicks_and_numbers_on_photographs_are_the_published_ones(name: str, file: str, tmp_path: Path) -> None:
    published = json.loads((Path(str(SHARED)) / "reference" / file).read_text())
    targets = {}
    for image in published["samples"]:
        path = Path(str(SHARED)) / "data/GrabCut/boundary_GT" / f"{Path(image).stem}.bmp"
        codes = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        targets[image] = (codes > 128).astype(np.int8)
        if name == "ritm":
            targets[image][codes == 128] = -1
    assert_published(name, targets, published, tmp_path)


shapes = st.tuples(st.integers(1, 30), st.integers(1, 30))
problems = shapes.flatmap(
    lambda shape: st.tuples(
        arrays(np.float32, shape, elements=st.sampled_from([0.0, 0.49, 0.5, 1.0])),
        arrays(np.int8, shape, elements=st.sampled_from([-1, 0, 1])),
    )
)


@pytest.mark.parametrize("name", NAMES)
@given(problem=problems, inclusive=st.booleans(), threshold=st.sampled_from([0.49, 0.5]))
def test_clicks_lie_in_the_error_with_the_right_sign(
    name: str, problem: tuple[np.ndarray, np.ndarray], inclusive: bool, threshold: float
) -> None:
    y, target = problem
    mask = y >= np.float32(threshold) if inclusive else y > np.float32(threshold)
    wrong = (mask != (target == 1)) & (target != -1)
    robot = load_robot(name, threshold=threshold, inclusive=inclusive)
    ((positive,), (negative,)) = robot(torch.from_numpy(y)[None, None], torch.from_numpy(target)[None, None], [], [])
    assert len(positive) + len(negative) == int(wrong.any())
    for row, col in positive:
        assert wrong[row, col]
        assert target[row, col] == 1
    for row, col in negative:
        assert wrong[row, col]
        assert target[row, col] == 0


def test_ritm_passes_over_clicked_pixels_until_none_is_left() -> None:
    target = torch.zeros((1, 1, 4, 5), dtype=torch.int8)
    target[0, 0, 1:3, 1:3] = 1
    y = torch.zeros((1, 1, 4, 5))
    robot = load_robot("ritm")
    pcs, ncs, seen = [], [], []
    for _ in range(4):
        new_pcs, new_ncs = robot(y, target, pcs, ncs)
        pcs.append(new_pcs)
        ncs.append(new_ncs)
        seen += new_pcs[0]
    assert seen == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert robot(y, target, pcs, ncs) == ([[]], [[]])


def test_a_tie_between_the_kinds_is_negative() -> None:
    y = torch.zeros((1, 1, 3, 9))
    y[0, 0, :, :3] = 1
    target = torch.zeros((1, 1, 3, 9), dtype=torch.int8)
    target[0, 0, :, 6:] = 1
    for name in NAMES:
        assert load_robot(name)(y, target, [], []) == ([[]], [[(1, 1)]])


@settings(max_examples=20)
@given(st.integers(0, 10**6))
@pytest.mark.parametrize("name", NAMES)
def test_clicks_do_not_depend_on_the_batch(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = torch.from_numpy(rng.random((5, 1, 20, 30), dtype=np.float32))
    target = torch.from_numpy(rng.integers(-1, 2, (5, 1, 20, 30)).astype(np.int8))
    robot = load_robot(name)
    pcs, ncs = robot(y, target, [], [])
    for i in range(5):
        assert robot(y[[i]], target[[i]], [], []) == ([pcs[i]], [ncs[i]])


def region(reference: Path, targets: list[np.ndarray], i: int) -> ElementView:
    """A prediction of the published sampling files; there an ignored pixel counts as background."""
    prediction = np.load(reference / "iislib_robots.npz")[f"prediction_{i}"]
    return ElementView(prediction, (targets[i] == 1).astype(np.int8), np.zeros((0, 2), np.int64))


@pytest.mark.parametrize("i", range(8))
def test_largest_errors_and_sampling_probabilities_are_those_of_iislib(
    i: int, reference: Path, targets: list[np.ndarray]
) -> None:
    published = np.load(reference / "iislib_robots.npz")
    error = region(reference, targets, i).error
    largest = largest_component(error, connectivity=4)
    whole = np.zeros_like(error)
    whole[largest.box] = largest.mask
    assert (whole == published[f"largest_error_{i}"]).all()
    weights = distance_to_border(error)
    assert np.abs(weights / weights.sum() - published[f"distance_probability_{i}"]).max() <= 1e-5


def expected_shares(name: str, view: ElementView) -> np.ndarray:
    """The stated distribution of a robot's click over the pixels, by plain means."""
    padded = [np.pad(errors.astype(np.uint8), 1) for errors in view.errors]
    if name == "random":
        weights = (view.target != -1).astype(float)
    elif name == "random-error":
        weights = view.error.astype(float)
    elif name == "random-largest-error":
        labels, count = ndimage.label(view.error)
        sizes = [(labels == label).sum() for label in range(1, count + 1)]
        weights = (labels == 1 + int(np.argmax(sizes))).astype(float)
    elif name == "ritm-train":
        chamfer = [cv2.distanceTransform(mask, cv2.DIST_L2, 5)[1:-1, 1:-1] for mask in padded]
        deeper = chamfer[0] if chamfer[0].max() > chamfer[1].max() else chamfer[1]
        weights = (deeper > deeper.max() / 2).astype(float)
    else:
        weights = ndimage.distance_transform_edt(np.pad(view.error, 1))[1:-1, 1:-1]
    return weights / weights.sum()


SEVERAL = ["random", "random-error", "random-largest-error", "distance-error", "distance-error-sequential"]
DRAWING = [*SEVERAL, "ritm-train"]


@pytest.mark.parametrize("name", DRAWING)
def test_a_robot_that_draws_follows_its_distribution(name: str) -> None:
    rng = np.random.default_rng(0)
    target = np.kron(rng.integers(-1, 2, (4, 5)), np.ones((4, 4))).astype(np.int8)
    prediction = np.kron(rng.random((4, 5)) < 0.4, np.ones((4, 4))).astype(bool)
    shares = expected_shares(name, ElementView(prediction, target, np.zeros((0, 2), np.int64)))
    robot, count = load_robot(name), 4000
    y = torch.from_numpy(prediction.astype(np.float32)).expand(count, 1, -1, -1)
    batch = torch.from_numpy(target).expand(count, 1, -1, -1)
    pcs, ncs = robot(y, batch, [], [], rngs=[np.random.default_rng(i) for i in range(count)])
    seen = np.zeros_like(shares)
    for click in (click for own in (*pcs, *ncs) for click in own):
        seen[click] += 1
    assert seen.sum() == count
    assert not seen[shares == 0].any()
    assert stats.chisquare(seen[shares > 0], count * shares[shares > 0]).pvalue > 1e-3


@pytest.mark.parametrize("name", SEVERAL)
def test_several_points_are_different_pixels(name: str) -> None:
    y, target = torch.zeros(1, 1, 6, 6), torch.zeros((1, 1, 6, 6), dtype=torch.int8)
    target[..., 1:4, 1:4] = 1
    (positive,), (negative,) = load_robot(name)(y, target, [], [], n_points=5, rngs=[np.random.default_rng(0)])
    assert len(set(positive + negative)) == len(positive + negative) == 5


def test_a_sequence_takes_each_point_out_of_the_error_before_the_next() -> None:
    y, target = torch.zeros(1, 1, 3, 3), torch.zeros((1, 1, 3, 3), dtype=torch.int8)
    target[..., 1, :] = 1
    robot = load_robot("distance-error-sequential")
    (positive,), _ = robot(y, target, [], [], n_points=9, rngs=[np.random.default_rng(0)])
    assert sorted(positive) == [(1, 0), (1, 1), (1, 2)]


def test_a_mix_draws_each_robot_by_its_weight() -> None:
    count = 3000
    y, target = torch.zeros(count, 1, 5, 5), torch.zeros((count, 1, 5, 5), dtype=torch.int8)
    target[..., 1:4, 1:4] = 1
    robot = load_robot("mix", robots={"ritm": 3, "random-error": 1})
    pcs, _ = robot(y, target, [], [], rngs=[np.random.default_rng(i) for i in range(count)])
    centre = sum(clicks == [(2, 2)] for clicks in pcs) / count
    assert centre == pytest.approx(3 / 4 + 1 / 4 / 9, abs=0.03)


def test_a_mix_without_weight_is_refused() -> None:
    with pytest.raises(UserError, match="some above 0"):
        load_robot("mix", robots={"ritm": 0})
    with pytest.raises(UserError, match="did you mean"):
        load_robot("mix", robots={"core/rtim": 1})


def test_a_robot_that_draws_asks_for_generators() -> None:
    y, target = torch.zeros(1, 1, 2, 2), torch.ones((1, 1, 2, 2), dtype=torch.int8)
    for name in (*DRAWING, "mix"):
        keywords = {"robots": {"ritm": 1}} if name == "mix" else {}
        with pytest.raises(UserError, match="give `rngs`"):
            load_robot(name, **keywords)(y, target, [], [])


def test_more_than_one_point_is_refused() -> None:
    with pytest.raises(UserError, match="robot core/ritm gives one click per interaction, not 2"):
        load_robot("ritm")(torch.zeros(1, 1, 2, 2), torch.zeros((1, 1, 2, 2), dtype=torch.int8), [], [], n_points=2)
