"""What the tests share: the published references and the network filled with known numbers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

REFERENCE = Path(__file__).parent / "reference"
sys.path.insert(0, str(REFERENCE))


@pytest.fixture(scope="session")
def network() -> torch.nn.Module:
    """As the references were computed with."""
    from fill_weights import fill_weights
    from iis_gto99 import build_network

    network = build_network()
    state = fill_weights(network.state_dict())
    adjusted = json.loads((REFERENCE / "gto99_adjustments.json").read_text())["after_fill_weights"]
    assert adjusted == {"decoder.conv_up4.4.weight": "multiplied by 8", "decoder.conv_up4.4.bias": "set to 0.9"}
    state["decoder.conv_up4.4.weight"] *= 8
    state["decoder.conv_up4.4.bias"].fill_(0.9)
    network.load_state_dict(state)
    return network


@pytest.fixture
def reference() -> dict[str, dict[str, np.ndarray]]:
    """The published outputs by file name."""
    return {file.stem: dict(np.load(file)) for file in REFERENCE.glob("*.npz")}
