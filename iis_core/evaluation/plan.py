"""Planning an evaluation: load what is named, and write down the settings that tell the run from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from iis_core.datasets import EvaluationDataset, SegDataset
from iis_core.errors import UserError, name_of, plugin_call
from iis_core.evaluation.protocols import Protocol
from iis_core.evaluation.settings import (
    describe_dataset,
    describe_given,
    describe_objects,
    describe_offered,
    describe_protocol,
    versions,
)
from iis_core.files.plain import to_plain
from iis_core.models import IISModel
from iis_core.models.loading import build_model, check_device
from iis_core.plugins.catalog import find
from iis_core.plugins.load import with_data_root
from iis_core.plugins.offers import ModelOrigin, Offer, origin_of
from iis_core.plugins.specs import DatasetSpec, ModelSpec, RobotSpec
from iis_core.robots import Robot


@dataclass(frozen=True, eq=False)
class Plan:
    """What an evaluation needs.

    Args:
        model: the model.
        dataset: the objects to evaluate.
        protocol: the rules.
        robot: the protocol's robot.
        seed: seed of robots that draw.
        batch_size: number of objects that go through the model together.
        settings: what the records depend on, as JSON can hold it.
    """

    model: IISModel
    dataset: EvaluationDataset
    protocol: Protocol
    robot: Robot
    seed: int
    batch_size: int
    settings: Mapping[str, Any]

    @property
    def default_folder(self) -> Path:
        """`runs/MODEL--DATASET--PROTOCOL`, with hyphens for the slashes of names."""
        departures = (f"-{rule}={now}" for rule, (_, now) in sorted(self.protocol.departures.items()))
        protocol = self.protocol.name.removeprefix("core/") + "".join(departures)
        names = (self.settings["model"]["name"], self.settings["dataset"]["name"], protocol)
        return Path("runs") / "--".join(str(name).replace("/", "-") for name in names)


def make_plan(
    model: str | IISModel,
    dataset: str | SegDataset,
    protocol: Protocol,
    *,
    device: str,
    model_keywords: Mapping[str, Any],
    dataset_keywords: Mapping[str, Any],
    identity: Mapping[str, Any] | None,
    only: Sequence[str] | None,
    limit: int | None,
    seed: int,
    batch_size: int,
) -> Plan:
    """Load and check what an evaluation needs; arguments and errors are those of `evaluate`."""
    if batch_size < 1:
        raise UserError(f"batch_size must be at least 1, not {batch_size}")
    check_device(model_keywords.get("device", device))
    model_offer = find(ModelSpec, model) if isinstance(model, str) else None
    if batch_size > 1 and model_offer is not None and not model_offer.spec.batches:
        raise UserError(f"{model_offer.spec.name} takes one image at a time: use batch size 1, not {batch_size}")
    rules = {"threshold": protocol.threshold, "inclusive": protocol.inclusive}
    robot_offer = find(RobotSpec, protocol.robot)
    data, described_dataset = _open_dataset(dataset, dataset_keywords)
    if model_offer is not None:
        model_keywords = {
            "device": device,
            **_find_keywords(model_offer.spec, described_dataset["name"]),
            **model_keywords,
        }
    loaded, described_model = _load_model(model, model_offer, model_keywords)
    objects = EvaluationDataset(data, only=only, limit=limit)
    with plugin_call(f"model {name_of(loaded)}: device failed"):
        device_type = torch.device(loaded.device).type
    origin = origin_of(loaded)
    settings = {
        "model": described_model,
        "dataset": {**described_dataset, **describe_objects(objects)},
        "protocol": describe_protocol(protocol),
        "robot": describe_offered(robot_offer, rules),
        "identity": to_plain(identity),
        "weights_sha256": origin.sha256 if isinstance(origin, ModelOrigin) else None,
        "device": device_type,
        "seed": seed,
        "batch_size": batch_size,
        "versions": versions(),
    }
    return Plan(loaded, objects, protocol, robot_offer.build(rules), seed, batch_size, settings)


def _open_dataset(dataset: str | SegDataset, keywords: Mapping[str, Any]) -> tuple[SegDataset, dict[str, Any]]:
    """Return the dataset and its entry in the settings."""
    if not isinstance(dataset, str):
        return dataset, describe_given(dataset)
    offer = find(DatasetSpec, dataset)
    keywords = with_data_root(offer, keywords)
    data: SegDataset = offer.build(keywords)
    return data, describe_dataset(offer, keywords)


def _load_model(
    model: str | IISModel, offer: Offer[ModelSpec] | None, keywords: Mapping[str, Any]
) -> tuple[IISModel, dict[str, Any]]:
    """Return the model and its entry in the settings, in which "cuda:0" and "cuda:1" are one device."""
    if offer is None:
        assert not isinstance(model, str)
        return model, describe_given(model)
    own = {key: value for key, value in keywords.items() if key not in ("device", "weights")}
    loaded = build_model(offer, own, device=keywords["device"], weights=keywords.get("weights"))
    origin = origin_of(loaded)
    effective = keywords if origin is None else origin.keywords
    return loaded, describe_offered(offer, {**effective, "device": torch.device(keywords["device"]).type})


def _find_keywords(spec: ModelSpec, dataset: str) -> Mapping[str, Any]:
    """Find the keywords that a spec has for the dataset of this name."""
    return spec.dataset_keywords.get(dataset.rsplit("/", 1)[-1], {})
