"""What the tests share: files of weights in the published form, and models loaded from them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path[:0] = [str(Path(__file__).parent / "reference"), str(Path(__file__).parent)]

from segnext_references import published_config, published_state  # noqa: E402  # the folder must be on the path first

from iis_core import load_model  # noqa: E402


@pytest.fixture(scope="session")
def published_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a checkpoint in the published form, by the network's name in the references."""

    @cache
    def make(name: str) -> Path:
        path = tmp_path_factory.mktemp("published") / f"{name}.pth"
        torch.save({"state_dict": published_state(name), "config": published_config(name)}, path)
        return path

    return make


@pytest.fixture(scope="session")
def load_published(published_file: Callable[[str], Path]) -> Callable[..., Any]:
    """Loads the model of a reference, with keywords."""

    def load(name: str, **keywords: Any) -> Any:
        return load_model("segnext/vit-b-sax2", weights=str(published_file(name)), **keywords)

    return load
