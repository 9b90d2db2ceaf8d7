"""What computes in another order gives what the plain order gives, whatever the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from iis_gto99.network import GTO99Network, prepare_for_inference
from iis_gto99.network.layers import JoinedConv2d, SplitConv2d, StandardisedConv2d
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": False},
        {"stride": 2, "padding": 2, "dilation": 2},
        {"groups": 2, "padding": 1},
        {"padding": 1, "padding_mode": "reflect"},
        {"padding": "same", "padding_mode": "circular"},
    ],
)
@torch.no_grad()
def test_weights_are_standardised_once_for_any_convolution(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(StandardisedConv2d(4, 6, 3, **options)).eval()
    x = torch.randn(2, 4, 9, 11)
    found = prepare_for_inference(network)
    assert type(found[0]) is nn.Conv2d
    assert torch.allclose(found(x), network(x), atol=1e-5)


SIZES = {
    "all alike": ((6, 7), (6, 7), (6, 7)),
    "the others smaller": ((20, 24), (20, 24), (3, 2)),
    "the first much smaller": ((2, 3), (20, 24), (10, 12)),
    "single pixels": ((1, 1), (9, 9), (1, 1)),
    "the others larger": ((13, 17), (5, 4), (9, 8)),
    "one row": ((1, 8), (1, 40), (1, 2)),
}


@pytest.mark.parametrize("standardise", [False, True])
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@torch.no_grad()
def test_tensors_convolved_one_by_one_give_what_they_give_together(
    sizes: tuple[tuple[int, int], ...], standardise: bool
) -> None:
    torch.manual_seed(0)
    channels = (3, 5, 2)
    joined = JoinedConv2d(channels, 4, standardise=standardise)
    nn.init.normal_(joined.bias)
    parts = [torch.randn(2, count, *size) for count, size in zip(channels, sizes, strict=True)]
    given = [part.clone() for part in parts]
    alike = [functional.interpolate(part, parts[1].shape[2:], mode="bilinear") for part in parts]
    weight = joined.weight
    if standardise:
        weight = weight - weight.mean((1, 2, 3), keepdim=True)
        weight = weight / (weight.flatten(1).std(1) + 1e-5)[:, None, None, None]
    expected = functional.conv2d(torch.cat(alike, dim=1), weight, joined.bias, padding=1)
    assert torch.allclose(joined(parts), expected, atol=1e-5)
    assert torch.allclose(SplitConv2d(joined)(parts), expected, atol=1e-4)
    assert all(torch.equal(part, before) for part, before in zip(parts, given, strict=True))


class OtherStandardisation(StandardisedConv2d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 2


class TiedWeight(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = StandardisedConv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) + functional.conv2d(x, self.conv.weight, padding=1)


class NeedsContiguousMemory(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = StandardisedConv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return y + y.view(len(y), -1).mean(1)[:, None, None, None]


def hooked() -> nn.Module:
    conv = StandardisedConv2d(4, 4, 3)
    conv.register_forward_hook(lambda module, inputs, output: output.relu())
    return nn.Sequential(conv)


FOREIGN: dict[str, Callable[[], nn.Module]] = {
    "a subclass": lambda: nn.Sequential(OtherStandardisation(4, 4, 3)),
    "a weight that is read elsewhere": TiedWeight,
    "a view of what is contiguous": NeedsContiguousMemory,
    "a hook": hooked,
    "weight norm": lambda: nn.Sequential(parametrizations.weight_norm(StandardisedConv2d(4, 4, 3))),
}


@pytest.mark.parametrize("build", FOREIGN.values(), ids=FOREIGN)
@torch.no_grad()
def test_a_foreign_network_answers_as_before(build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    network, x = build().eval(), torch.randn(2, 4, 9, 11)
    assert torch.allclose(prepare_for_inference(network)(x), network(x), atol=1e-5)


@pytest.mark.parametrize("rows", [8, 32, 40, 96])
@torch.no_grad()
def test_the_guide_by_strips_is_the_guide_of_the_whole(rows: int, network: GTO99Network) -> None:
    generator = torch.Generator().manual_seed(0)
    image, maps = (torch.rand(2, channels, rows, 24, generator=generator) for channels in (3, 6))
    decoder = network.decoder
    x = torch.cat((image, maps[:, [0]], maps[:, [3]]), dim=1)
    expected = decoder.guided_map_conv2(decoder.guided_map_conv1(x).relu())
    assert torch.allclose(decoder._guide(image, maps), expected, atol=1e-5)
