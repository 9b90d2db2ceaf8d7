"""Configs of checkpoints in the form of `isegm`, the package of RITM and its descendants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from iis_core.errors import UserError, near_matches
from iis_core.models.weights import StoredWeights

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of RGB in [0, 1], by which published networks normalise unless their config says else."""


def find_config(
    name_or_config: str | Mapping[str, Any], namespace: str, configs: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Find the config of a name; a config is given back as it is.

    Args:
        name_or_config: a key of `configs`, with or without the namespace, or a config.
        namespace: of the models that are built of these configs.
        configs: by variant.

    Raises:
        UserError: no config has that name.
    """
    if not isinstance(name_or_config, str):
        return name_or_config
    name = name_or_config.removeprefix(f"{namespace}/")
    if name not in configs:
        hint = near_matches(name, configs) or f"; known are {', '.join(configs)}"
        raise UserError(f"no network is named {name_or_config!r}{hint}")
    return configs[name]


def read_published_config(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Read the class of a network and its parameters as plain values.

    Args:
        config: `{"class", "params"}`, in which each parameter is a plain value or a checkpoint's
            `{"type", "value", "specified"}`.

    Returns:
        The last part of the class's name, and its keywords.

    Raises:
        UserError: the config is malformed.

    Example:
        >>> read_published_config({"class": "isegm.model.X", "params": {"width": {"type": "builtin", "value": 18}}})
        ('X', {'width': 18})
    """
    try:
        name, params = str(config["class"]).rpartition(".")[2], dict(config["params"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError("a config is {'class': ..., 'params': {...}}, not " + repr(config)[:200]) from error
    return name, {key: _read_value(value) for key, value in params.items()}


def _read_value(value: Any) -> Any:
    return value["value"] if isinstance(value, Mapping) and "value" in value else value


def take_published_config(
    stored: StoredWeights,
    config: Mapping[str, Any],
    namespace: str,
    configs: Mapping[str, Mapping[str, Any]],
    parse: Callable[[Mapping[str, Any]], tuple[type, dict[str, Any]]],
    describe: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    *,
    otherwise: str,
) -> StoredWeights:
    """Take the network's config from a published checkpoint or a model folder.

    The architecture must be that of the spec; all other parameters are taken from the checkpoint.

    Args:
        stored: weights whose config is the published `{"class", "params"}`, that of a model folder, or None.
        config: the spec's config, `{"network": one of configs}`.
        namespace: of the models that are built of these configs.
        configs: by variant.
        parse: gives the class and the keywords of a network's config.
        describe: gives the architecture of a network's config, as for `require_architecture`.
        otherwise: as for `require_architecture`.

    Raises:
        UserError: the checkpoint has another architecture; if it is registered, its name is given.
    """
    if stored.config is None:
        return stored
    found = stored.config.get("network", stored.config)
    _, params = parse(found)
    asked = next(name for name, known in configs.items() if known == config["network"])
    known_by_name = {f"{namespace}/{name}": describe(known) for name, known in configs.items()}
    require_architecture(stored.path, f"{namespace}/{asked}", describe(found), known_by_name, otherwise=otherwise)
    return replace(stored, config={"network": {"class": str(found["class"]), "params": params}})


def require_architecture(
    path: Path, name: str, found: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]], *, otherwise: str
) -> None:
    """Check that a checkpoint has the architecture of the name that it is loaded by.

    Args:
        path: the checkpoint.
        name: the model's name, one of those known.
        found: the checkpoint's architecture: what tells one network from another, by keyword.
        known: the architectures of all models of a family, by their names.
        otherwise: what to do with an architecture that is not known.

    Raises:
        UserError: it has another one; if that is known, its names are given.
    """
    wanted = known[name]
    if found == wanted:
        return
    fitting = [other for other, architecture in known.items() if architecture == found]
    remedy = f"load it as {' or '.join(fitting)}" if fitting else otherwise
    keys = [key for key in {**wanted, **found} if found.get(key) != wanted.get(key)]
    different = [f"{key} {found.get(key)} instead of {wanted.get(key)}" for key in keys]
    raise UserError(f"{path} is not a {name} ({', '.join(different)}): {remedy}")
