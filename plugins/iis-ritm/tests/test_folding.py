"""A network for inference answers as it does unprepared, whatever network it is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from fill_weights import fill_weights
from iis_ritm import RITMModel, build_network
from iis_ritm.networks.published import CONFIGS
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from iis_core.models.hrnet import SplitConvolution
from iis_core.models.inference import fold, prepare_for_inference


def ours(name: str) -> nn.Module:
    network = build_network(name if name in CONFIGS else {"class": "DeeplabModel", "params": {"backbone": name}})
    network.load_state_dict(fill_weights(network.state_dict()))
    return network


IMAGE = torch.rand(2, 4, 40, 48, generator=torch.Generator().manual_seed(1))
POINTS = torch.tensor([[[5.0, 6, 0], [-1, -1, -1]]] * 2)


@torch.no_grad()
def answer(network: Any, channels: int = 3) -> Tensor:
    return network(IMAGE[:, :channels], POINTS)["instances"]


def exchange(path: str, build: Callable[[nn.Module], nn.Module]) -> Callable[[nn.Module], None]:
    def change(network: nn.Module) -> None:
        network.set_submodule(path, build(network.get_submodule(path)))

    return change


def share_a_sequence(network: Any) -> None:
    context = network.feature_extractor.ocr_distri_head.object_context_block
    context.f_object[1] = context.f_object[3] = context.f_pixel[1]


def share_a_convolution(network: Any) -> None:
    block = network.feature_extractor.stage2[0].branches[0][0]
    block.conv2 = block.conv1


def train_one_norm(network: Any) -> None:
    network.feature_extractor.bn1.train()


class Around(nn.Module):
    """A foreign module that holds ours."""

    def __init__(self, stage: nn.Module) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        first, *others = self.stage(branches)
        return [first + first.view(len(first), -1).mean(), *others]


CHANGES: dict[str, Callable[[Any], Any]] = {
    "a hook on a convolution": lambda network: network.feature_extractor.conv1.register_forward_hook(
        lambda module, inputs, output: output.relu()
    ),
    "a hook on what is split": lambda network: network.feature_extractor.conv3x3_ocr.register_forward_hook(
        lambda module, inputs, output: output * 2
    ),
    "another activation where it is split": exchange("feature_extractor.conv3x3_ocr.2", lambda _: nn.Tanh()),
    "an activation before a norm": exchange("feature_extractor.conv1", lambda conv: nn.Sequential(conv, nn.ReLU())),
    "weight norm": exchange("feature_extractor.conv2", parametrizations.weight_norm),
    "weight norm by a hook": exchange("feature_extractor.conv2", torch.nn.utils.weight_norm),
    "a norm without statistics": exchange(
        "feature_extractor.bn1", lambda norm: nn.BatchNorm2d(norm.num_features, track_running_stats=False)
    ),
    "a foreign module": exchange("feature_extractor.stage4", Around),
    "a shared sequence": share_a_sequence,
    "a shared convolution": share_a_convolution,
    "a trained norm": train_one_norm,
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_network_of_ours_answers_as_before(what: str) -> None:
    network = ours("hrnet18s")
    CHANGES[what](network)
    model = RITMModel(network, flip=False, zoom_in=None)
    expected = answer(network, 4)
    found = model._inference.of(network)
    assert torch.allclose(answer(found, 4), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["hrnet18s", "hrnet18", "hrnet32", "resnet34-baseline", "resnet50", "resnet101"])
def test_folding_leaves_no_batch_norm_in_networks_of_ours_and_the_same_answers(name: str) -> None:
    network = ours(name)
    channels = 4 if network.with_prev_mask else 3
    expected, found = answer(network, channels), fold(network)
    assert not [module for module in found.modules() if isinstance(module, nn.BatchNorm2d)]
    assert (answer(found, channels) - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("change", [fold, prepare_for_inference])
@pytest.mark.parametrize("name", ["hrnet18s", "resnet34-baseline"])
def test_the_network_given_stays_as_it_was(name: str, change: Any) -> None:
    network = ours(name).train()
    before = copy.deepcopy(network.state_dict())
    modules = list(network.modules())
    change(network)
    assert list(network.modules()) == modules
    assert all(module.training for module in modules)
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[key], value) for key, value in before.items())
    assert all(after[key].stride() == value.stride() for key, value in before.items())


def test_low_resolutions_are_convolved_before_they_are_enlarged() -> None:
    network = prepare_for_inference(ours("hrnet18s"))
    assert network.feature_extractor.wide is not None


BRANCHES = {
    "halved": [(24, 32), (12, 16), (6, 8), (3, 4)],
    "single pixels": [(7, 5), (4, 3), (1, 1), (1, 1)],
    "only single pixels": [(1, 1)] * 4,
    "larger than the first": [(6, 5), (3, 9), (11, 7), (2, 13)],
    "one row": [(1, 17), (1, 9), (1, 5), (1, 2)],
}


@pytest.mark.parametrize("shapes", BRANCHES.values(), ids=BRANCHES)
@torch.no_grad()
def test_a_split_convolution_gives_what_the_joined_one_gives(shapes: list[tuple[int, int]]) -> None:
    torch.manual_seed(0)
    widths = [3, 5, 2, 7]
    branches = [torch.randn(2, width, *shape) for width, shape in zip(widths, shapes, strict=True)]
    given = [branch.clone() for branch in branches]
    conv = nn.Conv2d(sum(widths), 4, 3, padding=1)
    enlarged = [functional.interpolate(x, shapes[0], mode="bilinear", align_corners=True) for x in branches]
    expected = conv(torch.cat(enlarged, dim=1)).relu()
    assert torch.allclose(SplitConvolution(conv, widths)(branches), expected, atol=1e-5)
    assert all(torch.equal(branch, before) for branch, before in zip(branches, given, strict=True))
