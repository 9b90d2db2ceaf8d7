"""The network has the published parameters and gives the published outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from iis_gto99 import build_network
from iis_gto99.network import GTO99Network, prepare_for_inference
from iis_gto99.network.guided_filter import guided_filter
from iis_gto99.network.layers import JoinedConv2d, StandardisedConv2d
from iis_gto99.pipeline import encode_clicks, normalise

from iis_core import UserError

PUBLISHED = json.loads((Path(__file__).parent / "reference" / "gto99_model.json").read_text())["state_dict"]


def inputs(arrays: dict[str, np.ndarray]) -> tuple[torch.Tensor, ...]:
    image, maps, previous = (
        torch.from_numpy(arrays[name]) for name in ("image01", "trimap_transformed", "previous_alpha")
    )
    return normalise(image), maps, previous, torch.from_numpy(arrays["trimap"]).permute(2, 0, 1)[None]


def test_names_and_shapes_are_the_published_ones() -> None:
    shapes = {key: list(value.shape) for key, value in build_network().state_dict().items()}
    assert shapes == PUBLISHED
    assert list(shapes) == list(PUBLISHED)


@pytest.mark.parametrize("once", [False, True])
@torch.no_grad()
def test_the_output_is_the_published_one(once: bool, network: GTO99Network, reference: Any) -> None:
    arrays = reference["gto99_forward"]
    alpha = (prepare_for_inference(network) if once else network)(*inputs(arrays)).numpy()
    difference = np.abs(alpha - arrays["alpha"])
    assert difference.mean() < 1e-4
    assert difference.max() < 1e-3


def test_click_maps_are_the_published_ones(reference: Any) -> None:
    for arrays, maps in (
        (reference["gto99_trimap_transform"], reference["gto99_trimap_transform"]["clicks"].transpose(2, 0, 1)),
        (reference["gto99_forward"], reference["gto99_forward"]["trimap_transformed"][0]),
    ):
        negative, positive = (
            [(int(row), int(col)) for row, col in np.argwhere(arrays["trimap"][..., kind] == 1)] for kind in (0, 1)
        )
        ours = encode_clicks([(negative, positive)], arrays["trimap"].shape[:2])[0].numpy()
        assert np.abs(ours - maps).max() < 1e-4


def test_preparing_leaves_the_network_as_it_was(network: GTO99Network) -> None:
    before = {key: value.clone() for key, value in network.state_dict().items()}
    assert not [
        module
        for module in prepare_for_inference(network).modules()
        if isinstance(module, (StandardisedConv2d, JoinedConv2d))
    ]
    assert list(network.state_dict()) == list(before)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@torch.no_grad()
def test_a_small_image_is_not_decoded_at_the_size_of_the_pooling(network: GTO99Network) -> None:
    generator = torch.Generator().manual_seed(0)
    given = [torch.rand(1, channels, 32, 40, generator=generator) for channels in (3, 6, 1)]
    sizes, answers = [], []
    for each in (network, prepare_for_inference(network)):
        hook = each.decoder.conv_up1.register_forward_hook(lambda _, __, x: sizes.append(tuple(x.shape[-2:])))
        answers.append(each(*given, torch.zeros(1, 2, 32, 40)))
        hook.remove()
    assert sizes == [(4, 5), (4, 5)]
    assert torch.allclose(*answers, atol=1e-3)


def test_every_parameter_gets_a_gradient() -> None:
    network = build_network().train()
    generator = torch.Generator().manual_seed(0)
    image, maps = (torch.rand(1, channels, 32, 40, generator=generator) for channels in (3, 6))
    alpha = network(image, maps, torch.zeros(1, 1, 32, 40), torch.zeros(1, 2, 32, 40))
    alpha.std().backward()
    assert not [name for name, parameter in network.named_parameters() if parameter.grad is None]


def test_a_size_that_does_not_fit_is_refused() -> None:
    maps = [torch.zeros(1, channels, 30, 40) for channels in (3, 6, 1, 2)]
    with pytest.raises(UserError, match=r"multiples of 8, not \(30, 40\)"):
        build_network()(*maps)


def test_the_guided_filter_is_the_least_squares_line_in_each_window() -> None:
    generator = torch.Generator().manual_seed(0)
    guide, x = (torch.rand(2, 1, 9, 12, generator=generator, dtype=torch.float64) for _ in range(2))
    radius, eps = 2, 1e-2
    slopes, offsets = np.zeros((2, 9, 12)), np.zeros((2, 9, 12))
    windows = {
        (row, col): (
            slice(max(0, row - radius), row + radius + 1),
            slice(max(0, col - radius), col + radius + 1),
        )
        for row in range(9)
        for col in range(12)
    }
    for b in range(2):
        for place, window in windows.items():
            inside, value = guide[b, 0][window].numpy(), x[b, 0][window].numpy()
            covariance = (inside * value).mean() - inside.mean() * value.mean()
            slopes[(b, *place)] = covariance / (inside.var() + eps)
            offsets[(b, *place)] = value.mean() - slopes[(b, *place)] * inside.mean()
    expected = [
        [slopes[b][window].mean() * guide[b, 0][place] + offsets[b][window].mean() for place, window in windows.items()]
        for b in range(2)
    ]
    assert np.allclose(guided_filter(guide, x, radius, eps).flatten(1), np.array(expected))
