"""Networks as they compute fastest: the same answers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from iis_core.models.inference import InferenceCopy, enlarge_and_convolve

side = st.integers(1, 9)


@given(small=st.tuples(side, side), factor=st.integers(1, 5), k=st.sampled_from((1, 3, 5)), corners=st.booleans())
@settings(deadline=None, max_examples=40)
def test_convolving_before_enlarging_gives_what_convolving_afterwards_gives(
    small: tuple[int, int], factor: int, k: int, corners: bool
) -> None:
    torch.manual_seed(0)
    shape = (small[0] * factor + 1, small[1] * factor)
    x, weight = torch.randn(2, 3, *small, dtype=torch.float64), torch.randn(4, 3, k, k, dtype=torch.float64)
    enlarged = functional.interpolate(x, size=shape, mode="bilinear", align_corners=corners)
    expected = functional.conv2d(enlarged, weight, padding=k // 2)
    found = enlarge_and_convolve(x, weight, shape, align_corners=corners)
    assert found.shape == expected.shape
    assert found.numpy() == pytest.approx(expected.numpy(), abs=1e-10)


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize(
    ("small", "shape"),
    [((1, 1), (1, 1)), ((1, 1), (7, 9)), ((1, 6), (5, 1)), ((8, 9), (3, 4)), ((5, 7), (1, 1)), ((2, 3), (2, 3))],
)
@pytest.mark.parametrize("k", [1, 3, 5])
def test_a_map_of_any_size_is_convolved_before_it_is_resized(
    small: tuple[int, int], shape: tuple[int, int], k: int, corners: bool
) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(2, 3, *small, dtype=torch.float64), torch.randn(4, 3, k, k, dtype=torch.float64)
    resized = functional.interpolate(x, size=shape, mode="bilinear", align_corners=corners)
    expected = functional.conv2d(resized, weight, padding=k // 2)
    assert torch.allclose(enlarge_and_convolve(x, weight, shape, align_corners=corners), expected, atol=1e-10)


@pytest.mark.parametrize(
    "lay",
    [
        lambda x: x.contiguous(memory_format=torch.channels_last),
        lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
        lambda x: torch.cat((x, x), dim=3)[..., : x.shape[3]],
        lambda x: x[:1].expand(2, -1, -1, -1),
    ],
)
def test_how_a_map_lies_in_memory_does_not_matter(lay: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    x, weight = lay(torch.randn(2, 3, 4, 5, dtype=torch.float64)), torch.randn(4, 3, 3, 3, dtype=torch.float64)
    expected = functional.conv2d(functional.interpolate(x, size=(9, 8), mode="bilinear"), weight, padding=1)
    for kernel in (weight, weight.contiguous(memory_format=torch.channels_last)):
        assert torch.allclose(enlarge_and_convolve(x, kernel, (9, 8), align_corners=False), expected, atol=1e-10)


def build_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)).eval()


@torch.no_grad()
def step(network: Any, **keywords: Any) -> None:
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, **keywords)
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()


@torch.no_grad()
def write_in_place(network: Any) -> None:
    network[0].weight += 1


@torch.no_grad()
def reorder(network: Any) -> None:
    network[0].weight.copy_(network[0].weight.flip(1))


def write_through_data(network: Any) -> None:
    network[0].weight.data.mul_(2)


def write_through_numpy(network: Any) -> None:
    network[0].bias.detach().numpy()[:] += 3


def put_another_parameter(network: Any) -> None:
    network[0].weight = nn.Parameter(network[0].weight.detach() + 1)


def put_another_parameter_at_the_same_address(network: Any) -> None:
    weight = network[0].weight.detach().clone()
    del network[0].weight
    network[0].weight = nn.Parameter(weight + 1)


def put_other_data(network: Any) -> None:
    network[0].weight.data = network[0].weight.detach() + 1


def load_state(network: Any, **keywords: Any) -> None:
    network.load_state_dict({key: value + 1 for key, value in network.state_dict().items()}, **keywords)


def change_a_buffer(network: Any) -> None:
    network[1].running_mean -= 2


def put_another_module(network: Any) -> None:
    network[2] = nn.Sequential(network[2], nn.Tanh())


def add_a_hook(network: Any) -> None:
    network[2].register_forward_hook(lambda module, inputs, output: output * 2)


CHANGES: list[Callable[[Any], None]] = [
    *(step, lambda network: step(network, fused=True), lambda network: step(network, foreach=True)),
    *(write_in_place, reorder, write_through_data, write_through_numpy, put_another_parameter, put_other_data),
    *(put_another_parameter_at_the_same_address, load_state, lambda network: load_state(network, assign=True)),
    *(change_a_buffer, put_another_module, add_a_hook),
]


@pytest.mark.parametrize("change", CHANGES)
@torch.no_grad()
def test_the_copy_follows_the_network(change: Callable[[Any], None]) -> None:
    network, kept, x = build_network(), InferenceCopy(copy.deepcopy), torch.randn(5, 3)
    for _ in range(2):
        before = kept.of(network)(x)
        with torch.enable_grad():
            change(network)
        assert torch.equal(kept.of(network)(x), network(x))
        assert not torch.equal(kept.of(network)(x), before)


def test_the_copy_is_kept_while_nothing_changes() -> None:
    network, kept = build_network(), InferenceCopy(copy.deepcopy)
    first = kept.of(network)
    network(torch.randn(5, 3)).sum().backward()
    network.train().eval()
    assert first is not network
    assert kept.of(network) is first


def test_the_copy_is_of_the_dtype_that_the_network_was_moved_to() -> None:
    network, kept = build_network(), InferenceCopy(copy.deepcopy)
    kept.of(network)
    x = torch.randn(5, 3, dtype=torch.float64)
    assert torch.equal(kept.of(network.double())(x), network(x))


def test_a_network_made_in_inference_mode_is_copied_too() -> None:
    with torch.inference_mode():
        network = build_network()
        kept = InferenceCopy(copy.deepcopy)
        first = kept.of(network)
        assert kept.of(network) is first
        network[0].weight += 1
        assert kept.of(network) is not first


@pytest.mark.parametrize("part", ["", "1"])
def test_while_a_part_is_trained_the_network_itself_is_used(part: str) -> None:
    network, kept = build_network(), InferenceCopy(copy.deepcopy)
    kept.of(network)
    network.get_submodule(part).train()
    assert kept.of(network) is network


def test_a_network_that_is_given_back_is_asked_for_once() -> None:
    asked: list[nn.Module] = []
    kept = InferenceCopy(lambda network: asked.append(network) or network)  # type: ignore[func-returns-value]
    network = build_network()
    for _ in range(3):
        assert kept.of(network) is network
    assert len(asked) == 1


def test_each_of_two_networks_gets_its_own_copy() -> None:
    kept, x = InferenceCopy(copy.deepcopy), torch.randn(5, 3)
    first, second = build_network(), build_network()
    second.load_state_dict(first.state_dict())
    second[3] = nn.Identity()
    assert torch.equal(kept.of(first)(x), first(x))
    assert torch.equal(kept.of(second)(x), second(x))
