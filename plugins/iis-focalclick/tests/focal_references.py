"""The published references, networks filled with known numbers, and the analytic network of the references."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fill_weights import fill_weights
from iis_focalclick import build_network
from torch import Tensor, nn
from torch.nn import functional

from iis_core.files.images import read_image, read_mask

REFERENCE = Path(__file__).parent / "reference"
SHARED = os.environ.get("IIS_SHARED")
MODELS = json.loads((REFERENCE / "models.json").read_text())
NAMES = {
    "segformerB0_S1": "segformer-b0-s1",
    "segformerB0_S2": "segformer-b0-s2",
    "segformerB3_S2": "segformer-b3-s2",
    "hrnet18s_S1": "hrnet18s-s1",
    "hrnet18s_S2": "hrnet18s-s2",
    "hrnet32_S2": "hrnet32-s2",
}
"""Our names of the published networks."""


def read_reference(name: str) -> dict[str, np.ndarray]:
    """Read a file of references, from beside the tests or, for photographs, from the shared folder; with its image."""
    own = REFERENCE / f"{name}.npz"
    arrays = dict(np.load(own if own.exists() else Path(str(SHARED)) / "reference" / "focalclick" / own.name))
    if "image_name" in arrays:
        arrays["image"], arrays["target"] = read_photograph(str(arrays["image_name"]))
    return arrays


def read_photograph(name: str) -> tuple[np.ndarray, np.ndarray]:
    (file,) = (Path(str(SHARED)) / "data" / "GrabCut" / "data_GT").glob(f"{Path(name).stem}.*")
    (mask,) = (Path(str(SHARED)) / "data" / "GrabCut" / "boundary_GT").glob(f"{Path(name).stem}.*")
    codes = read_mask(mask)
    return read_image(file), np.where(codes == 128, -1, codes > 128).astype(np.int8)


def to_image(pixels: np.ndarray) -> Tensor:
    """Float32 (B, 3, H, W) in [0, 1] of uint8 (H, W, 3) or (B, H, W, 3)."""
    return torch.from_numpy(pixels.reshape(-1, *pixels.shape[-3:])).permute(0, 3, 1, 2).float() / 255


def fill(arrays: dict[str, Any]) -> nn.Module:
    """The published network of a file of references, with the weights it was computed with."""
    network = build_network(NAMES[str(arrays["model"])])
    state = fill_weights(network.state_dict())
    for name, change in json.loads(str(arrays["adjustments"])).items():
        state[name] = state[name] * change.get("multiply", 1) + change.get("add", 0)
    network.load_state_dict(state)
    return network


class ToyNetwork(nn.Module):
    """No parameters: logits by the distance to clicks, the grey of the image and the previous mask.

    Args:
        strength: what a negative click takes away.
        radius: how far it reaches in the focus crop.
    """

    def __init__(self, strength: float = 8.0, radius: float = 26.0) -> None:
        super().__init__()
        self.strength = strength
        self.radius = radius

    def coarse(self, image: Tensor, previous_mask: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        positive, negative = measure(points, image)
        grey = image.mean(dim=1, keepdim=True)
        taken = self.strength * ((self.radius / 2 - negative) / 2).clamp(0, 1)
        logits = 4 - positive / 7 + 2 * previous_mask + 3 * (grey - 0.5) - taken
        return logits, functional.avg_pool2d(torch.cat((grey, previous_mask), dim=1), 4)

    def refine(self, focus_image: Tensor, focus_points: Tensor, logits_crop: Tensor, feature_crop: Tensor) -> Tensor:
        positive, negative = measure(focus_points, focus_image)
        grey = focus_image.mean(dim=1, keepdim=True)
        feature = functional.interpolate(feature_crop, focus_image.shape[-2:], mode="bilinear", align_corners=True)
        given = 0.6 * logits_crop + feature.sum(dim=1, keepdim=True) - 0.5 + 4 * (grey - 0.5)
        near = 2 * ((24 - positive) / 2).clamp(0, 1)
        return given + near - self.strength * ((self.radius - negative) / 2).clamp(0, 1)


def measure(points: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    """Distances to the nearest positive and negative click, float32 (B, 1, H, W); 1000 where there is none."""
    rows = torch.arange(image.shape[2], dtype=torch.float32)[:, None]
    columns = torch.arange(image.shape[3], dtype=torch.float32)
    distances = torch.full((len(points), 2, *image.shape[2:]), 1000.0)
    for element, own in enumerate(points):
        for place, (row, col, order) in enumerate(own):
            if order >= 0:
                sign = int(place >= points.shape[1] // 2)
                away = torch.hypot(rows - row, columns - col)
                distances[element, sign] = torch.minimum(distances[element, sign], away)
    return distances[:, :1], distances[:, 1:]
