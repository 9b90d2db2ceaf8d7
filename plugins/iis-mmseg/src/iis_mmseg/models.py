"""From a configuration of mmsegmentation to a model."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from iis_core import UserError
from iis_core.models.fusion import FusionModel, fuse
from iis_mmseg.checkpoints import start_from
from iis_mmseg.configuration import read_configuration
from iis_mmseg.index import FAMILIES
from iis_mmseg.network import OTHER, MMSegNetwork

_NAMES = {config: f"mmseg/{family}" for family, config in FAMILIES.items()}


def complete_config(config: Mapping[str, Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Read the configuration file, so that a model folder does without it."""
    if "model" in config:
        return dict(config)
    if config["config"] is None:
        raise UserError("mmseg/config needs config=PATH, a configuration of mmsegmentation")
    read = read_configuration(config["config"])
    # As text, since JSON has no tuples, which the library tells from lists.
    return {**config, "model": repr(read.model), "mean": list(read.mean), "std": list(read.std)}


def build_model(
    *,
    model: str,
    mean: Sequence[float],
    std: Sequence[float],
    fusion: str,
    click_encoding: str,
    config: str | None = None,
    checkpoint: str | None = None,
    working_size: int | None = None,
) -> FusionModel:
    """Build a model with random weights.

    Args:
        model: the configuration's model as a Python literal; by default read from `config`.
        mean: of RGB in [0, 1], by which images are normalised; by default read from `config`.
        std: in the same form.
        fusion: "early" or "intermediate".
        click_encoding: "disks", "distances" or "gaussians".
        config: a configuration, by its path or by its path below those that the library ships. The file is a Python
            program and is run.
        checkpoint: path or URL of a checkpoint of mmsegmentation to start from.
        working_size: the longer side that the network is shown at most, in pixels; by default any.

    Raises:
        UserError: the configuration cannot work; with the remedy.

    """
    what = _NAMES.get(config or "", f"mmseg/config with {config}")
    network = MMSegNetwork(ast.literal_eval(model), what)
    if checkpoint is not None:
        start_from(network.segmentor, checkpoint)
    return fuse(
        network,
        fusion=fusion,
        click_encoding=click_encoding,
        mean=mean,
        std=std,
        working_size=working_size,
        what=what,
        remedy="fusion='intermediate' leaves its backbone as it is" if fusion == "early" else OTHER,
    )
