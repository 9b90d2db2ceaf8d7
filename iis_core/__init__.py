"""A framework for research on click-based interactive image segmentation.

The public names are imported on first use, so that `import iis_core` and the command line stay light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iis_core.datasets import EvaluationDataset as EvaluationDataset
    from iis_core.datasets import SegDataset as SegDataset
    from iis_core.datasets.regions import RegionSelector as RegionSelector
    from iis_core.errors import ContractError as ContractError
    from iis_core.errors import IISError as IISError
    from iis_core.errors import PluginError as PluginError
    from iis_core.errors import UserError as UserError
    from iis_core.evaluation import Run as Run
    from iis_core.evaluation import evaluate as evaluate
    from iis_core.evaluation import read_run as read_run
    from iis_core.loop import answer as answer
    from iis_core.loop import ask as ask
    from iis_core.loop import full_inference as full_inference
    from iis_core.loop import interact as interact
    from iis_core.loop import predict as predict
    from iis_core.models import IISModel as IISModel
    from iis_core.models import TrainableModel as TrainableModel
    from iis_core.models.state import take as take
    from iis_core.plugins.hooks import IIS_API as IIS_API
    from iis_core.plugins.load import list_datasets as list_datasets
    from iis_core.plugins.load import list_initial_robots as list_initial_robots
    from iis_core.plugins.load import list_models as list_models
    from iis_core.plugins.load import list_protocols as list_protocols
    from iis_core.plugins.load import list_robots as list_robots
    from iis_core.plugins.load import list_selectors as list_selectors
    from iis_core.plugins.load import load_dataset as load_dataset
    from iis_core.plugins.load import load_initial_robot as load_initial_robot
    from iis_core.plugins.load import load_model as load_model
    from iis_core.plugins.load import load_protocol as load_protocol
    from iis_core.plugins.load import load_robot as load_robot
    from iis_core.plugins.load import load_selector as load_selector
    from iis_core.robots import InitialRobot as InitialRobot
    from iis_core.robots import Robot as Robot
    from iis_core.types import Region as Region
    from iis_core.types import Sample as Sample
    from iis_core.types import Step as Step

_HOMES = {
    "datasets": ("EvaluationDataset", "SegDataset"),
    "errors": ("ContractError", "IISError", "PluginError", "UserError"),
    "evaluation": ("Run", "evaluate", "read_run"),
    "loop": ("answer", "ask", "full_inference", "interact", "predict"),
    "models": ("IISModel", "TrainableModel"),
    "plugins.hooks": ("IIS_API",),
    "plugins.load": (
        "list_datasets",
        "list_initial_robots",
        "list_models",
        "list_protocols",
        "list_robots",
        "list_selectors",
        "load_dataset",
        "load_initial_robot",
        "load_model",
        "load_protocol",
        "load_robot",
        "load_selector",
    ),
    "datasets.regions": ("RegionSelector",),
    "robots": ("InitialRobot", "Robot"),
    "models.state": ("take",),
    "types": ("Region", "Sample", "Step"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = list(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
