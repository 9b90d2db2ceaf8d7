"""The inference pipeline gives the published clicks, regions, IoUs and probabilities."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from iis_simpleclick import SimpleClickModel, build_network
from iis_simpleclick.configs import SMALL_CONFIGS
from simpleclick_references import REFERENCE, build_filled, read_arrays
from torch import Tensor, nn

from iis_core import UserError, interact, load_model, load_robot
from iis_core.metrics.masks import count

SHARED = os.environ.get("IIS_SHARED")
PHOTOGRAPHS = Path(str(SHARED)) / "reference" / "simpleclick"
needs_photographs = pytest.mark.skipif(not SHARED, reason="IIS_SHARED does not point at the photographs")


def read_photograph(name: str) -> tuple[np.ndarray, np.ndarray]:
    from iis_core.files.images import read_image, read_mask

    (file,) = (Path(str(SHARED)) / "data" / "GrabCut" / "data_GT").glob(f"{Path(name).stem}.*")
    (mask,) = (Path(str(SHARED)) / "data" / "GrabCut" / "boundary_GT").glob(f"{Path(name).stem}.*")
    codes = read_mask(mask)
    return read_image(file), np.where(codes == 128, -1, codes > 128).astype(np.int8)


def to_x(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def compare_robot_clicks(toy: nn.Module, arrays: dict[str, np.ndarray], image: np.ndarray, target: np.ndarray) -> None:
    model = SimpleClickModel(toy, target_size=tuple(arrays["target_size"].tolist()))
    robot, loop_target = load_robot("ritm", threshold=0.49), torch.from_numpy(target)[None, None]
    steps = list(interact(model, robot, to_x(image), loop_target, interactions=len(arrays["clicks"])))
    signed = [[(*c, 1) for c in s.new_pcs[0]] + [(*c, 0) for c in s.new_ncs[0]] for s in steps]
    assert [click for clicks in signed for click in clicks] == [tuple(click) for click in arrays["clicks"].tolist()]
    assert [tuple(s.z["region"][0]) for s in steps] == [tuple(roi) for roi in arrays["rois"].tolist()]
    for s, iou, probabilities in zip(steps, arrays["ious"], arrays["probabilities"], strict=True):
        counts = count((s.y[0, 0] > 0.49).numpy(), target)
        assert counts.tp / counts.union == pytest.approx(iou, abs=1e-6)
        assert np.abs(s.y[0, 0, ::8, ::8].numpy() - probabilities).max() < 1e-5


def replay(model: SimpleClickModel, x: Tensor, clicks: Any) -> list[tuple[Tensor, tuple[int, ...]]]:
    """The answers to given clicks (row, col, positive), with the regions."""
    z, answers = model.initialize_z(x, torch.zeros(0)), []
    pcs: list[Any] = []
    ncs: list[Any] = []
    for row, col, positive in clicks:
        pcs.append([[(row, col)] if positive else []] * len(x))
        ncs.append([[] if positive else [(row, col)]] * len(x))
        y, z = model(x, z, pcs, ncs)
        answers.append((y, tuple(z["region"][0])))
    return answers


def compare_given_clicks(
    network: nn.Module, arrays: dict[str, np.ndarray], image: np.ndarray, step: int, tolerance: float
) -> None:
    model = SimpleClickModel(network, target_size=tuple(arrays["target_size"].tolist()))
    answers = replay(model, to_x(image), arrays["clicks"].tolist())
    assert [roi for _, roi in answers] == [tuple(roi) for roi in arrays["rois"].tolist()]
    for (y, _), expected in zip(answers, arrays["probabilities"], strict=True):
        assert np.abs(y[0, 0, ::step, ::step].numpy() - expected).max() < tolerance


@pytest.mark.parametrize("name", ["blob", "corner", "pair"])
def test_published_pipelines(name: str, toy: nn.Module) -> None:
    arrays = read_arrays(REFERENCE / f"toy_pipeline_{name}.npz")
    compare_robot_clicks(toy, arrays, arrays["image"], arrays["target"])


def test_clicks_on_the_border_renew_the_region_as_published(toy: nn.Module) -> None:
    arrays = read_arrays(REFERENCE / "toy_border_clicks.npz")
    compare_given_clicks(toy, arrays, arrays["image"], 8, 1e-5)


@needs_photographs
@pytest.mark.parametrize("name", ["106024", "music", "sheep"])
def test_published_pipelines_on_photographs(name: str, toy: nn.Module) -> None:
    arrays = read_arrays(PHOTOGRAPHS / f"toy_pipeline_{name}.npz")
    compare_robot_clicks(toy, arrays, *read_photograph(str(arrays["image_name"])))


def test_the_published_network_in_the_published_pipeline() -> None:
    arrays = read_arrays(REFERENCE / "network_pipeline_xtiny448_blob.npz")
    compare_given_clicks(build_filled(arrays, "vit-xtiny"), arrays, arrays["image"], int(arrays["step"]), 1e-4)


@needs_photographs
@pytest.mark.slow
def test_a_larger_published_network_in_the_published_pipeline() -> None:
    arrays = read_arrays(PHOTOGRAPHS / "network_pipeline_base448_sheep.npz")
    image, _ = read_photograph(str(arrays["image_name"]))
    compare_given_clicks(build_filled(arrays, "vit-b"), arrays, image, int(arrays["step"]), 1e-4)


def test_a_batch_gives_what_each_image_gives_alone() -> None:
    torch.manual_seed(0)
    model = SimpleClickModel(build_network(SMALL_CONFIGS[16]), target_size=224)
    x, clicks = torch.rand(3, 3, 240, 300), [(60, 60, 1), (200, 250, 0), (80, 40, 1)]
    together = replay(model, x, clicks)
    for element in range(len(x)):
        alone = replay(model, x[element : element + 1], clicks)
        for (batch, _), (single, _) in zip(together, alone, strict=True):
            assert torch.allclose(batch[element], single[0], atol=1e-5)


@pytest.mark.parametrize("target_size", [500, 0, -224, (448, 300), (448,), "448", 448.0])
def test_a_size_that_windows_do_not_divide_is_refused(target_size: Any) -> None:
    with pytest.raises(UserError, match="target_size must be a multiple of 224 pixels"):
        load_model("simpleclick/vit-xtiny", weights="random", target_size=target_size)


@pytest.mark.parametrize("target_size", [0, -224, (448,), (448, 448, 3), "448", 448.0])
def test_any_other_network_sees_any_size(target_size: Any, toy: nn.Module) -> None:
    assert SimpleClickModel(toy, target_size=(300, 500)).zoom_in is not None
    with pytest.raises(UserError, match=r"target_size must be a side or \(height, width\) in pixels"):
        SimpleClickModel(toy, target_size=target_size)


@pytest.mark.parametrize("target_size", [672, (224, 448)])
def test_positions_are_resized_for_another_size(target_size: Any) -> None:
    torch.manual_seed(0)
    model = SimpleClickModel(build_network(SMALL_CONFIGS[16]), target_size=target_size)
    ((y, _),) = replay(model, torch.rand(1, 3, 90, 120), [(40, 50, 1)])
    assert y.shape == (1, 1, 90, 120)


def test_bfloat16_answers_nearly_the_same() -> None:
    torch.manual_seed(0)
    network, x = build_network(SMALL_CONFIGS[16]), torch.rand(1, 3, 90, 120)
    models = [SimpleClickModel(network, target_size=224, precision=precision) for precision in ("fp32", "bf16")]
    full, lower = (replay(model, x, [(40, 50, 1)])[0][0] for model in models)
    assert 0 < (full - lower).abs().max() < 0.05
