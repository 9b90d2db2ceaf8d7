"""Plugins: what they offer (specs), how they say it (hooks), and finding those installed (discovery).

This package is light: a plugin's entry module may import it without importing torch.
"""

from iis_core.plugins.hooks import IIS_API, hookimpl
from iis_core.plugins.specs import (
    CommandSpec,
    DatasetSpec,
    Download,
    InitialRobotSpec,
    ModelSpec,
    ProtocolSpec,
    RobotSpec,
    SelectorSpec,
    Spec,
    Weights,
)

__all__ = [
    "IIS_API",
    "CommandSpec",
    "DatasetSpec",
    "Download",
    "InitialRobotSpec",
    "ModelSpec",
    "ProtocolSpec",
    "RobotSpec",
    "SelectorSpec",
    "Spec",
    "Weights",
    "hookimpl",
]
