"""What the tests share: the published references and networks filled with known numbers."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

REFERENCE = Path(__file__).parent / "reference"
sys.path.insert(0, str(REFERENCE))


class ToyNetwork(nn.Module):
    """No parameters: logits fall with the distance to the nearest positive click, in network input pixels."""

    with_prev_mask = True

    def forward(self, image: Tensor, points: Tensor) -> dict[str, Tensor]:
        half = points.shape[1] // 2
        rows = torch.arange(image.shape[2], dtype=torch.float32)[:, None]
        columns = torch.arange(image.shape[3], dtype=torch.float32)
        logits = []
        for element, own in zip(image, points, strict=True):
            nearest = []
            for same in (own[:half], own[half:]):
                distance = torch.full(image.shape[2:], 1000.0)
                for row, col, order in same:
                    if order >= 0:
                        distance = torch.minimum(distance, torch.hypot(rows - row, columns - col))
                nearest.append(distance)
            logits.append(4 - nearest[0] / 10 + 2 * element[3] - 8 * (nearest[1] < 12).float())
        return {"instances": torch.stack(logits)[:, None]}


@pytest.fixture
def toy() -> ToyNetwork:
    return ToyNetwork()


@pytest.fixture
def reference() -> dict[str, dict[str, np.ndarray]]:
    """The published outputs by file name."""
    return {file.stem: dict(np.load(file)) for file in REFERENCE.glob("*.npz")}
