"""The conformance kit passes what keeps the contract, and each check catches its own fault."""

from __future__ import annotations

import importlib
import inspect
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from iis_core import IISModel, Sample, load_dataset, load_robot, load_selector
from iis_core.datasets.regions.whole import FirstSelector
from iis_core.plugins import DatasetSpec, ModelSpec, RobotSpec, SelectorSpec
from iis_core.testing import (
    CheckResult,
    check_dataset,
    check_model,
    check_robot,
    check_selector,
)
from iis_core.testing.results import Checks


def failed(results: list[CheckResult]) -> set[str]:
    assert len({(result.subject, result.check) for result in results}) == len(results)
    return {result.check for result in results if result.status == "failed"}


EVER_NEW = itertools.count(1)

MODEL = ModelSpec(name="my/model", target="a:b", summary="", exact_batches=True)


class Good(IISModel):
    """Predicts where the image is bright, and counts its calls in z."""

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.calls = 0

    def initialize_z(self, image, target, initial_mask=None):
        return {"calls": torch.zeros(len(image))}

    def __call__(self, x, z, pcs, ncs):
        self.calls += 1
        return self.predict(x, z, pcs, ncs), {"calls": z["calls"] + 1}

    def predict(self, x, z, pcs, ncs):
        return x.mean(1, keepdim=True)


class Leaking(Good):
    """Keeps the area of the target and uses it."""

    def initialize_z(self, image, target, initial_mask=None):
        return {"calls": (target == 1).flatten(1).float().mean(1)}

    def predict(self, x, z, pcs, ncs):
        return x[:, :1] * (1 - z["calls"].reshape(-1, 1, 1, 1).clip(0, 1))


class Remembering(Good):
    """Keeps the last answer in itself, and begins anew with the first interaction."""

    def predict(self, x, z, pcs, ncs):
        self.last = x.mean(1, keepdim=True) if len(pcs) == 1 else (self.last + x[:, :1]) / 2
        return self.last


class Reusing(Good):
    """Writes every answer into the same tensor."""

    def predict(self, x, z, pcs, ncs):
        if getattr(self, "y", None) is None or self.y.shape != x[:, :1].shape:
            self.y = torch.zeros_like(x[:, :1])
        return self.y.copy_(x[:, :1] / len(pcs))


def changed(name: str, method: Callable[..., Any]) -> IISModel:
    return type("Changed", (Good,), {name: method})()


def clicks(given: Any) -> list[tuple[int, int]]:
    return [click for interaction in given for click in interaction[0]]


def mutate_z(self, x, z, pcs, ncs):
    z["calls"] += 1
    return x[:, :1] * 0, z


def mutate_x(self, x, z, pcs, ncs):
    x[:, :, 0, 0] = 0.5
    return x[:, :1] * 0, z


def mutate_clicks(self, x, z, pcs, ncs):
    pcs[0][0].append((0, 0))
    return x[:, :1] * 0, z


@pytest.mark.parametrize(
    ("model", "caught"),
    [
        (Good(), set()),
        (object(), {"check_follows_the_protocol"}),
        (changed("predict", lambda self, x, z, p, n: x[:, :1, :-1]), {"check_answers_any_size"}),
        (changed("predict", lambda self, x, z, p, n: x[:, :1] * 2), {"check_answers_any_size"}),
        (
            changed("predict", lambda self, x, z, p, n: x[:, :1] * p[0][0][0][0]),
            {"check_answers_without_clicks"},
        ),
        (changed("predict", lambda self, x, z, p, n: x[:, :1] * float("nan")), {"check_answers_any_size"}),
        (changed("predict", lambda self, x, z, p, n: x[:, :1, 1:].amax() * x[:, :1]), {"check_answers_one_pixel"}),
        (
            changed("predict", lambda self, x, z, p, n: [x[:, :1], *(x[..., r + 1, 0] for r, _ in clicks(p))][0]),
            {"check_answers_clicks_on_borders_and_corners"},
        ),
        (
            changed("predict", lambda self, x, z, p, n: x[:, :1] / (len(clicks(p)) == len({*clicks(p)}))),
            {"check_answers_a_pixel_clicked_twice"},
        ),
        (
            changed("predict", lambda self, x, z, p, n: x[:, :1] / len(p[0][0])),
            {"check_answers_negative_clicks_alone"},
        ),
        (changed("__call__", mutate_z), {"check_does_not_mutate_its_inputs"}),
        (changed("__call__", mutate_x), {"check_does_not_mutate_its_inputs"}),
        (changed("__call__", mutate_clicks), {"check_does_not_mutate_its_inputs"}),
        (changed("predict", lambda self, x, z, p, n: torch.rand(x[:, :1].shape)), {"check_is_deterministic"}),
        (changed("predict", lambda self, x, z, p, n: x[:, :1] / self.calls), {"check_replays_a_history"}),
        (Leaking(), {"check_is_blind_to_the_target"}),
        (Remembering(), {"check_keeps_its_state_in_z"}),
        (Reusing(), {"check_keeps_its_answers_apart"}),
        (changed("encode", lambda self, x: (x,)), {"check_encodes_without_changing_its_answers"}),
        (changed("encode", lambda self, x: {"x": x}), {"check_encodes_without_changing_its_answers"}),
        (
            changed("initialize_z", lambda self, x, t, m=None: {"calls": 0}),
            {"check_state_can_be_taken_apart"},
        ),
        (
            changed("predict", lambda self, x, z, p, n: x[:, :1] * len(x) / 4),
            {"check_batch_agrees_with_single_images"},
        ),
    ],
)
def test_each_check_of_models_catches_its_own_fault(model: Any, caught: set[str]) -> None:
    found = failed(check_model(model, MODEL))
    assert caught <= found
    assert bool(found) == bool(caught)


def test_a_failure_that_is_expected_is_told_from_one_that_is_not() -> None:
    model = changed("predict", lambda self, x, z, p, n: torch.rand(x[:, :1].shape))
    why = {"check_is_deterministic": "it draws", "check_replays_a_history": "it draws", "check_answers_one_pixel": "?"}
    results = {result.check: result for result in check_model(model, replace(MODEL, expected_failures=why))}
    assert results["check_is_deterministic"].status == "expected"
    assert results["check_is_deterministic"].reason == "it draws (two runs on the same input differ)"
    assert results["check_answers_one_pixel"].status == "failed"
    assert "take it out of the spec's expected_failures" in results["check_answers_one_pixel"].reason
    assert "check_is_blind_to_the_target" in failed(list(results.values()))


def test_an_initial_mask_that_is_forgotten_is_caught() -> None:
    spec = ModelSpec(name="my/model", target="a:b", summary="", initial_mask=True)
    model = changed("initialize_y", lambda self, x, t, m=None: x[:, :1] * 0)
    assert failed(check_model(model, spec)) == {"check_starts_from_an_initial_mask"}


def robot(rule: Callable[..., Any]) -> Any:
    """A robot that applies a rule to one element: (mask, target, rng) -> (positive clicks, negative clicks)."""

    def annotate(y, target, pcs, ncs, *, n_points=1, rngs=None):
        pairs = [rule(y[i, 0] > 0.5, target[i, 0], rngs[i]) for i in range(len(y))]
        return [p for p, _ in pairs], [n for _, n in pairs]

    return annotate


def either(missing: torch.Tensor, too_much: torch.Tensor) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """One click, where more is wrong."""
    return (first(missing), []) if missing.sum() > too_much.sum() else ([], first(too_much))


def first(where: torch.Tensor) -> list[tuple[int, int]]:
    return [(int(row), int(col)) for row, col in where.nonzero()[:1]]


@pytest.mark.parametrize(
    ("rule", "caught"),
    [
        (lambda m, t, r: either((t == 1) & ~m, (t == 0) & m), set()),
        (lambda m, t, r: (first((t == 1) & ~m), []), {"check_clicks_both_signs"}),
        (lambda m, t, r: ([], first((t == 0) & m)), {"check_clicks_both_signs", "check_accepts_an_empty_mask"}),
        (lambda m, t, r: ([(99, 0)], []), {"check_clicks_inside_the_image"}),
        (
            lambda m, t, r: ([tuple(p) for p in ((t == 1) & ~m).nonzero()[:1]], []),
            {"check_clicks_inside_the_image"},
        ),
        (lambda m, t, r: ([], first((t == 1) & ~m)), {"check_clicks_have_the_right_sign"}),
        (lambda m, t, r: (first((t == 1) & m), []), {"check_clicks_lie_in_the_error"}),
        (
            lambda m, t, r: (first(((t == 1) & ~m).roll(next(EVER_NEW) % 9, 1) & (t == 1) & ~m), []),
            {"check_is_repeatable"},
        ),
        (lambda m, t, r: (first(t == 1), []), {"check_accepts_a_perfect_mask"}),
        (lambda m, t, r: ([], first((t != 1) & m)), {"check_ignores_ignored_pixels"}),
    ],
)
def test_each_check_of_robots_catches_its_own_fault(rule: Callable[..., Any], caught: set[str]) -> None:
    found = failed(check_robot(robot(rule), RobotSpec(name="my/robot", target="a:b", summary="")))
    assert caught <= found
    assert bool(found) == bool(caught)


def test_a_robot_that_looks_at_its_neighbours_or_changes_its_inputs_is_caught() -> None:
    spec = RobotSpec(name="my/robot", target="a:b", summary="")

    def last_element_only(y, target, pcs, ncs, *, n_points=1, rngs=None):
        wrong = first((target[-1, 0] == 1) & (y[-1, 0] <= 0.5))
        return [[] for _ in y[:-1]] + [wrong], [[] for _ in y]

    def greedy(y, target, pcs, ncs, *, n_points=1, rngs=None):
        y.zero_()
        return load_robot("core/ritm")(y, target, pcs, ncs)

    assert "check_does_not_depend_on_the_batch" in failed(check_robot(last_element_only, spec))
    assert "check_does_not_mutate_its_inputs" in failed(check_robot(greedy, spec))


def test_several_points_that_are_promised_must_be_given() -> None:
    spec = RobotSpec(name="my/robot", target="a:b", summary="", several_points=True)
    assert failed(check_robot(load_robot("core/ritm"), spec)) == {"check_gives_several_points"}


MODULES = ("datasets", "factories", "initial_robots", "models", "packages", "protocols", "robots", "selectors")
ENTRIES = {"check_dataset", "check_initial_robot", "check_model", "check_robot", "check_selector", "check_files"}


@pytest.mark.parametrize("name", MODULES)
def test_no_check_is_forgotten(name: str) -> None:
    module = importlib.import_module(f"iis_core.testing.{name}")
    written = {key for key, value in vars(module).items() if key.startswith("check_") and inspect.isfunction(value)}
    collected = {check.__name__ for value in vars(module).values() if isinstance(value, Checks) for check in value}
    assert written - ENTRIES == collected


class OneSample:
    def __init__(self, change: Callable[[Sample], Sample]) -> None:
        self.change = change

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        return self.change(load_dataset("toy/shapes")[1])


def with_info(**more: Any) -> Callable[[Sample], Sample]:
    return lambda sample: Sample(sample.image, sample.masks, {**sample.info, **more})


@pytest.mark.parametrize(
    ("change", "caught"),
    [
        (lambda s: Sample(s.image.astype(float), s.masks, s.info), "check_arrays"),
        (lambda s: Sample(s.image, s.masks[:, :, 0], s.info), "check_arrays"),
        (lambda s: Sample(s.image, s.masks - 200, s.info), "check_arrays"),
        (lambda s: Sample(s.image, s.masks, {"id": "a"}), "check_info"),
        (lambda s: Sample(s.image, s.masks * 0, s.info), "check_objects_are_in_the_masks"),
        (with_info(objects={1: {"layer": 0}}), "check_objects_are_in_the_masks"),
        (
            lambda s: Sample(np.random.randint(0, 255, s.image.shape).astype(np.uint8), s.masks, s.info),
            "check_is_repeatable",
        ),
        (lambda s: s.image, "check_follows_the_protocol"),
        (lambda s: s, "check_can_be_pickled"),
    ],
)
def test_each_check_of_datasets_catches_its_own_fault(change: Callable[[Sample], Sample], caught: str) -> None:
    assert caught in failed(check_dataset(OneSample(change), DatasetSpec(name="my/set", target="a:b", summary="")))


def test_a_dataset_with_initial_masks_passes() -> None:
    class Masked:
        def __init__(self) -> None:
            self.shapes = load_dataset("toy/shapes")

        def __len__(self) -> int:
            return len(self.shapes)

        def info(self, index):
            return self.shapes.info(index)

        def __getitem__(self, index):
            return with_info(initial_mask=self.shapes[index].masks[:, :, 0] == 1)(self.shapes[index])

    results = check_dataset(Masked(), DatasetSpec(name="my/set", target="a:b", summary="", objects=8))
    assert failed(results) == {"check_can_be_pickled"}  # a class inside a function cannot be


def test_a_count_that_differs_from_the_published_one_is_caught() -> None:
    for counts in ({"images": 7}, {"objects": 9}):
        spec = DatasetSpec(name="my/set", target="a:b", summary="", **counts)
        assert failed(check_dataset(load_dataset("toy/shapes"), spec)) == {"check_counts"}


class Broken(FirstSelector):
    def __init__(self, change: Callable[..., Any]) -> None:
        self.change = change

    def __call__(self, image, masks, info, rng=None):
        return self.change(super().__call__(image, masks, info), masks)


def overwrite(region, masks):
    masks[0] = 3
    return region


@pytest.mark.parametrize(
    ("change", "caught"),
    [
        (lambda region, masks: type(region)(region.target.astype(int)), "check_region"),
        (lambda region, masks: type(region)(region.target * 0), "check_region"),
        (lambda region, masks: type(region)(region.target, region.target), "check_region"),
        (
            lambda region, masks: type(region)(np.roll(region.target, next(EVER_NEW), 0)),
            "check_is_repeatable",
        ),
        (overwrite, "check_does_not_mutate_its_inputs"),
    ],
)
def test_each_check_of_selectors_catches_its_own_fault(change: Callable[..., Any], caught: str) -> None:
    spec = SelectorSpec(name="my/selector", target="a:b", summary="")
    assert caught in failed(check_selector(Broken(change), spec))
    assert failed(check_selector(load_selector("first"), spec)) == set()
