"""Every classic model keeps the contract and segments what is easy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from iis_core import UserError, evaluate, interact, list_models, load_model, load_robot
from iis_core.loop import initialize
from iis_core.metrics import mean_noc
from iis_core.testing import parametrize_with_checks
from iis_core.testing.inputs import images, targets

MODELS = list_models("classic/*")


def answer(name: str, x: torch.Tensor, positives: list, negatives: list, initial: torch.Tensor | None = None):
    model = load_model(name)
    z, _ = initialize(model, x, torch.zeros(len(x), 1, *x.shape[-2:], dtype=torch.int8), initial)
    return model(x, z, [[positives] * len(x)], [[negatives] * len(x)])[0]


def test_all_of_them_are_listed() -> None:
    assert MODELS == ["classic/geodesic", "classic/grabcut", "classic/graph-cut", "classic/random-walker"]


@parametrize_with_checks("iis-classic")
def test_it_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("name", ["classic/grabcut", "classic/graph-cut"])
def test_two_clicks_are_enough_for_a_bright_object(name: str) -> None:
    target = targets(4, 90, 120)
    for step in interact(load_model(name), load_robot("ritm"), images(4, 90, 120), target, interactions=2):
        last = step
    for i, element in enumerate(last.elements):
        mask, true, certain = last.y[i] > 0.5, target[element] == 1, target[element] != -1
        assert (mask & true).sum() / ((mask | true) & certain).sum() > 0.95


@pytest.mark.parametrize("name", MODELS)
def test_synthetic_shapes_need_few_clicks(name: str, tmp_path) -> None:
    run = evaluate(name, Discs(), out=tmp_path / "run")
    assert mean_noc(run.records, 0.85, run.protocol) <= 4


class Discs:
    """Noisy discs on noisy ground."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int):
        rng = np.random.default_rng(index)
        rows, columns = np.mgrid[:100, :140]
        masks = (np.hypot(rows - rng.uniform(35, 65), columns - rng.uniform(40, 100)) < 25).astype(np.int32)
        colours = rng.uniform(40, 215, (2, 3))
        image = (colours[masks] + rng.normal(0, 12, (100, 140, 3))).clip(0, 255).astype(np.uint8)
        info = {"id": str(index), "path": str(index), "objects": {1: {"layer": 0, "value": 1}}}
        return type("Sample", (), {"image": image, "masks": masks[:, :, None], "info": info})


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (300, 500)])
@pytest.mark.parametrize("sign", ["positive", "negative", "both"])
def test_clicked_pixels_always_get_their_label(name: str, size: tuple[int, int], sign: str) -> None:
    height, width = size
    corner, centre = (0, 0), (height - 1, width // 2)
    positives = [centre] if sign != "negative" else []
    negatives = [corner] if sign != "positive" and corner not in positives else []
    y = answer(name, torch.rand(1, 3, height, width), positives, negatives)
    assert all(y[0, 0, row, col] == 1 for row, col in positives)
    assert all(y[0, 0, row, col] == 0 for row, col in negatives)


@pytest.mark.parametrize("name", MODELS)
def test_negative_clicks_alone_give_an_empty_mask(name: str) -> None:
    assert not answer(name, images(1, 50, 60), [], [(5, 5)]).any()


@pytest.mark.parametrize("name", MODELS)
def test_an_image_of_one_colour_is_answered(name: str) -> None:
    y = answer(name, torch.full((1, 3, 50, 60), 0.5), [(25, 30)], [(0, 0)])
    assert y[0, 0, 25, 30] == 1
    assert y[0, 0, 0, 0] == 0


@pytest.mark.parametrize("name", MODELS)
def test_the_same_clicks_give_the_same_answer_in_any_order_of_calls(name: str) -> None:
    x = torch.from_numpy(load_photograph()).permute(2, 0, 1)[None].float() / 255
    first = answer(name, x, [(60, 70), (90, 100)], [(10, 10)])
    answer(name, x.flip(-1), [(40, 40)], [])
    assert torch.equal(answer(name, x, [(60, 70), (90, 100)], [(10, 10)]), first)


def load_photograph() -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.integers(0, 255, (12, 16, 3), dtype=np.uint8).repeat(10, 0).repeat(10, 1)


def test_grabcut_corrects_an_initial_mask() -> None:
    target = targets(1, 90, 120)
    mask = (target == 1).float()
    mask[:, :, :20, :20] = 1
    y = answer("classic/grabcut", images(1, 90, 120), [], [(10, 10)], mask)
    assert y[0, 0, 10, 10] == 0
    assert ((y > 0.5) & (target == 1)).sum() > 0.9 * (target == 1).sum()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "wrong", [{"device": "meta"}, {"working_size": 0}, {"seed_radius": 0.0}, {"far": float("nan")}]
)
def test_what_it_cannot_do_is_refused(name: str, wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        load_model(name, **wrong)


@pytest.mark.parametrize(
    ("name", "keyword"),
    [("grabcut", "iterations"), ("grabcut", "near"), ("geodesic", "edges"), ("geodesic", "smoothing")]
    + [("random-walker", "beta"), ("graph-cut", "noise")],
)
def test_parameters_must_be_above_0(name: str, keyword: str) -> None:
    with pytest.raises(UserError, match=f"{keyword} must be"):
        load_model(f"classic/{name}", **{keyword: 0})
