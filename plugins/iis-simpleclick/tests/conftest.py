"""What the tests share: the references' toy network, and the folders on the path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

sys.path[:0] = [str(Path(__file__).parent / "reference"), str(Path(__file__).parent)]


class ToyNetwork(nn.Module):
    """No parameters: the logits of the references' toy pipelines."""

    with_prev_mask = True

    def forward(self, image: Tensor, points: Tensor) -> dict[str, Tensor]:
        half, width = points.shape[1] // 2, image.shape[3]
        rows, columns = torch.arange(image.shape[2], dtype=torch.float32)[:, None], torch.arange(float(width))
        logits = []
        for element, own in zip(image, points, strict=True):
            nearest = []
            for same in (own[:half], own[half:]):
                distance = torch.full(image.shape[2:], 1000.0)
                for row, col, order in same:
                    if order >= 0 and not (row < 0 and col < 0):
                        distance = torch.minimum(distance, torch.hypot(rows - row, columns - col))
                nearest.append(distance)
            near, grey = ((22 - nearest[1]) / 2).clamp(0, 1), element[:3].mean(0)
            slope = 3 * (grey - 0.5) + 3 * (columns / (width - 1) - 0.5)
            logits.append(5 - nearest[0] / 12 + 2 * element[3] - 9 * near + slope)
        return {"instances": torch.stack(logits)[:, None]}


@pytest.fixture
def toy() -> ToyNetwork:
    return ToyNetwork()
