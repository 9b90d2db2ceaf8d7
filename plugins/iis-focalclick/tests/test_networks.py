"""Networks have the published parameters and give the published outputs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from focal_references import MODELS, NAMES, ToyNetwork, fill, read_reference, to_image
from iis_focalclick import build_network
from iis_focalclick.configs import CONFIGS
from iis_focalclick.networks.preparing import prepare
from torch import nn
from torchvision.ops import roi_align

from iis_core import UserError


@pytest.mark.parametrize("name", NAMES)
def test_names_and_shapes_are_the_published_ones(name: str) -> None:
    network = build_network({"class": MODELS[name]["upstream_class"], "params": MODELS[name]["params"]})
    shapes = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert shapes == MODELS[name]["state_dict"]
    assert list(shapes) == list(MODELS[name]["state_dict"])
    assert type(build_network(NAMES[name])) is type(network)
    assert CONFIGS[NAMES[name]]["class"] == MODELS[name]["upstream_class"]
    assert CONFIGS[NAMES[name]]["params"].items() <= MODELS[name]["params"].items()


@pytest.mark.parametrize("name", ["segformerB0_S1", "segformerB0_S2", "hrnet18s_S2"])
@pytest.mark.parametrize("change", [lambda network: network, prepare], ids=["plain", "prepared"])
@torch.no_grad()
def test_outputs_are_the_published_ones(name: str, change: Callable[[nn.Module], Any]) -> None:
    arrays = read_reference(f"forward_{name}")
    network = change(fill(arrays))
    previous, points, focus_points, rois = (
        torch.from_numpy(arrays[key]) for key in ("prev_mask", "points", "focus_points", "rois")
    )
    logits, feature, auxiliary = network.coarse_outputs(to_image(arrays["image"]), previous, points)
    crops = [
        roi_align(maps, rois, maps.shape[-2:], spatial_scale=maps.shape[-1] / 256, aligned=True)
        for maps in (logits, feature)
    ]
    refined, trimap = network.refine_outputs(to_image(arrays["focus_image"]), focus_points, *crops)
    found = {"instances": logits, "instances_coarse": crops[0], "instances_refined": refined, "trimap": trimap}
    assert (auxiliary is None) == ("instances_aux" not in arrays)
    found |= {} if auxiliary is None else {"instances_aux": auxiliary}
    seen = {key: value[:, :, ::4, ::4] for key, value in found.items()}
    seen |= {"feature": feature[:, ::8, ::4, ::4]} if change is not prepare else {}
    for key, value in seen.items():
        assert np.abs(value.numpy() - arrays[key]).max() < 1e-5 * np.abs(arrays[key]).max()
    again = network.coarse(to_image(arrays["image"]), previous, points)
    assert all(torch.equal(*pair) for pair in zip(again, (logits, feature), strict=True))


def test_a_segformer_is_prepared_in_parts_and_one_that_was_changed_is_not() -> None:
    network = build_network("segformer-b0-s2")
    prepared = prepare(network)
    assert prepared.feature_extractor.decode_head.merged is not None
    assert network.feature_extractor.decode_head.merged is None
    assert isinstance(prepared.refiner.image_conv1.norm, nn.Identity)
    hooked = copy.deepcopy(network)
    hooked.feature_extractor.decode_head.linear_c1.register_forward_hook(lambda *_: None)
    assert prepare(hooked).feature_extractor.decode_head.merged is None
    foreign = ToyNetwork()
    assert prepare(foreign) is foreign


def test_learning_rates_are_multiplied_as_published() -> None:
    segformer = build_network("segformer-b0-s1").learning_rate_multipliers()
    assert segformer["feature_extractor.backbone.block1.0.attn.q.weight"] == 0.1
    assert segformer["feature_extractor.decode_head.linear_pred.weight"] == segformer["refiner.refine_pred.bias"] == 1
    hrnet = build_network("hrnet18s-s1").learning_rate_multipliers()
    assert hrnet["feature_extractor.conv1.weight"] == hrnet["feature_extractor.cls_head.bias"] == 2
    assert hrnet["maps_transform.0.weight"] == hrnet["refiner.refine_pred.bias"] == 1


@pytest.mark.parametrize("name", ["segformerB0_S2_cclvs", "hrnet18s_S2_cclvs"])
def test_a_checkpoints_config_is_read_as_published(name: str) -> None:
    network = build_network(MODELS["_checkpoint_format"]["example_configs"][name])
    assert list(network.state_dict()) == list(MODELS[name.removesuffix("_cclvs")]["state_dict"])
    assert network.with_aux_output
    assert not network.is_small


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("segformer-b0", "no network is named 'segformer-b0'; did you mean"),
        ({"class": "isegm.model.is_deeplab_model.DeeplabModel", "params": {}}, "supported are SegFormerModel, HRNet"),
        ({"params": {}}, "a config is"),
        ({"class": "SegFormerModel", "params": {"model_versoin": "b0"}}, "unexpected keyword argument 'model_versoin'"),
        ({"class": "SegFormerModel", "params": {"model_version": "b5"}}, "model_version must be b0 or b3, not 'b5'"),
        ({"class": "HRNetModel", "params": {"pipeline_version": "s3"}}, "pipeline_version must be s1 or s2"),
        ({"class": "HRNetModel", "params": {"with_prev_mask": False}}, "another with_prev_mask; supported is True"),
        (
            {"class": "HRNetModel", "params": {"norm_mean_std": 7}},
            "config of HRNetNetwork: 'int' object is not iterable",
        ),
        ({"class": "HRNetModel", "params": {"norm_mean_std": "ab"}}, "config of HRNetNetwork: "),
    ],
)
def test_what_cannot_be_built_is_explained(wrong: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_network(wrong)
