"""What is to be evaluated: names and keywords made into objects, and the settings that tell the run from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from iis_core.datasets import EvaluationDataset, SegDataset, Target
from iis_core.errors import UserError, name_of, plugin_call
from iis_core.evaluation.settings import describe, describe_protocol, describe_published, describe_targets, versions
from iis_core.models import IISModel
from iis_core.plain import plain
from iis_core.plugins.catalog import find
from iis_core.plugins.load import load_dataset, load_model, load_robot, with_data_root
from iis_core.plugins.specs import ModelSpec
from iis_core.protocols import Protocol
from iis_core.robots import Robot


@dataclass(frozen=True, eq=False)
class Plan:
    """All that an evaluation needs.

    spec: what the model's spec declares; None for a model given as an object.
    settings: what the records depend on, as JSON can hold it.
    """

    model: IISModel
    spec: ModelSpec | None
    targets: EvaluationDataset
    protocol: Protocol
    robot: Robot
    seed: int
    batch_size: int
    settings: Mapping[str, Any]

    @property
    def default_folder(self) -> Path:
        """`runs/MODEL--DATASET--PROTOCOL`, with a plain name for the namespace's slash."""
        departures = (f"-{rule}={now}" for rule, (_, now) in sorted(self.protocol.departures.items()))
        protocol = self.protocol.name.removeprefix("core/") + "".join(departures)
        names = (self.settings["model"]["name"], self.settings["dataset"]["name"], protocol)
        return Path("runs") / "--".join(str(name).replace("/", "-") for name in names)

    def check_target(self, target: Target) -> None:
        """Raises UserError for a size or an initial mask that the model declares it cannot take."""
        if self.spec is None:
            return
        if target.initial_mask is not None and not self.spec.initial_mask:
            raise UserError(
                f"{target.id} ({target.path}) has an initial mask, of which {self.spec.name} makes no use: choose "
                "another model, or leave the masks out (for davis585: --data initial_masks=none)"
            )
        height, width = target.target.shape
        if (
            min(height, width) < self.spec.min_size
            or height % self.spec.size_multiple
            or width % self.spec.size_multiple
        ):
            raise UserError(
                f"{target.id} ({target.path}) is {height} x {width}; {self.spec.name} takes sides of at least "
                f"{self.spec.min_size} that are multiples of {self.spec.size_multiple}"
            )


def make_plan(
    model: str | IISModel,
    dataset: str | SegDataset,
    protocol: Protocol,
    *,
    model_keywords: Mapping[str, Any],
    dataset_keywords: Mapping[str, Any],
    identity: Mapping[str, Any] | None,
    only: Sequence[str] | None,
    limit: int | None,
    seed: int,
    batch_size: int,
) -> Plan:
    """Load and check everything. Arguments as for `evaluate`; raises as it does."""
    spec = _spec_of(model)
    if batch_size < 1:
        raise UserError(f"batch_size must be at least 1, not {batch_size}")
    if batch_size > 1 and spec is not None and not spec.batches:
        raise UserError(f"{spec.name} takes one image at a time: use batch size 1, not {batch_size}")
    if isinstance(dataset, str):
        dataset_keywords = with_data_root(find("datasets", dataset), dataset_keywords)
    model_keywords = {**_for_dataset(spec, dataset), **model_keywords}
    rules = {"threshold": protocol.threshold, "inclusive": protocol.inclusive}
    robot = load_robot(protocol.robot, **rules)
    data = load_dataset(dataset, **dataset_keywords) if isinstance(dataset, str) else dataset
    network = load_model(model, **model_keywords) if isinstance(model, str) else model
    targets = EvaluationDataset(data, only=only, limit=limit)
    with plugin_call(f"model {name_of(network)}: device failed"):
        device = torch.device(network.device).type
    if "device" in model_keywords:
        model_keywords = {**model_keywords, "device": device}
    settings = {
        "model": describe("models", model, model_keywords),
        "dataset": {
            **describe("datasets", dataset, dataset_keywords),
            **describe_published(dataset, dataset_keywords),
            **describe_targets(targets),
        },
        "protocol": describe_protocol(protocol),
        "robot": describe("robots", protocol.robot, rules),
        "identity": plain(identity),
        "weights_sha256": getattr(network, "weights_sha256", None),
        "device": device,
        "seed": seed,
        "batch_size": batch_size,
        "versions": versions(),
    }
    return Plan(network, spec, targets, protocol, robot, seed, batch_size, settings)


def _spec_of(model: str | IISModel) -> ModelSpec | None:
    spec = find("models", model).spec if isinstance(model, str) else None
    return spec if isinstance(spec, ModelSpec) else None


def _for_dataset(spec: ModelSpec | None, dataset: str | SegDataset) -> Mapping[str, Any]:
    """The model's own keywords for this dataset."""
    if spec is None:
        return {}
    name = find("datasets", dataset).spec.variant if isinstance(dataset, str) else name_of(dataset)
    return spec.dataset_keywords.get(name, {})
