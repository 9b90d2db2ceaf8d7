"""Both networks learn from `logits`."""

from __future__ import annotations

import pytest
import torch
from iis_focalclick import FocalClickModel, build_network

from iis_core.models import LayerwiseModel, TrainableModel
from iis_core.models.losses import LOSSES
from iis_core.testing.inputs import click_history, images, targets


@pytest.mark.parametrize(
    ("name", "idle"),
    [("segformer-b0-s1", ("network.maps_transform.", "network.refiner.feature_gate.")), ("hrnet18s-s1", ())],
)
def test_every_parameter_that_is_read_has_a_gradient_and_the_losses_fall(name: str, idle: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    model = FocalClickModel(build_network(name)).train()
    assert isinstance(model, TrainableModel)
    assert isinstance(model, LayerwiseModel)
    assert set(model.learning_rate_multipliers()) == {key for key, _ in model.named_parameters()}
    x, target = images(2, 64, 64), targets(2, 64, 64)
    pcs, ncs = (clicks[:1] for clicks in click_history(2, 64, 64))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    totals = []
    for _ in range(4):
        outputs, _ = model.logits(x, model.initialize_z(x, target), pcs, ncs)
        assert set(outputs) == {"y", "coarse", *(["aux"] if "hrnet" in name else [])}
        total = LOSSES["boundary-focal"](outputs["y"], target).mean()
        total = total + LOSSES["normalised-focal"](outputs["coarse"], target).mean()
        total = total + (0.4 * LOSSES["bce"](outputs["aux"], target).mean() if "aux" in outputs else 0)
        optimizer.zero_grad()
        total.backward()
        silent = [key for key, parameter in model.named_parameters() if parameter.grad is None]
        assert [key for key in silent if not key.startswith(idle or "-")] == []
        optimizer.step()
        totals.append(float(total.detach()))
    assert totals[-1] < 0.9 * totals[0]
