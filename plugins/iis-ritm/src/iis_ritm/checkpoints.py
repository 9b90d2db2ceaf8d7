"""The config of a published checkpoint, and whether it fits the name that it is loaded by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from iis_core import UserError
from iis_core.models.weights import StoredWeights
from iis_ritm.configs import CONFIGS
from iis_ritm.networks.published import parse_config


def convert_checkpoint(stored: StoredWeights, config: Mapping[str, Any]) -> StoredWeights:
    """Take the network's config from a published checkpoint or a model folder.

    The checkpoint's architecture must be that of the spec; all other parameters are taken from the checkpoint.

    Args:
        stored: weights whose config is the published `{"class", "params"}`, that of a model folder, or None.
        config: the spec's config.

    Raises:
        UserError: the checkpoint has another architecture; if it is registered, its name is given.
    """
    if stored.config is None:
        return stored
    found = stored.config.get("network", stored.config)
    _, params = parse_config(found)
    _check_architecture(config["network"], found, str(stored.path))
    return replace(stored, config={"network": {"class": str(found["class"]), "params": params}})


def _check_architecture(wanted_config: Mapping[str, Any], config: Mapping[str, Any], path: str) -> None:
    found, wanted = _describe_architecture(config), _describe_architecture(wanted_config)
    if found == wanted:
        return
    asked = next(name for name, known in CONFIGS.items() if known == wanted_config)
    fitting = [f"ritm/{name}" for name, known in CONFIGS.items() if _describe_architecture(known) == found]
    remedy = f"load it as {' or '.join(fitting)}" if fitting else "use iis_ritm.build_network(config) and RITMModel"
    different = [f"{key} {found[key]} instead of {wanted.get(key)}" for key in found if found[key] != wanted.get(key)]
    raise UserError(f"{path} is not a ritm/{asked} ({', '.join(different)}): {remedy}")


def _describe_architecture(config: Mapping[str, Any]) -> dict[str, object]:
    network_class, params = parse_config(config)
    told = {"small": False, "with_prev_mask": False, **params}
    keys = ("width", "ocr_width", "small", "backbone", "deeplab_ch", "with_prev_mask")
    return {"class": network_class.__name__, **{key: told[key] for key in keys if key in told}}
