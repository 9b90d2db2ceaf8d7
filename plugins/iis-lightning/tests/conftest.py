"""A small training run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from iis_lightning.checking import read_training_config
from iis_lightning.config import TrainingConfig

sys.path.insert(0, str(Path(__file__).parent))

SMALL = """
model:
  name: smp/fpn
  keywords: {weights: random, encoder_name: tu-convnext_atto, click_encoding: distances}
data:
  dataset: {name: synthetic, keywords: {count: 8, height: 64, width: 64, objects: 1}}
  batch_size: 2
losses:
  y: {normalised-focal: 1.0, soft-iou: 1.0}
optimizer: {name: Adam, keywords: {lr: 0.001}}
trainer: {max_epochs: 2, accelerator: cpu, enable_progress_bar: false, deterministic: true, log_every_n_steps: 1}
checkpoint_every: 1
pictures_every: 0
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A configuration of 8 steps, whose network has dropout and no batch statistics."""
    file = tmp_path / "small.yaml"
    file.write_text(f"{SMALL}out: {tmp_path / 'run'}\n")
    return file


@pytest.fixture
def configured(small: Path) -> Callable[..., TrainingConfig]:
    """The small configuration with changes."""

    def make(*overrides: str, trust: Sequence[str] = ()) -> Any:
        return read_training_config(small, overrides, trust)

    return make
