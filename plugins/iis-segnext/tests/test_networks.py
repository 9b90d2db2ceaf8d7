"""The networks have the published parameters, and their fast paths give what plain computation gives."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from iis_segnext import SegNextModel, build_network
from iis_segnext.configs import CONFIGS, SMALL_CONFIG
from iis_segnext.networks import SegNextNetwork
from segnext_references import TINY, published_config, published_models
from torch import Tensor, nn
from torch.nn import functional

from iis_core import UserError


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("vit-b-sax1", "segnext_vitb_sax1"),
        ("segnext/vit-b-sax2", "segnext_vitb_sax2"),
        ("vit-b-sax2-hq", "segnext_vitb_sax2"),
    ],
)
def test_published_networks_have_the_published_parameters(name: str, reference: str) -> None:
    with torch.device("meta"):
        network = build_network(name)
    found = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert found == published_models()[reference]["state_dict"]
    assert CONFIGS[name.removeprefix("segnext/")]["params"] == published_models()[reference]["params"]


def make_network(seed: int, **changes: Any) -> SegNextNetwork:
    """A network of random weights of other sizes than the published ones, with windows in some of its blocks."""
    config: Any = copy.deepcopy(SMALL_CONFIG)
    for part, values in changes.items():
        config["params"][part].update(values)
    torch.manual_seed(seed)
    network = build_network(config)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    return network


def answer_plainly(network: SegNextNetwork, image: Tensor, clicks: list[tuple[int, int, bool]]) -> Tensor:
    """The rules one by one, with torch's own layers: no window stays cut, nothing is moved past anything."""
    side, shape = network.side, image.shape[-2:]
    x = (image[:, :3] - network.mean) / network.std
    x = network.backbone.patch_embed.proj(functional.interpolate(x, (side, side), mode="bilinear"))
    grid = x.shape[-1]
    tokens = x.flatten(2).transpose(1, 2) + network.backbone.pos_embed[:, 1:]
    count = grid // 14
    for number, block in enumerate(network.backbone.blocks, 1):
        if number % 3 == 0 or number == len(network.backbone.blocks):
            tokens = attend(block, tokens)
            continue
        whole = tokens.reshape(len(x), grid, grid, -1).clone()
        for rows in torch.arange(grid).chunk(count):
            for columns in torch.arange(grid).chunk(count):
                window = whole[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                window.copy_(attend(block, window.flatten(1, 2)).reshape(window.shape))
        tokens = whole.flatten(1, 2)
    maps = torch.zeros(2, side, side)
    rows, columns = torch.arange(side)[:, None], torch.arange(side)
    for row, col, positive in clicks:
        centre = int(row * (side / shape[0]) + 0.5), int(col * (side / shape[1]) + 0.5)
        maps[0 if positive else 1][(rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= 25] = 1
    previous = functional.interpolate(image[:, 3:], (side, side), mode="bilinear")
    prompt = network.visual_prompts_encoder.proj(torch.cat((previous, maps[None]), dim=1))
    tokens = tokens + prompt.flatten(2).transpose(1, 2)
    for block in network.fusion_blocks:
        tokens = attend(block, tokens)
    x = tokens.transpose(1, 2).reshape(len(x), -1, grid, grid).contiguous()
    pyramid = []
    for branch in (network.neck.down_4, network.neck.down_8, network.neck.down_16, network.neck.down_32):
        y = x
        for layer in branch:
            is_norm = isinstance(layer, nn.GroupNorm)
            y = functional.group_norm(y, 1, layer.weight, layer.bias, 1e-5) if is_norm else layer(y)
        pyramid.append(y)
    size = pyramid[0].shape[-2:]
    reduced = [conv.conv(y).relu() for conv, y in zip(network.head.convs, pyramid, strict=True)]
    joined = torch.cat([functional.interpolate(y, size, mode="bilinear") for y in reduced], dim=1)
    logits = network.head.seg_conv(network.head.fusion_conv.conv(joined).relu())
    square = functional.interpolate(logits, (side, side), mode="bilinear", align_corners=True)
    return functional.interpolate(square, shape, mode="bilinear")


def attend(block: Any, tokens: Tensor) -> Tensor:
    """One block, its attention by matrix products."""
    batch, count, width = tokens.shape
    heads = block.attn.num_heads
    qkv = block.attn.qkv(block.norm1(tokens)).reshape(batch, count, 3, heads, width // heads)
    queries, keys, values = qkv.permute(2, 0, 3, 1, 4)
    weights = (queries @ keys.transpose(-2, -1) / (width // heads) ** 0.5).softmax(dim=-1)
    tokens = tokens + block.attn.proj((weights @ values).transpose(1, 2).reshape(tokens.shape))
    return tokens + block.mlp.fc2(functional.gelu(block.mlp.fc1(block.norm2(tokens))))


@torch.no_grad()
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("shape", "changes"),
    [
        ((70, 90), {}),
        ((300, 5), {"fusion_params": {"depth": 3}}),
        ((224, 224), {"backbone_params": {"img_size": [336, 336], "depth": 5}, "head_params": {"out_channels": 24}}),
    ],
)
def test_fast_paths_give_what_plain_computation_gives(
    seed: int, shape: tuple[int, int], changes: dict[str, Any]
) -> None:
    network = make_network(seed, **changes)
    image = torch.rand(1, 4, *shape, generator=torch.Generator().manual_seed(seed))
    clicks = [(0, 0, True), (shape[0] - 1, shape[1] - 1, False), (shape[0] // 2, shape[1] // 3, True)]
    points = torch.tensor([[[*clicks[0][:2], 0], [*clicks[2][:2], 2], [*clicks[1][:2], 1], [-1, -1, -1]]]).float()
    expected = answer_plainly(network, image, clicks)
    found = network(image, points)["instances"]
    assert found.shape == expected.shape == (1, 1, *shape)
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-5


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("backbone_params", {"img_size": [248, 248]}, "gives 31 x 31 tokens"),
        ("backbone_params", {"img_size": [224, 112]}, "gives 28 x 14 tokens"),
        ("backbone_params", {"img_size": [96, 96]}, "gives 12 x 12 tokens"),
        ("backbone_params", {"width": 3}, "no SegNext can be built of the config: .*width"),
        ("backbone_params", {"num_heads": 5}, "no SegNext can be built of the config"),
        ("head_params", {"in_select_index": [0, 1]}, "in_select_index .* must be all maps in order"),
        ("fusion_params", {"type": "cross_attention"}, "fusion_params of type self_attention"),
    ],
)
def test_what_a_config_cannot_ask_for_is_told(part: str, change: dict[str, Any], message: str) -> None:
    config: Any = copy.deepcopy(SMALL_CONFIG)
    config["params"][part].update(change)
    with pytest.raises(UserError, match=message):
        build_network(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("vit-b-sax3", "no network is named 'vit-b-sax3'.*vit-b-sax2"),
        ({"class": "isegm.model.is_hrnet_model.HRNetModel", "params": {}}, "not a SegNext's.*HRNetModel"),
        ({"params": {}}, "a config is"),
        (
            {"class": "isegm.model.PlainVitModel", "params": {"backbone_params": {}, "neck_params": {}}},
            "not a SegNext's .*without head_params, fusion_params",
        ),
    ],
)
def test_another_config_is_told(config: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_network(config)


def test_a_checkpoints_config_is_read() -> None:
    config = published_config(TINY)
    config["params"]["backbone_params"]["value"] = {**config["params"]["backbone_params"]["value"], "qkv_bias": True}
    network = build_network(config)
    assert isinstance(SegNextModel(network), nn.Module)
    assert network.side == 512
    assert network.fusion_blocks[0].norm1.eps == 1e-5
    assert network.backbone.blocks[0].norm1.eps == 1e-6


def test_clicks_in_very_large_images_are_rounded_in_single_precision_as_published() -> None:
    """6446 * (S / 7163) + 0.5 lies just below a whole number, which is what single precision gives."""
    network = build_network(SMALL_CONFIG)
    network.side = 1024
    points = torch.tensor([[[6446.0, 3, 0], [-1, -1, -1]]])
    prompts = network.draw_prompts(torch.zeros(1, 1, 7163, 8), points)
    rows = prompts[0, 1].any(dim=1).nonzero()
    assert (int(rows.min()), int(rows.max())) == (922 - 5, 922 + 5)
