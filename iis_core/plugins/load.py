"""From a name and keywords to an object: resolve the target, check the keywords, call it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, cast, get_args, get_origin, get_type_hints

from iis_core.config import read_config
from iis_core.errors import PluginError, UserError, plugin_call
from iis_core.plugins.catalog import find, list_names
from iis_core.plugins.discovery import Offer, near_matches
from iis_core.plugins.specs import FactorySpec, ProtocolSpec

if TYPE_CHECKING:
    from iis_core.datasets import SegDataset
    from iis_core.models import IISModel
    from iis_core.protocols import Protocol
    from iis_core.regions import RegionSelector
    from iis_core.robots import InitialRobot, Robot


def load_model(name: str, /, *, device: str = "cpu", weights: str | None = None, **keywords: Any) -> IISModel:
    """Build a model by catalog name.

    device: a torch device, e.g. "cuda:0".
    weights: a path, a model folder, "published" or "random"; None means published. Refused by models
        that have no weights.

    Raises UserError for an unknown name or keyword, PluginError where the plugin is at fault.
    """
    offer = find("models", name)
    if "device" not in parameters(offer):
        raise PluginError(f"{_at_fault(offer)} takes no keyword 'device', which the contract asks for")
    keywords = {"device": _checked_device(device), **keywords}
    if weights is not None:
        if "weights" not in parameters(offer):
            raise UserError(f"{offer.spec.name} has no weights; leave `weights` out")
        keywords["weights"] = weights
    return cast("IISModel", build(offer, keywords))


def load_robot(name: str, /, **keywords: Any) -> Robot:
    """Build a robot by catalog name, e.g. `load_robot("ritm", threshold=0.49, inclusive=False)`."""
    return cast("Robot", build(find("robots", name), keywords))


def load_initial_robot(name: str, /, **keywords: Any) -> InitialRobot:
    """Build an initial robot by catalog name, e.g. `load_initial_robot("ritm-initial", max_points=12)`."""
    return cast("InitialRobot", build(find("initial_robots", name), keywords))


def load_dataset(name: str, /, **keywords: Any) -> SegDataset:
    """Open a dataset by catalog name, e.g. `load_dataset("grabcut", root="data/GrabCut")`.

    Without `root`, files are looked for in a folder of the dataset's name in the configured data folder.
    """
    offer = find("datasets", name)
    return cast("SegDataset", build(offer, with_data_root(offer, keywords)))


def load_selector(name: str, /, **keywords: Any) -> RegionSelector:
    """Build a region selector by catalog name."""
    return cast("RegionSelector", build(find("selectors", name), keywords))


def load_protocol(name: str, /, **overrides: Any) -> Protocol:
    """A named protocol; any override marks it, e.g. `ritm*`. Overrides are fields of `ProtocolSpec`."""
    from iis_core.protocols import protocol_from_spec

    return protocol_from_spec(cast(ProtocolSpec, find("protocols", name).spec), overrides)


list_models = partial(list_names, "models")
list_robots = partial(list_names, "robots")
list_initial_robots = partial(list_names, "initial_robots")
list_datasets = partial(list_names, "datasets")
list_selectors = partial(list_names, "selectors")
list_protocols = partial(list_names, "protocols")


def build(offer: Offer, keywords: Mapping[str, Any]) -> object:
    """Call the offer's factory with its spec's defaults and the given keywords.

    The object gets the catalog name as its attribute `name`, for messages, unless it has one.
    """
    factory = resolve(offer)
    effective = {**_spec(offer).defaults, **keywords}
    _check_keywords(offer, parameters(offer), effective)
    source = f"{offer.spec.name} of {offer.claim.distribution}"
    with plugin_call(f"{source} could not be built with {effective} (report it to the plugin's authors)"):
        built = factory(**effective)
    if not hasattr(built, "name"):
        with suppress(AttributeError):
            built.name = offer.spec.name
    return built


def with_data_root(offer: Offer, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of a dataset with its absolute root: as given, or from `IIS_DATA` or the configuration file."""
    data = read_config().data if "root" in parameters(offer) and "root" not in keywords else None
    given = {"root": str(data / offer.spec.variant)} if data is not None else {}
    completed = {**given, **keywords}
    if isinstance(completed.get("root"), str):
        completed["root"] = str(Path(completed["root"]).resolve())
    return completed


def effective_keywords(offer: Offer, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Every keyword the factory would get, its own defaults included."""
    own = {
        name: parameter.default
        for name, parameter in parameters(offer).items()
        if parameter.default is not parameter.empty
    }
    return {**own, **_spec(offer).defaults, **keywords}


def parameters(offer: Offer) -> Mapping[str, inspect.Parameter]:
    """The factory's keywords, by name. Raises PluginError where it has no explicit ones."""
    try:
        found = inspect.signature(resolve(offer)).parameters
    except (TypeError, ValueError) as error:
        raise PluginError(f"{_at_fault(offer)} cannot be called with keywords: {error}") from error
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in found.values()):
        raise PluginError(f"{_at_fault(offer)} takes **keywords; the contract asks for explicit ones")
    return found


def resolve(offer: Offer) -> Callable[..., Any]:
    """Import the offer's target; raises PluginError where that fails."""
    module_name, _, path = _spec(offer).target.partition(":")
    at_fault = _at_fault(offer)
    try:
        target: Any = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise PluginError(f"{at_fault} cannot be imported: {type(error).__name__}: {error}") from error
    for part in path.split("."):
        if not hasattr(target, part):
            hint = near_matches(part, dir(target)) or "; report it to the plugin's authors"
            raise PluginError(f"{at_fault} does not exist: {module_name} has no {part!r}{hint}")
        target = getattr(target, part)
    return cast("Callable[..., Any]", target)


def _at_fault(offer: Offer) -> str:
    return f"{offer.spec.name} of {offer.claim.distribution}: target {_spec(offer).target!r}"


def _checked_device(device: str) -> str:
    import torch

    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise UserError(f"{device!r} is not a torch device: give e.g. cpu or cuda:0") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device {device!r} was asked for, but torch finds no CUDA here: use cpu")
    return device


def _spec(offer: Offer) -> FactorySpec:
    return cast(FactorySpec, offer.spec)


def _check_keywords(offer: Offer, known: Mapping[str, inspect.Parameter], given: Mapping[str, Any]) -> None:
    name = offer.spec.name
    for keyword in given:
        if keyword not in known:
            hint = near_matches(keyword, known) or f"; it takes {', '.join(known) or 'none'}"
            raise UserError(f"{name} has no keyword {keyword!r}{hint}")
    annotations = _annotations(resolve(offer))
    for keyword, value in given.items():
        kinds = _plain_kinds(annotations.get(keyword))
        if kinds and not isinstance(value, kinds):
            wanted = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
            raise UserError(f"{name} takes {wanted} for {keyword!r}, not {value!r}")
    for keyword, choices in _spec(offer).choices.items():
        value = given.get(keyword)
        if value is not None and not any(fnmatchcase(str(value), choice) for choice in choices):
            hint = near_matches(str(value), choices) or f"; it is one of {', '.join(choices)}"
            raise UserError(f"{name} has no {keyword} {value!r}{hint}")
    needed = [key for key, parameter in known.items() if parameter.default is parameter.empty and key not in given]
    if needed:
        flag = " (--data-root DIR, or IIS_DATA for all datasets)" if "root" in needed else ""
        raise UserError(f"{name} needs {', '.join(needed)}{flag}; see `iis show {name}`")


def _annotations(factory: Callable[..., Any]) -> dict[str, Any]:
    """The types of a factory's keywords; none where they name what exists for type checkers only."""
    function = factory.func if isinstance(factory, partial) else factory
    try:
        return get_type_hints(function.__init__ if inspect.isclass(function) else function)
    except Exception:
        return {}


def _plain_kinds(annotation: Any) -> tuple[type, ...]:
    """The types of an annotation where all are plain ones, else none; an int will do for a float."""
    is_union = get_origin(annotation) in (Union, UnionType)
    kinds = get_args(annotation) if is_union else (annotation,)
    if not all(kind in (bool, int, float, str, type(None)) for kind in kinds):
        return ()
    return (*kinds, int) if float in kinds and int not in kinds else kinds
