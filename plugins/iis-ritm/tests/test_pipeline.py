"""The inference pipeline gives the published clicks, regions, IoUs and probabilities."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fill_weights import fill_weights
from iis_ritm import RITMModel, build_network

from iis_core import UserError, interact, load_robot
from iis_core.metrics.masks import count

SHARED = os.environ.get("IIS_SHARED")
PIPELINES = {
    "zoom400_flip": {"zoom_in": {"target_size": 400}, "flip": True},
    "zoom400_noflip": {"zoom_in": {"target_size": 400}},
    "fixed256_flip": {"zoom_in": {"target_size": (256, 256), "skip_clicks": -1}, "flip": True},
    "nozoom_flip": {"flip": True},
    "limit300_noflip": {"max_size": 300},
}


def pipeline_of(name: str) -> dict[str, Any]:
    return next(options for key, options in PIPELINES.items() if key in name)


def compare(network: torch.nn.Module, name: str, arrays: dict[str, np.ndarray], target: np.ndarray, step: int) -> None:
    model = RITMModel(network, **pipeline_of(name))
    x, loop_target = torch.zeros(1, 3, *target.shape), torch.from_numpy(target)[None, None]
    robot = load_robot("ritm", threshold=0.49)
    steps = list(interact(model, robot, x, loop_target, interactions=len(arrays["clicks"])))
    signed = [[(*c, 1) for c in s.new_pcs[0]] + [(*c, 0) for c in s.new_ncs[0]] for s in steps]
    assert [click for clicks in signed for click in clicks] == [tuple(click) for click in arrays["clicks"].tolist()]
    assert [tuple(s.z["region"][0] or (-1,) * 4) for s in steps] == [tuple(roi) for roi in arrays["rois"].tolist()]
    for s, iou, probabilities in zip(steps, arrays["ious"], arrays["probabilities"], strict=True):
        counts = count((s.y[0, 0] > 0.49).numpy(), target)
        assert counts.tp / counts.union == pytest.approx(iou, abs=1e-6)
        assert np.abs(s.y[0, 0, ::step, ::step].numpy() - probabilities).max() < 1e-4


@pytest.mark.parametrize("name", PIPELINES)
def test_published_pipelines(name: str, toy: torch.nn.Module, reference: Any) -> None:
    arrays = reference[f"ritm_pipeline_{name}"]
    compare(toy, name, arrays, arrays["target"], 8)


def photograph(name: str) -> Any:
    from iis_core.files.images import read_image, read_mask

    (file,) = (Path(str(SHARED)) / "data" / "GrabCut" / "data_GT").glob(f"{Path(name).stem}.*")
    (mask,) = (Path(str(SHARED)) / "data" / "GrabCut" / "boundary_GT").glob(f"{Path(name).stem}.*")
    codes = read_mask(mask)
    return read_image(file), np.where(codes == 128, -1, codes > 128).astype(np.int8)


@pytest.mark.skipif(not SHARED, reason="IIS_SHARED does not point at the photographs")
@pytest.mark.parametrize("name", ["fixed256_flip", "nozoom_flip", "zoom400_flip", "zoom400_noflip"])
def test_published_pipelines_on_photographs(name: str, toy: torch.nn.Module) -> None:
    (file,) = (Path(str(SHARED)) / "reference" / "ritm").glob(f"toy_predictor_{name}_*.npz")
    arrays = dict(np.load(file))
    _, target = photograph(str(arrays["image_name"]))
    compare(toy, name, arrays, target, 4)


@pytest.mark.skipif(not SHARED, reason="IIS_SHARED does not point at the photographs")
@pytest.mark.parametrize(
    ("file", "options"), [("predictor_plain", {}), ("predictor_zoom_flip", PIPELINES["zoom400_flip"])]
)
def test_the_published_network_in_the_published_pipeline(file: str, options: dict[str, Any]) -> None:
    arrays = dict(np.load(Path(str(SHARED)) / "reference" / "ritm" / f"{file}.npz"))
    network = build_network("hrnet18s")
    network.load_state_dict(fill_weights(network.state_dict()))
    with torch.no_grad():
        network.feature_extractor.cls_head.bias += torch.from_numpy(arrays["last_conv_bias_shift"])
    image, _ = photograph(str(arrays["image_name"]))
    model, x = RITMModel(network, **options), torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    z = model.initialize_z(x, torch.zeros(0))
    pcs, ncs = [], []
    for (row, col, positive), roi, expected in zip(
        arrays["clicks"].tolist(), arrays["rois"].tolist(), arrays["probabilities"], strict=True
    ):
        pcs.append([[(row, col)] if positive else []])
        ncs.append([[] if positive else [(row, col)]])
        y, z = model(x, z, pcs, ncs)
        assert tuple(z["region"][0] or (-1,) * 4) == tuple(roi)
        assert np.abs(y[0, 0, ::4, ::4].numpy() - expected).max() < 1e-3


def history(model: RITMModel, x: torch.Tensor, clicks: list[list[tuple[int, int]]]) -> list[torch.Tensor]:
    """The answers to one positive click per element and interaction."""
    z, pcs, ncs, answers = model.initialize_z(x, torch.zeros(0)), [], [], []
    for interaction in clicks:
        pcs.append([[click] for click in interaction])
        ncs.append([[] for _ in interaction])
        y, z = model(x, z, pcs, ncs)
        answers.append(y)
    return answers


@pytest.mark.parametrize("name", PIPELINES)
def test_a_batch_gives_what_each_image_gives_alone(name: str, toy: torch.nn.Module) -> None:
    model = RITMModel(toy, **PIPELINES[name])
    x = torch.zeros(3, 3, 420, 560)
    clicks = [[(100, 100), (300, 500), (50, 400)], [(120, 90), (310, 400), (60, 300)], [(90, 140), (10, 10), (400, 20)]]
    together = history(model, x, clicks)
    for b in range(3):
        alone = history(model, x[b : b + 1], [[interaction[b]] for interaction in clicks])
        assert all(torch.allclose(y[b], one[0], atol=1e-6) for y, one in zip(together, alone, strict=True))


def test_zooming_at_once_repeats_the_first_click_on_the_region(toy: torch.nn.Module) -> None:
    model = RITMModel(toy, zoom_in={"target_size": 400, "skip_clicks": 0})
    x = torch.zeros(2, 3, 420, 560)
    z = model.initialize_z(x, torch.zeros(0))
    y, z = model(x, z, [[[(100, 100)], []]], [[[], [(300, 300)]]])
    assert z["region"][0] is not None
    assert z["region"][1] is None
    outside = torch.ones(420, 560, dtype=torch.bool)
    top, bottom, left, right = z["region"][0]
    outside[top : bottom + 1, left : right + 1] = False
    assert (y[0, 0][outside] == 0).all()


def test_an_initial_mask_is_what_the_network_is_shown(toy: torch.nn.Module) -> None:
    model = RITMModel(toy)
    x, mask = torch.zeros(1, 3, 60, 80), torch.zeros(1, 1, 60, 80)
    mask[..., 40:, :] = 1
    z = model.initialize_z(x, mask, mask)
    y, _ = model(x, z, [[[(5, 5)]]], [[[]]])
    blank, _ = model(x, model.initialize_z(x, mask), [[[(5, 5)]]], [[[]]])
    assert (y[..., 45, :] > blank[..., 45, :]).all()
    assert torch.equal(y[..., :40, :], blank[..., :40, :])


def test_pixels_are_cut_out_anew_only_where_the_region_changed(toy: torch.nn.Module) -> None:
    model = RITMModel(toy, zoom_in={"target_size": 400})
    x = torch.rand(1, 3, 420, 560)
    z = model.initialize_z(x, torch.zeros(0))
    pcs, ncs, cuts = [], [], []
    for click in [(200, 200), (205, 205), (206, 206), (10, 550)]:
        pcs.append([[click]])
        ncs.append([[]])
        _, z = model(x, z, pcs, ncs)
        cuts.append((z["region"][0], z["pixels"][0]))
    assert cuts[0] == (None, None)
    assert cuts[1][1] is cuts[2][1]
    assert cuts[2][0] != cuts[3][0]
    assert cuts[2][1] is not cuts[3][1]


def test_training_gives_logits_with_gradients_at_full_size() -> None:
    model = RITMModel(build_network("hrnet18s"), zoom_in={"target_size": 400}, flip=True)
    model.train()
    x = torch.rand(2, 3, 64, 96)
    z = model.initialize_z(x, torch.zeros(0))
    outputs, z = model.logits(x, z, [[[(5, 5)], [(8, 8)]]], [[[], []]])
    assert outputs["y"].shape == outputs["aux"].shape == (2, 1, 64, 96)
    (outputs["y"].mean() + outputs["aux"].mean()).backward()
    assert all(p.grad is not None for p in model.parameters())
    assert not z["prediction"].requires_grad


def test_inference_follows_the_parameters() -> None:
    model = RITMModel(build_network("hrnet18s"))
    x = torch.rand(1, 3, 64, 96)
    first = history(model, x, [[(5, 5)]])[0]
    with torch.no_grad():
        model.network.feature_extractor.cls_head.bias += 1
    assert (history(model, x, [[(5, 5)]])[0] > first).all()
    assert set(model.network.state_dict()) == set(build_network("hrnet18s").state_dict())


def test_lower_precision_is_close() -> None:
    network = build_network("hrnet18s")
    network.load_state_dict(fill_weights(network.state_dict()))
    x = torch.rand(1, 3, 64, 96)
    plain, lower = (history(RITMModel(network, precision=p), x, [[(30, 40)]])[0] for p in ("fp32", "bf16"))
    assert lower.dtype == torch.float32
    assert 0 < (plain - lower).abs().max() < 0.1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"zoom_in": {"target": 400}}, "unexpected keyword argument 'target'"),
        ({"zoom_in": {"target_size": 0}}, "target_size must be a side"),
        ({"zoom_in": {"skip_clicks": -2}}, "skip_clicks at least -1"),
        ({"max_size": 0}, "max_size must be at least 1"),
        ({"precision": "fp8"}, "precision must be fp32 or bf16"),
    ],
)
def test_wrong_options_are_explained(wrong: dict[str, Any], message: str, toy: torch.nn.Module) -> None:
    with pytest.raises(UserError, match=message):
        RITMModel(toy, **wrong)
