"""How a training sample is clicked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from iis_lightning.clicking import click_and_answer
from iis_lightning.config import TrainingConfig
from iis_lightning.data import make_generators, open_training_data
from torch import Tensor, nn

from iis_core import load_initial_robot, load_robot
from iis_core.datasets import RegionBatch, collate


class Remembering(nn.Module):
    """Notes how it was called; its answer depends on its last one and on how many clicks there are."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))
        self.calls: list[tuple[bool, bool, int, list[float]]] = []

    def initialize_z(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> dict[str, Any]:
        return {"prediction": torch.zeros(len(image), 1, *image.shape[2:])}

    def logits(self, x: Tensor, z: Any, pcs: Any, ncs: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
        last = z["prediction"][:, 0, 0, 0].tolist()
        self.calls.append((self.training, torch.is_grad_enabled(), len(pcs), last))
        y = self.factor * torch.full_like(z["prediction"], float(len(pcs)))
        return {"y": y}, {**z, "prediction": y.detach().sigmoid()}


def batch_of(config: TrainingConfig, places: list[int]) -> RegionBatch:
    dataset = open_training_data(config.data, 0)
    return collate([dataset[i] for i in places])


def answered(config: TrainingConfig, batch: RegionBatch, model: Any, **keywords: Any) -> Any:
    robots = load_initial_robot("ritm-initial"), load_robot("ritm-train", threshold=0.49)
    rngs = make_generators(batch, 0, 0, "clicks")
    return click_and_answer(model, batch, *robots, **{"further": 2, "forget": 0.0, "rngs": rngs, **keywords})


def test_all_answers_but_the_last_are_without_gradient_in_evaluation_mode(
    configured: Callable[..., TrainingConfig],
) -> None:
    model, batch = Remembering().train(), batch_of(configured(), [0, 1, 2])
    result = answered(configured(), batch, model)
    assert [call[:3] for call in model.calls] == [(False, False, 1), (False, False, 2), (True, True, 3)]
    assert model.training
    assert len(result.pcs) == len(result.ncs) == 3
    assert all(len(new) == 3 for new in (*result.pcs, *result.ncs))
    result.outputs["y"].sum().backward()
    assert model.factor.grad is not None
    model.calls.clear()
    answered(configured(), batch, model, further=0)
    assert [call[:3] for call in model.calls] == [(True, True, 1)]


def test_an_element_s_clicks_do_not_depend_on_the_others(configured: Callable[..., TrainingConfig]) -> None:
    config = configured()
    together = answered(config, batch_of(config, [3, 1]), Remembering())
    alone = answered(config, batch_of(config, [1]), Remembering())
    assert [new[1] for new in together.pcs] == [new[0] for new in alone.pcs]
    assert [new[1] for new in together.ncs] == [new[0] for new in alone.ncs]


def test_forgotten_elements_begin_anew_at_the_last_answer(configured: Callable[..., TrainingConfig]) -> None:
    config = configured()
    batch, model = batch_of(config, list(range(8))), Remembering()
    answered(config, batch, model, forget=0.5)
    *_, last = model.calls[-1]
    expected = torch.sigmoid(torch.tensor(2.0)).item()
    assert 0 < sum(value == 0 for value in last) < 8
    assert all(value == 0 or abs(value - expected) < 1e-6 for value in last)
    answered(config, batch, model, forget=1.0, rngs=[np.random.default_rng(i) for i in range(8)])
    assert model.calls[-1][3] == [0.0] * 8
