"""The models of "Reviving Iterative Training with Mask Guidance for Interactive Segmentation".

The public names are imported on first use, so that listing models imports no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iis_ritm.model import RITMModel as RITMModel
    from iis_ritm.networks.published import build_network as build_network

_HOME_OF = {"RITMModel": "model", "build_network": "networks.published"}

__all__ = list(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
