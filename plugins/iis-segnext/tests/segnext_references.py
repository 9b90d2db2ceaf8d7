"""The published references: networks, weights filled under the published names, comparison."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fill_weights import fill_weights
from torch import Tensor

TINY, VIT_B = "segnext_tiny_sax2", "segnext_vitb_sax2"
REFERENCE = Path(__file__).parent / "reference"


@cache
def published_models() -> dict[str, Any]:
    """Parameters, names and shapes of every network, by its name in the references."""
    content: dict[str, Any] = json.loads((REFERENCE / "segnext_models.json").read_text())
    return content


def published_config(name: str) -> dict[str, Any]:
    """A config as a checkpoint has it."""
    model = published_models()[name]
    params = {key: {"type": "builtin", "value": value, "specified": True} for key, value in model["params"].items()}
    params["cpu_dist_maps"] = {"type": "builtin", "value": False, "specified": False}
    return {"class": model["upstream_class"], "params": params}


def published_state(name: str) -> dict[str, Tensor]:
    """The state dict under the published names, filled and adjusted as for the references."""
    filled = fill_weights({key: torch.empty(shape) for key, shape in published_models()[name]["state_dict"].items()})
    adjustments = json.loads((REFERENCE / "segnext_adjustments.json").read_text())
    for key, (factor, addend) in adjustments.get(name, {}).items():
        filled[key] = factor * filled[key] + addend
    return filled


def compare(found: Tensor | np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, as a part of the largest expected magnitude."""
    found = found.detach().numpy() if isinstance(found, Tensor) else found
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())
