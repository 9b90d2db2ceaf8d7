"""Building a model from a configuration of mmsegmentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iis_core import UserError
from iis_core.models.fusion import FusionModel, fuse
from iis_mmseg.checkpoints import start_from
from iis_mmseg.configuration import parse_model, read_configuration
from iis_mmseg.index import FAMILIES
from iis_mmseg.network import OTHER, MMSegNetwork

_NAMES = {config: f"mmseg/{family}" for family, config in FAMILIES.items()}


def complete_config(config: Mapping[str, Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Read the configuration file, so that a model folder does not need it.

    The file is a program. It is one that the library ships or that the caller names; a model folder names none.

    Args:
        config: the config so far.
        keywords: the caller's keywords.

    Raises:
        UserError: no configuration is given, or it cannot be read.
    """
    if "model" in config:
        return dict(config)
    file = config["config"]
    if file is None:
        raise UserError("mmseg/config needs config=PATH, a configuration of mmsegmentation")
    if file not in _NAMES and keywords.get("config") != file:
        raise UserError(
            f"the weights name the configuration {file} but hold no `model`: a configuration is a program, give "
            f"config={file} to run it"
        )
    read = read_configuration(file, shipped=file in _NAMES)
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
        mean: mean of RGB in [0, 1], for normalisation; by default read from `config`.
        std: standard deviation, in the same form.
        fusion: "early" or "intermediate".
        click_encoding: "disks", "distances" or "gaussians".
        config: path of a configuration, or its path in the folder of configurations that the library ships. The file
            is a Python program and is run.
        checkpoint: path or URL of a checkpoint of mmsegmentation to start from.
        working_size: longest side of the image that the network is shown, in pixels; by default unlimited.

    Raises:
        UserError: the configuration cannot work; the message says what to do.
    """
    what = _NAMES.get(config or "", f"mmseg/config with {config}")
    network = MMSegNetwork(parse_model(model, what), what)
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
