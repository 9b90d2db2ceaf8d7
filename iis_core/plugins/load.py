"""Loading things of the catalog by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iis_core.files.config import expand, read_user_config
from iis_core.plugins.catalog import find, list_names
from iis_core.plugins.offers import Offer
from iis_core.plugins.specs import (
    DatasetSpec,
    InitialRobotSpec,
    ModelSpec,
    ProtocolSpec,
    RobotSpec,
    SelectorSpec,
)

if TYPE_CHECKING:
    from iis_core.datasets import SegDataset
    from iis_core.datasets.regions import RegionSelector
    from iis_core.evaluation.protocols import Protocol
    from iis_core.models import IISModel
    from iis_core.robots import InitialRobot, Robot


def load_model(
    name: str | Path, /, *, device: str = "cpu", weights: str | Path | None = None, **keywords: Any
) -> IISModel:
    """Load a model by catalog name, or from a model folder, in evaluation mode.

    Args:
        name: e.g. "ritm/hrnet18s", or the path of a model folder, e.g. "runs/tiny/model".
        device: a torch device, e.g. "cuda:0".
        weights: a file, a model folder, "published" or "random"; None means published. Models without weights take
            none, and a model folder has its own.
        keywords: keywords of the spec's target. A model folder brings the config of its network, which they must not
            contradict.

    Raises:
        UserError: the name or a keyword is unknown, or the weights are not at hand or do not fit; the message says what
            to do.
        PluginError: the plugin is at fault.

    Example:
        >>> model = load_model("classic/graph-cut", working_size=320)
    """
    from iis_core.models.loading import build_model

    return build_model(
        find(ModelSpec, name), keywords, device=device, weights=None if weights is None else str(weights)
    )


def load_robot(name: str, /, **keywords: Any) -> Robot:
    """Load a robot by catalog name, e.g. `load_robot("ritm", threshold=0.49, inclusive=False)`."""
    robot: Robot = find(RobotSpec, name).build(keywords)
    return robot


def load_initial_robot(name: str, /, **keywords: Any) -> InitialRobot:
    """Load an initial robot by catalog name, e.g. `load_initial_robot("ritm-initial", max_points=12)`."""
    robot: InitialRobot = find(InitialRobotSpec, name).build(keywords)
    return robot


def load_dataset(name: str, /, **keywords: Any) -> SegDataset:
    """Open a dataset by catalog name, e.g. `load_dataset("grabcut", root="data/GrabCut")`.

    Without `root`, its files are expected in the folder of its name within the configured data folder.
    """
    offer = find(DatasetSpec, name)
    dataset: SegDataset = offer.build(with_data_root(offer, keywords))
    return dataset


def load_selector(name: str, /, **keywords: Any) -> RegionSelector:
    """Load a region selector by catalog name."""
    selector: RegionSelector = find(SelectorSpec, name).build(keywords)
    return selector


def load_protocol(name: str, /, **overrides: Any) -> Protocol:
    """Load a protocol by catalog name; any override marks it, e.g. `ritm*`. Overrides are fields of `ProtocolSpec`."""
    from iis_core.evaluation.protocols import override_protocol

    return override_protocol(find(ProtocolSpec, name).spec, overrides)


list_models = partial(list_names, ModelSpec)
list_robots = partial(list_names, RobotSpec)
list_initial_robots = partial(list_names, InitialRobotSpec)
list_datasets = partial(list_names, DatasetSpec)
list_selectors = partial(list_names, SelectorSpec)
list_protocols = partial(list_names, ProtocolSpec)


def with_data_root(offer: Offer[DatasetSpec], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Add a dataset's absolute root: as given, else from `IIS_DATA` or the user's configuration."""
    data = read_user_config().data if "root" in offer.parameters() and "root" not in keywords else None
    configured = {"root": str(data / offer.spec.variant)} if data is not None else {}
    completed = {**configured, **keywords}
    if isinstance(completed.get("root"), str):
        completed["root"] = str(expand(completed["root"]).resolve())
    return completed
