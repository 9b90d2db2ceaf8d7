"""The inference gives the published clicks, IoUs and alphas."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from iis_gto99 import GTO99Model
from iis_gto99.network import GTO99Network
from iis_gto99.pipeline import choose_shape, force_clicks, keep_clicked_components, scale_clicks

from iis_core import interact, load_robot
from iis_core.metrics import count, iou

SHARED = os.environ.get("IIS_SHARED")


def tensors(image: np.ndarray, target: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255, torch.from_numpy(target)[None, None]


def compare_alphas(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Equal but for rounding, and for pixels so near to 0.5 that rounding says whether they are kept."""
    decided = np.abs(np.maximum(ours, theirs) - 0.5) > 2e-2
    difference = np.abs(ours - theirs)
    assert decided.mean() > 0.98
    assert difference.mean() < 1e-3
    assert difference[decided].max() < 2e-2


def compare(network: GTO99Network, arrays: dict[str, np.ndarray], target: np.ndarray) -> None:
    robot = load_robot("gto99", threshold=0.5, inclusive=True)
    steps = list(interact(GTO99Model(network), robot, *tensors(arrays["image"], target), interactions=3))
    signed = [[*((*c, 1) for c in s.new_pcs[0]), *((*c, 0) for c in s.new_ncs[0])] for s in steps]
    assert [click for clicks in signed for click in clicks] == [tuple(click) for click in arrays["clicks"].tolist()]
    for step, expected, alpha in zip(steps, arrays["ious"], arrays["alpha"], strict=True):
        assert iou(count((step.y[0, 0] >= 0.5).numpy(), target)) == pytest.approx(expected, abs=1e-3)
        compare_alphas(step.y[0, 0].numpy(), alpha)


@pytest.mark.parametrize("name", ["gto99_pipeline_0", "gto99_pipeline_1"])
def test_the_published_pipeline(name: str, network: GTO99Network, reference: Any) -> None:
    compare(network, reference[name], reference[name]["target"])


@pytest.mark.skipif(not SHARED, reason="IIS_SHARED does not point at the photographs")
@pytest.mark.parametrize("name", ["pipeline_banana1", "pipeline_sheep"])
def test_the_published_pipeline_on_photographs(name: str, network: GTO99Network) -> None:
    arrays = dict(np.load(Path(str(SHARED)) / "reference" / "gto99" / f"{name}.npz"))
    compare(network, arrays, np.where(arrays["gt"] == 128, -1, arrays["gt"] > 128).astype(np.int8))


def test_a_batch_gives_what_each_image_gives_alone(network: GTO99Network, reference: Any) -> None:
    arrays = reference["gto99_pipeline_0"]
    x, target = tensors(arrays["image"], arrays["target"])
    images = torch.cat((x, x.flip(3), x.flip(2), 1 - x))
    targets = torch.cat((target, target.flip(3), target.flip(2), target))
    model, robot = GTO99Model(network), load_robot("gto99", threshold=0.5, inclusive=True)
    together = list(interact(model, robot, images, targets, interactions=2))
    for b in range(4):
        alone = list(interact(model, robot, images[b : b + 1], targets[b : b + 1], interactions=2))
        for whole, single in zip(together, alone, strict=True):
            assert (whole.pcs[-1][b], whole.ncs[-1][b]) == (single.pcs[-1][0], single.ncs[-1][0])
            compare_alphas(whole.y[b, 0].numpy(), single.y[0, 0].numpy())


def test_features_given_and_made_are_the_same(network: GTO99Network) -> None:
    model, x = GTO99Model(network), torch.rand(2, 3, 40, 50, generator=torch.Generator().manual_seed(0))
    answers = [
        model(x, model.initialize_z(x, x[:, :1], **given), [[[(9, 9)], [(4, 7)]]], [[[], [(30, 3)]]])[0]
        for given in ({}, {"features": model.encode(x)})
    ]
    assert torch.equal(*answers)


def test_the_network_is_prepared_anew_when_its_parameters_change(network: GTO99Network) -> None:
    model, x = GTO99Model(network), torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    def answer() -> torch.Tensor:
        return model(x, model.initialize_z(x, x[:, :1]), [[[]]], [[[(9, 9)]]])[0]

    before, bias = answer(), network.decoder.conv_up4[0].bias
    kept = bias.detach().clone()
    with torch.no_grad():
        bias += 0.5
        assert not torch.equal(before, answer())
        bias.copy_(kept)
    assert torch.equal(before, answer())


@pytest.mark.parametrize("shape", [(144, 192), (97, 131), (33, 64), (5, 3), (32, 32)])
def test_clicks_show_where_an_enlarged_map_shows_them(shape: tuple[int, int]) -> None:
    scaled, rng = choose_shape(shape), np.random.default_rng(0)
    assert all(side % 32 == 0 and 0 <= side - own < 32 for side, own in zip(scaled, shape, strict=True))
    for place in [*rng.integers(0, shape, (20, 2)), np.array(shape) * 45 // 144]:
        click = tuple(place.tolist())
        published = np.zeros(shape)
        published[click] = 1
        enlarged = cv2.resize(published, scaled[::-1], interpolation=cv2.INTER_NEAREST)
        negative, positive = scale_clicks(([], [click]), shape, scaled)
        assert negative == []
        assert sorted(positive) == sorted(map(tuple, np.argwhere(enlarged == 1).tolist()))


def test_only_components_with_a_positive_click_stay() -> None:
    alpha = torch.full((3, 1, 6, 9), 0.4)
    alpha[:, :, 1:3, 1:3] = 0.9
    alpha[:, :, 3, 3] = 0.6  # touches the first at its corner
    alpha[:, :, 1:3, 6:8] = 0.8
    clicks = [([(0, 0)], [(1, 1)]), ([], []), ([], [(5, 5)])]
    kept = keep_clicked_components(alpha, clicks)
    assert kept[0, 0, 3, 3] == alpha[0, 0, 3, 3]
    assert torch.equal(kept[0, 0] > 0, (alpha[0, 0] > 0.5) & (torch.arange(9) < 5))
    assert torch.equal(kept[1], alpha[1])
    assert not kept[2].any()


def test_a_pixel_clicked_both_ways_is_the_object() -> None:
    alpha = force_clicks(torch.full((1, 1, 4, 4), 0.5), [([(0, 0), (1, 1)], [(1, 1), (2, 2)])])
    assert [float(alpha[0, 0, k, k]) for k in range(4)] == [0, 1, 1, 0.5]
