"""Networks have the published parameters and give the published outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fill_weights import fill_weights
from iis_ritm import build_network
from iis_ritm.configs import CONFIGS
from torch.nn import functional

from iis_core import UserError
from iis_core.models.inference import fold, prepare_for_inference

MODELS = json.loads((Path(__file__).parent / "reference" / "ritm_models.json").read_text())
PUBLISHED = [name for name in MODELS if not name.startswith("_")]


def config(**params: Any) -> dict[str, Any]:
    return {"class": "isegm.model.is_hrnet_model.HRNetModel", "params": {"width": 18, "small": True, **params}}


def deeplab(**params: Any) -> dict[str, Any]:
    return {"class": "isegm.model.is_deeplab_model.DeeplabModel", "params": {"deeplab_ch": 16, **params}}


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_and_shapes_are_the_published_ones(name: str) -> None:
    network = build_network({"class": MODELS[name]["upstream_class"], "params": MODELS[name]["params"]})
    shapes = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert shapes == MODELS[name]["state_dict"]
    assert list(shapes) == list(MODELS[name]["state_dict"])


def test_registered_configurations_are_the_published_ones() -> None:
    for ours, theirs in (("hrnet18s", "hrnet18s_itermask"), ("hrnet32", "hrnet32_itermask")):
        assert CONFIGS[ours] == {"class": MODELS[theirs]["upstream_class"], "params": MODELS[theirs]["params"]}
    for ours, theirs in (("hrnet18-baseline", "hrnet18_baseline"), ("resnet34-baseline", "resnet34_baseline")):
        assert CONFIGS[ours]["params"] == MODELS[theirs]["params"]


@pytest.mark.parametrize(
    ("name", "file"),
    [("hrnet18s", "ritm_hrnet18s_itermask"), ("ritm/resnet34-baseline", "ritm_resnet34_baseline")],
)
@pytest.mark.parametrize("change", [lambda network: network, fold, prepare_for_inference])
def test_outputs_are_the_published_ones(name: str, file: str, change: Any, reference: Any) -> None:
    network = build_network(name)
    network.load_state_dict(fill_weights(network.state_dict()))
    arrays = reference[file]
    image = torch.from_numpy(arrays["image"]).permute(0, 3, 1, 2).float() / 255
    if network.with_prev_mask:
        image = torch.cat((image, torch.from_numpy(arrays["prev_mask"])), dim=1)
    points = torch.from_numpy(arrays["points"])
    with torch.no_grad():
        outputs = change(network)(image, points)
        maps = network.click_maps(points, (96, 128))
    assert np.array_equal(maps.numpy(), arrays["click_maps"])
    assert set(outputs) == {"instances", "instances_aux"} & set(arrays)
    for key, value in outputs.items():
        assert np.abs(value.numpy() - arrays[key]).max() < 1e-4 * np.abs(arrays[key]).max()


@pytest.mark.parametrize(
    "params",
    [
        {"ocr_width": 0},
        {"ocr_width": 16, "use_rgb_conv": True, "with_aux_output": True},
        {"ocr_width": 16, "use_rgb_conv": False, "conv_extend": True, "with_prev_mask": True},
        {"ocr_width": 16, "use_rgb_conv": False, "clicks_groups": [2, 5, 10], "use_disks": True},
        {"ocr_width": 16, "binary_prev_mask": True, "with_prev_mask": True, "norm_radius": 60},
    ],
)
def test_other_input_stages_run(params: dict[str, Any]) -> None:
    network = build_network(config(**params))
    image = torch.rand(2, 4 if network.with_prev_mask else 3, 61, 83)
    points = torch.tensor([[[5.0, 6, 0], [7, 8, 2], [9, 9, 1], [-1, -1, -1]]] * 2)
    outputs = network(image, points)
    assert outputs["instances"].shape == (2, 1, 61, 83)
    assert ("instances_aux" in outputs) == bool(params.get("with_aux_output"))


@pytest.mark.parametrize("backbone", ["resnet50", "resnet101"])
def test_deeper_residual_networks_run_with_mixed_input(backbone: str) -> None:
    network = build_network(deeplab(backbone=backbone))
    outputs = network(torch.rand(1, 3, 40, 56), torch.tensor([[[5.0, 6, 0], [-1, -1, -1]]]))
    assert outputs["instances"].shape == (1, 1, 40, 56)


@pytest.mark.parametrize("conv_extend", [False, True])
@pytest.mark.parametrize("backbone", ["resnet34", "resnet50", "resnet101"])
@torch.no_grad()
def test_click_maps_are_added_to_the_first_channels_of_the_stem(backbone: str, conv_extend: bool) -> None:
    params = {"use_rgb_conv": False, "conv_extend": conv_extend, "with_prev_mask": True}
    network = build_network(deeplab(backbone=backbone, **params))
    network.load_state_dict(fill_weights(network.state_dict()))
    image, points = torch.rand(2, 4, 40, 56), torch.tensor([[[5.0, 6, 0], [7, 8, 1]]] * 2)

    maps = torch.cat((image[:, 3:], network.click_maps(points, (40, 56))), dim=1)
    added = network.maps_transform(maps)
    features = network.feature_extractor
    stem = features.backbone
    pooled = stem.relu(stem.bn1(stem.conv1((image[:, :3] - network.mean) / network.std)))
    pooled[:, :64] += added
    first = stem.layer1(functional.max_pool2d(pooled, 3, 2, 1))
    skip, last = features.skip_project(first), features.aspp(stem.layer4(stem.layer3(stem.layer2(first))))
    last = functional.interpolate(last, skip.shape[2:], mode="bilinear", align_corners=True)
    logits = network.head(features.head(torch.cat((last, skip), dim=1)))
    expected = functional.interpolate(logits, (40, 56), mode="bilinear", align_corners=True)

    assert added.shape[1] == 64
    assert added.abs().max() > 1e-3
    found = network(image, points)["instances"]
    assert (found - expected).abs().max() <= 1e-6 * expected.abs().max()


def test_clicks_are_grouped_by_their_order() -> None:
    network = build_network(config(clicks_groups=[1, 1, 1], use_disks=True, use_rgb_conv=False, ocr_width=16))
    points = torch.tensor([[[10.0, 10, 0], [20, 20, 1], [30, 30, 2], [40, 40, 3], [50, 50, 4], [60, 60, 0]]])
    maps = network.click_maps(points, (70, 70))[0]
    centres = [[place[0].item() for place in channel.nonzero()[2:3]] for channel in maps]
    assert [bool(c) for c in centres] == [True, False, True, False, True, True]
    assert maps[0, 10, 10] == maps[2, 20, 20] == maps[4, 30, 30] == maps[5, 40, 40] == maps[5, 50, 50] == 1
    assert maps[5, 60, 60] == 1


def test_learning_rates_are_multiplied_as_published() -> None:
    hrnet = build_network("hrnet18s").learning_rate_multipliers()
    assert hrnet["feature_extractor.conv1.weight"] == 0.1
    assert hrnet["feature_extractor.cls_head.weight"] == 0.1
    assert hrnet["feature_extractor.conv3x3_ocr.0.weight"] == hrnet["maps_transform.0.weight"] == 1.0
    resnet = build_network("resnet34-baseline").learning_rate_multipliers()
    assert resnet["feature_extractor.backbone.layer4.0.conv1.weight"] == 0.1
    assert resnet["feature_extractor.aspp.project.0.weight"] == resnet["head.layers.2.bias"] == 1.0


def test_a_single_convolution_of_the_click_maps_learns_at_a_tenth_of_the_rate() -> None:
    network = build_network(deeplab(backbone="resnet34", use_rgb_conv=False, conv_extend=True, backbone_lr_mult=0.3))
    rates = network.learning_rate_multipliers()
    assert rates["maps_transform.weight"] == rates["maps_transform.bias"] == 0.1
    assert rates["feature_extractor.backbone.conv1.weight"] == 0.3


def test_a_checkpoints_config_is_read_as_published() -> None:
    example = MODELS["_checkpoint_format"]["example_config"]
    assert list(build_network(example).state_dict()) == list(MODELS["hrnet18s_itermask"]["state_dict"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("hrnet18x", "no network is named 'hrnet18x'; did you mean"),
        ({"class": "isegm.model.is_segformer_model.SegformerModel", "params": {}}, "supported are HRNetModel"),
        ({"params": {}}, "a config is"),
        (config(widht=18), "unexpected keyword argument 'widht'"),
        (config(norm_layer={"type": "class", "value": "torch.nn.SyncBatchNorm", "specified": True}), "SyncBatchNorm"),
        ({"class": "DeeplabModel", "params": {"backbone": "vgg16"}}, "backbone must be one of resnet34"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_explained(wrong: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_network(wrong)
