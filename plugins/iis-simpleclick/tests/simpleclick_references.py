"""The published references, and networks filled with known numbers as they say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from fill_weights import fill_weights
from iis_simpleclick import build_network
from torch import nn

REFERENCE = Path(__file__).parent / "reference"


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as arrays:
        return dict(arrays)


def build_filled(arrays: Mapping[str, np.ndarray], config: Mapping[str, Any] | str) -> nn.Module:
    """Build the network of a reference, filled by the names of its parameters, then multiplied and added to."""
    network = build_network(config)
    state = fill_weights(network.state_dict())
    for name, change in json.loads(str(arrays["adjustments"])).items():
        state[name] = state[name] * change.get("multiply", 1.0) + change.get("add", 0.0)
    network.load_state_dict(state)
    return network
