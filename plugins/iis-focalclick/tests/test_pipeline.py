"""The inference pipeline gives the published clicks, regions, masks, IoUs and probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from focal_references import SHARED, ToyNetwork, fill, read_reference, to_image
from iis_focalclick import FocalClickModel
from torch import Tensor, nn

from iis_core import load_robot
from iis_core.metrics.masks import count
from iis_core.models.inference import Box
from iis_core.models.state import take
from iis_core.types import Clicks, State

needs_photographs = pytest.mark.skipif(not SHARED, reason="IIS_SHARED does not point at the photographs")
PHOTOGRAPHS = ["toy_pipeline_106024", "toy_pipeline_banana1", "toy_pipeline_cross", "toy_given_person1"]


def sides(box: Box | None) -> tuple[int, ...] | None:
    """As in the references: y1, y2, x1, x2, of which y2 and x2 are not inside."""
    return box and (box.top, box.bottom + 1, box.left, box.right + 1)


class Interaction:
    """Clicks on one image, one after another."""

    def __init__(self, network: nn.Module, image: np.ndarray, given: np.ndarray | None = None, **how: Any) -> None:
        self.model, self.x = FocalClickModel(network, **how), to_image(image)
        initial = None if given is None else torch.from_numpy(given)[None, None].float()
        blank = torch.zeros((1, 1, *image.shape[:2]), dtype=torch.int8)
        self.y: Tensor = self.model.initialize_y(self.x, blank, initial)
        self.z: State = self.model.initialize_z(self.x, blank, initial)
        self.pcs: Clicks = []
        self.ncs: Clicks = []

    def click(self, row: int, col: int, positive: bool | int) -> Tensor:
        for clicks, is_own in ((self.pcs, positive), (self.ncs, not positive)):
            clicks.append([[(row, col)] if is_own else []])
        self.y, self.z = self.model(self.x, self.z, self.pcs, self.ncs)
        return self.y


def compare(name: str) -> None:
    """Robot, regions, masks, IoUs and probabilities, click by click."""
    arrays = read_reference(name)
    network = ToyNetwork(float(arrays["negative_strength"]), float(arrays["negative_radius"]))
    interaction = Interaction(network, arrays["image"], arrays.get("init_mask"))
    robot, target = load_robot("ritm", threshold=0.5), arrays["target"]
    for k, click in enumerate(arrays["clicks"].tolist()):
        history = (interaction.pcs, interaction.ncs)
        pcs, ncs = robot(interaction.y, torch.from_numpy(target)[None, None], *history, rngs=[np.random.default_rng(0)])
        assert [(*c, 1) for c in pcs[0]] + [(*c, 0) for c in ncs[0]] == [tuple(click)]
        y, z = interaction.click(*click), interaction.z
        assert (sides(z["region"][0]), sides(z["focus"][0])) == (
            tuple(arrays["rois"][k]),
            tuple(arrays["focus_rois"][k]),
        )
        assert np.abs(z["previous"][0, 0, ::8, ::8].numpy() - arrays["probabilities"][k]).max() < 1e-5
        mask = (y[0, 0] > 0.5).numpy()
        assert "masks" not in arrays or np.array_equal(mask, arrays["masks"][k])
        counts = count(mask, target)
        assert counts.tp / counts.union == pytest.approx(arrays["ious"][k], abs=1e-6)


@pytest.mark.parametrize(
    "name",
    [
        *("toy_pipeline_blob", "toy_pipeline_corner", "toy_pipeline_pair", "toy_given_blob", "toy_given_corner"),
        *("toy_given_unchanged", "toy_given_unchanged_positive"),
    ],
)
def test_published_pipelines(name: str) -> None:
    compare(name)


@needs_photographs
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_published_pipelines_on_photographs(name: str) -> None:
    compare(name)


def test_few_pixels_are_taken_for_the_whole_image() -> None:
    arrays = read_reference("toy_small_change")
    network = ToyNetwork(float(arrays["negative_strength"]), float(arrays["negative_radius"]))
    interaction = Interaction(network, arrays["image"])
    for click, region, focus, expected in zip(
        arrays["clicks"].tolist(), arrays["rois"], arrays["focus_rois"], arrays["probabilities"], strict=True
    ):
        y, z = interaction.click(*click), interaction.z
        assert (sides(z["region"][0]), sides(z["focus"][0])) == (tuple(region), tuple(focus))
        assert np.abs(y[0, 0, ::8, ::8].numpy() - expected).max() < 1e-5


def test_where_nothing_is_left_the_whole_image_is_seen() -> None:
    """Published code sees it too, but squeezes what it finds into the old region; until then all is as published."""
    arrays = read_reference("toy_stale_region")
    network = ToyNetwork(float(arrays["negative_strength"]), float(arrays["negative_radius"]))
    interaction = Interaction(network, arrays["image"])
    whole = (0, arrays["image"].shape[0], 0, arrays["image"].shape[1])
    for k, click in enumerate(arrays["clicks"].tolist()):
        y, z = interaction.click(*click), interaction.z
        if k < 3:
            assert sides(z["region"][0]) == tuple(arrays["rois"][k])
            assert sides(z["focus"][0]) == tuple(arrays["focus_rois"][k])
            assert np.abs(y[0, 0, ::8, ::8].numpy() - arrays["probabilities"][k]).max() < 1e-5
        assert (sides(z["region"][0]) == whole) == (k in (0, 3, 4))


@pytest.mark.parametrize(
    "name",
    [
        "network_pipeline_segformerB0_S2_blob",
        *(
            pytest.param(f"network_pipeline_{name}_sheep", marks=needs_photographs)
            for name in ("segformerB0_S2", "hrnet18s_S2")
        ),
    ],
)
def test_the_published_networks_in_the_published_pipeline(name: str) -> None:
    arrays = read_reference(name)
    interaction, step = Interaction(fill(arrays), arrays["image"]), int(arrays["step"])
    for click, region, focus, expected in zip(
        arrays["clicks"].tolist(), arrays["rois"], arrays["focus_rois"], arrays["probabilities"], strict=True
    ):
        y, z = interaction.click(*click), interaction.z
        assert (sides(z["region"][0]), sides(z["focus"][0])) == (tuple(region), tuple(focus))
        assert np.abs(y[0, 0, ::step, ::step].numpy() - expected).max() < 1e-4


def scene(seed: int = 0) -> np.ndarray:
    """A bright rectangle on a dark ground."""
    image = np.random.default_rng(seed).integers(0, 60, (90, 120, 3), dtype=np.uint8)
    image[20 + seed : 60, 30:80] += 150
    return image


def test_after_ten_clicks_only_the_focus_changes() -> None:
    interaction, outside = Interaction(ToyNetwork(), scene()), []
    for k in range(12):
        before = interaction.z["previous"][0, 0]
        y = interaction.click(*((25, 35, 1) if k % 2 else (70, 30 + 5 * k, 0)))[0, 0]
        box = interaction.z["focus"][0]
        changed = y != before
        changed[box.top : box.bottom + 1, box.left : box.right + 1] = False
        outside.append(bool(changed.any()))
    assert any(outside[:10])
    assert not any(outside[10:])


def test_a_given_mask_is_corrected_only_where_new_clicks_are() -> None:
    given = np.zeros((90, 120), bool)
    given[20:60, 30:55], given[70:85, 100:115] = True, True
    interaction = Interaction(ToyNetwork(), scene(), given)
    assert np.array_equal(interaction.y[0, 0].numpy(), given)
    first = interaction.click(40, 65, 1)[0, 0].numpy()
    assert set(np.unique(first)) == {0, 1}
    assert first[40, 65]
    assert np.array_equal(first[70:, 100:115], given[70:, 100:115])
    interaction.pcs.append([[]])
    interaction.ncs.append([[]])
    again, _ = interaction.model(interaction.x, interaction.z, interaction.pcs, interaction.ncs)
    assert np.array_equal(again[0, 0].numpy(), first)


@pytest.mark.parametrize("given", [False, True])
def test_a_batch_gives_what_each_image_gives_alone(given: bool) -> None:
    """Elements with and without a given mask can share a batch, and any of them can leave it."""
    images, mask = [scene(0), scene(3), scene(7)], np.zeros((90, 120), bool)
    mask[30:60, 30:60] = True
    alone = [Interaction(ToyNetwork(), image, mask if given else None) for image in images]
    x = to_image(np.stack(images))
    model = FocalClickModel(ToyNetwork())
    initial = torch.from_numpy(mask).float().expand(3, 1, -1, -1) if given else None
    z = model.initialize_z(x, torch.zeros(0), initial)
    pcs: Clicks = []
    ncs: Clicks = []
    for k in range(4):
        pcs.append([[(25 + b, 40 + 9 * k)] if k != 2 else [] for b in range(3)])
        ncs.append([[(75, 20 + 9 * b)] if k == 2 else [] for b in range(3)])
        y, z = model(x, z, pcs, ncs)
        for b, interaction in enumerate(alone):
            (click,), positive = pcs[-1][b] or ncs[-1][b], k != 2
            assert (y[b : b + 1] - interaction.click(*click, positive)).abs().max() < 1e-5
            assert z["focus"][b] == interaction.z["focus"][0]
    z = take(z, [2])
    last = [[clicks[2:] for clicks in same] for same in (pcs, ncs)]
    y, _ = model(x[2:], z, *([*own, [[(30, 60)] if sign else []]] for sign, own in zip((1, 0), last, strict=True)))
    assert (y - alone[2].click(30, 60, 1)).abs().max() < 1e-5


def test_inputs_stay_and_answers_are_kept_apart() -> None:
    given = np.zeros((90, 120), bool)
    given[20:60, 30:55] = True
    interaction = Interaction(ToyNetwork(), scene(), given)
    before = {key: value.clone() for key, value in interaction.z.items() if isinstance(value, Tensor)}
    z = interaction.z
    first = interaction.click(40, 65, 1)
    kept = first.clone()
    assert all(torch.equal(z[key], value) for key, value in before.items())
    first.zero_()
    assert torch.equal(interaction.z["shown"], kept)
    assert torch.equal(interaction.click(70, 10, 0), kept)
    assert not torch.equal(interaction.click(40, 55, 0), kept)


def test_logits_are_the_networks_on_the_whole_image() -> None:
    x = to_image(np.stack([scene(), scene(5)]))
    model = FocalClickModel(ToyNetwork(), zoom_in=False)
    z = model.initialize_z(x, torch.zeros(0))
    pcs: Clicks = [[[(40, 50)], [(30, 40)]]]
    ncs: Clicks = [[[], []]]
    outputs, after = model.logits(x, z, pcs, ncs)
    y, _ = model(x, z, pcs, ncs)
    assert torch.equal(y, outputs["y"].sigmoid())
    assert torch.equal(after["previous"], y)
    differs = (outputs["y"] != outputs["coarse"])[:, 0]
    assert differs.any()
    assert not differs.all()
