"""Networks have the published parameters and give the published outputs."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from iis_simpleclick import build_network
from iis_simpleclick.configs import CONFIGS, SMALL_CONFIGS
from simpleclick_references import REFERENCE, build_filled, read_arrays
from torch.nn import functional

from iis_core import UserError

MODELS = json.loads((REFERENCE / "models.json").read_text())
PUBLISHED = {"vit-xtiny": "vit_xtiny448", "vit-b": "vit_base448", "vit-l": "vit_large448", "vit-h": "vit_huge448"}
CLASS = CONFIGS["vit-b"]["class"]


def list_shapes(config: Any) -> dict[str, list[int]]:
    with torch.device("meta"):
        return {name: list(value.shape) for name, value in build_network(config).state_dict().items()}


@pytest.mark.parametrize("name", CONFIGS)
def test_parameters_are_the_published_ones(name: str) -> None:
    published = MODELS[PUBLISHED[name.removesuffix("-sbd")]]
    assert list_shapes(f"simpleclick/{name}") == published["state_dict"]
    params = copy.deepcopy(published["params"])
    del params["head_params"]["loss_decode"]
    own = copy.deepcopy(CONFIGS[name]["params"])
    assert own == {**params, "head_params": {**params["head_params"]}}


@pytest.mark.parametrize("name", ["vit_base224", "vit_large224", "vit_base896", "vit_base1024"])
def test_a_config_without_a_name_is_built_as_well(name: str) -> None:
    assert list_shapes({"class": CLASS, "params": MODELS[name]["params"]}) == MODELS[name]["state_dict"]


def test_a_checkpoints_config_is_read_as_published() -> None:
    example = MODELS["_checkpoint_format"]["example_config"]
    assert list_shapes(example) == MODELS["vit_xtiny448"]["state_dict"]


def compare_passes(file: Path) -> None:
    arrays = read_arrays(file)
    network = build_filled(arrays, {"class": CLASS, "params": json.loads(str(arrays["params"]))})
    image = torch.from_numpy(arrays["image"]).permute(0, 3, 1, 2).float() / 255
    image = torch.cat((image, torch.from_numpy(arrays["prev_mask"])), dim=1)
    with torch.no_grad():
        tokens = network.encode(image, torch.from_numpy(arrays["points"]))
        maps = network.neck(tokens)
        logits = functional.interpolate(network.head(maps), image.shape[2:], mode="bilinear", align_corners=True)
        assert torch.equal(logits, network(image, torch.from_numpy(arrays["points"]))["instances"])
    found = {"backbone": tokens[:, ::16, ::3, ::3], "instances": logits[:, :, ::4, ::4]}
    for level, (channels, pixels) in enumerate(((16, 8), (16, 4), (32, 2), (32, 1))):
        found[f"neck_{level}"] = maps[level][:, ::channels, ::pixels, ::pixels]
    for key, value in found.items():
        assert value.shape == arrays[key].shape
        assert np.abs(value.numpy() - arrays[key]).max() < 2e-5 * np.abs(arrays[key]).max()


def test_outputs_are_the_published_ones() -> None:
    compare_passes(REFERENCE / "forward_vit_xtiny448.npz")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["base448", "huge448_depth8"])
def test_outputs_of_larger_networks_are_the_published_ones(name: str) -> None:
    compare_passes(REFERENCE / f"forward_vit_{name}.npz")


def change(config: Any, **parts: Any) -> dict[str, Any]:
    """A copy of a config in which a part's parameters, or values at the top, are others."""
    changed = copy.deepcopy(dict(config))
    for part, values in parts.items():
        own = changed["params"].get(part)
        changed["params"][part] = {**own, **values} if isinstance(own, dict) else values
    return changed


@pytest.mark.parametrize("patch", SMALL_CONFIGS)
@pytest.mark.parametrize("options", [{}, {"use_disks": False, "norm_radius": 60}, {"with_prev_mask": False}])
def test_networks_of_other_sizes_and_inputs_run(patch: int, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = build_network(change(SMALL_CONFIGS[patch], **options))
    image = torch.rand(2, 3 + network.with_prev_mask, 224, 448)
    points = torch.tensor([[[50.0, 60, 0], [70, 80, 2], [90, 90, 1], [-1, -1, -1]]] * 2)
    with torch.no_grad():
        tokens, logits = network.encode(image, points), network(image, points)["instances"]
    assert tokens.shape == (2, 32, 224 // patch, 448 // patch)
    assert logits.shape == (2, 1, 224, 448)


@pytest.mark.parametrize("shape", [(90, 120), (448, 500), (1, 1)])
def test_an_image_of_any_size_is_stretched_to_the_networks(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network, image = build_network(SMALL_CONFIGS[16]), torch.rand(1, 4, *shape)
    points = torch.tensor([[[112.3 * shape[0] / 224, 56.7 * shape[1] / 224, 0], [-1, -1, -1]]])
    stretched = functional.interpolate(image, (224, 224), mode="bilinear", align_corners=True)
    with torch.no_grad():
        maps = network.head(network.neck(network.encode(stretched, torch.tensor([[[112.3, 56.7, 0], [-1, -1, -1]]]))))
        found = network(image, points)["instances"]
    assert torch.allclose(found, functional.interpolate(maps, shape, mode="bilinear", align_corners=True), atol=1e-6)


def test_normalisation_is_the_configs() -> None:
    config = change(SMALL_CONFIGS[16], norm_mean_std=[[0.0] * 3, [1.0] * 3])
    plain, network = build_network(config), build_network(SMALL_CONFIGS[16])
    network.load_state_dict(plain.state_dict())
    image, points = torch.rand(1, 4, 224, 224), torch.full((1, 2, 3), -1.0)
    normalised = torch.cat(((image[:, :3] - network.mean) / network.std, image[:, 3:]), dim=1)
    with torch.no_grad():
        assert torch.equal(network(image, points)["instances"], plain(normalised, points)["instances"])


def test_a_gradient_reaches_every_parameter_that_is_not_frozen() -> None:
    network = build_network(SMALL_CONFIGS[16]).train()
    network(torch.rand(2, 4, 224, 224), torch.tensor([[[9.0, 9, 0], [-1, -1, -1]]] * 2))["instances"].mean().backward()
    without = {name for name, parameter in network.named_parameters() if parameter.grad is None}
    assert without == {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    tops = {"backbone.cls_token", "backbone.fc_norm", "backbone.head", "head.up_conv1", "head.up_conv2"}
    assert {".".join(name.split(".")[:2]) for name in without} == tops


def test_attention_is_torchs_fused_one() -> None:
    assert all(block.attn.fused_attn for block in build_network(SMALL_CONFIGS[16]).backbone.blocks)


def test_learning_rates_fall_from_the_last_block_to_the_embeddings() -> None:
    network = build_network(SMALL_CONFIGS[16])
    assert set(network.learning_rate_multipliers().values()) == {1.0}
    network.layer_decay = 0.5
    rates = network.learning_rate_multipliers()
    assert set(rates) == {name for name, _ in network.named_parameters()}
    assert rates["backbone.pos_embed"] == rates["backbone.patch_embed.proj.bias"] == 0.5**5
    assert rates["backbone.blocks.3.attn.qkv.weight"] == 0.5
    assert rates["neck.down_4.0.weight"] == rates["patch_embed_coords.proj.weight"] == rates["head.conv_seg.bias"] == 1


SMALL = SMALL_CONFIGS[16]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("vit-x", "no network is named 'vit-x'; did you mean"),
        ({"class": "isegm.model.is_hrnet_model.HRNetModel", "params": {}}, "supported is PlainVitModel"),
        ({"params": {}}, "a config is"),
        ({"class": CLASS, "params": {}}, "backbone_params None; it is a mapping"),
        (change(SMALL, widht=18), "unexpected keyword argument 'widht'"),
        (change(SMALL, random_split=True), "random_split True; supported is False"),
        (change(SMALL, head_params={"upsample": "x2"}), "upsample 'x2'; supported is 'x1'"),
        (change(SMALL, backbone_params={"depth": 6}), "a multiple of 4 blocks"),
        (change(SMALL, backbone_params={"patch_size": [15, 15]}), "square patches whose side divides 224"),
        (change(SMALL, backbone_params={"num_heads": 5}), "no PlainVitModel can be built of the config"),
    ],
)
def test_what_cannot_be_built_is_explained(wrong: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_network(wrong)
