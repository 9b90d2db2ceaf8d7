"""A network for inference answers as it does unprepared, whatever network it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

from iis_core.models.inference import PointsModel, fold, prepare_for_inference

WIDTH = 6


def conv(inputs: int = WIDTH) -> nn.Conv2d:
    return nn.Conv2d(inputs, WIDTH, 3, padding=1)


class Foreign(nn.Module):
    """Not one of ours: `run` in the middle, from features to features."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = conv(3)
        self.conv, self.norm, self.other = conv(), nn.BatchNorm2d(WIDTH), conv()
        self.leave = nn.Conv2d(WIDTH, 1, 1)

    def forward(self, image: Tensor, points: Tensor) -> dict[str, Tensor]:
        return {"instances": self.leave(self.run(self.enter(image)))}

    def run(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class ActivationBeforeNorm(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(conv(), nn.ReLU(), nn.BatchNorm2d(WIDTH))

    def run(self, x: Tensor) -> Tensor:
        return self.block(x)


class NormBeforeConv(Foreign):
    def run(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(x))


class NormOfAnotherConv(Foreign):
    def run(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(self.other(x)))


class ConvReadTwice(Foreign):
    def run(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return self.norm(y) + y


class NormOfTwoConvs(Foreign):
    def run(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x)) + self.norm(self.other(x))


class ConvCalledTwice(Foreign):
    def run(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(self.conv(x)))


class SharedConv(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(self.conv, nn.BatchNorm2d(WIDTH), self.conv, nn.BatchNorm2d(WIDTH))

    def run(self, x: Tensor) -> Tensor:
        return self.blocks(x)


class TappedSequence(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(conv(), nn.BatchNorm2d(WIDTH), nn.ReLU())

    def run(self, x: Tensor) -> Tensor:
        return self.block(x) + self.block[0](x)


class SometimesNormed(Foreign):
    def run(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return self.norm(y) if x.shape[-1] % 2 else y


class BatchStatistics(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(WIDTH, track_running_stats=False)


class AlwaysTrainedNorm(Foreign):
    def train(self, mode: bool = True) -> AlwaysTrainedNorm:
        super().train(mode)
        self.norm.train()
        return self


class Hooked(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.conv.register_forward_hook(lambda module, inputs, output: output.relu())


class WeightNormed(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.conv = parametrizations.weight_norm(self.conv)


class SpectrallyNormed(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.conv = parametrizations.spectral_norm(self.conv)


class Pruned(Foreign):
    def __init__(self) -> None:
        super().__init__()
        prune.random_unstructured(self.conv, "weight", 0.5)


class OtherPrecision(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.conv.double()

    def run(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x.double()).float())


class OwnForward(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.norm.forward = lambda x: x * 2


class Known(nn.Module):
    """Says which convolutions its norms read."""

    conv_norms = (("conv1", "bn1"), ("conv2", "bn2"))

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1, self.conv2, self.bn2 = conv(), nn.BatchNorm2d(WIDTH), conv(), nn.BatchNorm2d(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))


class SubclassOfKnown(Known):
    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.bn2(self.bn1(self.conv1(x)).relu()))


class HoldsSubclassOfKnown(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.block = SubclassOfKnown()

    def run(self, x: Tensor) -> Tensor:
        return self.block(x)


class NeedsContiguousMemory(Foreign):
    def run(self, x: Tensor) -> Tensor:
        y = super().run(x)
        return y + y.view(len(y), -1).mean(1)[:, None, None, None]


FOREIGN: list[Callable[[], nn.Module]] = [
    *(Foreign, ActivationBeforeNorm, NormBeforeConv, NormOfAnotherConv, ConvReadTwice, NormOfTwoConvs, ConvCalledTwice),
    *(SharedConv, TappedSequence, SometimesNormed, BatchStatistics, AlwaysTrainedNorm, Hooked, WeightNormed),
    *(SpectrallyNormed, Pruned, OtherPrecision, OwnForward, HoldsSubclassOfKnown, NeedsContiguousMemory),
]


def draw(build: Callable[[], Any]) -> Any:
    """A network in evaluation mode with weights and statistics as training might leave them."""
    torch.manual_seed(0)
    network = build().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            module.running_mean.normal_(0, 0.5)
            module.running_var.uniform_(0.3, 3)
            nn.init.normal_(module.weight, 1, 0.5)
            nn.init.normal_(module.bias, 0, 0.5)
    return network


IMAGE = torch.rand(2, 4, 40, 48, generator=torch.Generator().manual_seed(1))
POINTS = torch.tensor([[[5.0, 6, 0], [-1, -1, -1]]] * 2)


@torch.no_grad()
def answer(network: Any, channels: int = 3) -> Tensor:
    return network(IMAGE[:, :channels], POINTS)["instances"]


@pytest.mark.parametrize("change", [fold, prepare_for_inference])
@pytest.mark.parametrize("build", FOREIGN)
def test_a_foreign_network_answers_as_before(build: Callable[[], nn.Module], change: Any) -> None:
    network = draw(build)
    expected = answer(network)
    assert torch.allclose(answer(change(network)), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("build", FOREIGN)
def test_a_model_around_a_foreign_network_answers_the_sigmoid_of_its_logits(build: Callable[[], nn.Module]) -> None:
    model = PointsModel(draw(build), flip=False, zoom_in=None)
    x, clicks = IMAGE[:, :3], ([[[(5, 6)], [(5, 6)]]], [[[], []]])
    z = model.initialize_z(x, x[:, :1])
    with torch.no_grad():
        outputs, _ = model.logits(x, z, *clicks)
    y, _ = model(x, z, *clicks)
    assert torch.allclose(y, outputs["y"].sigmoid(), rtol=0, atol=1e-5)


def test_norms_are_folded_where_a_class_says_what_they_read() -> None:
    network = draw(lambda: nn.Sequential(conv(3), Known(), nn.Conv2d(WIDTH, 1, 1)))
    found = fold(network)
    assert not [module for module in found.modules() if isinstance(module, nn.BatchNorm2d)]
    assert [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    with torch.no_grad():
        assert torch.allclose(found(IMAGE[:, :3]), network(IMAGE[:, :3]), rtol=0, atol=1e-5)


class Halved(Known):
    """Computes with half the first convolution, once it is folded."""

    conv_norms = Known.conv_norms

    def prepare_for_inference(self) -> None:
        self.conv1.weight.data *= 0.5


def test_a_known_class_may_change_its_folded_copy() -> None:
    network = draw(lambda: nn.Sequential(Halved()))
    found = prepare_for_inference(network)
    assert torch.allclose(found[0].conv1.weight * 2, fold(network)[0].conv1.weight)
