"""Planning an evaluation: load what is named, and write down the settings that tell the run from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from iis_core.datasets import EvaluationDataset, SegDataset
from iis_core.errors import UserError, name_of, plugin_call
from iis_core.evaluation.naming import name_run
from iis_core.evaluation.protocols import Protocol
from iis_core.evaluation.provenance import describe_provenance
from iis_core.evaluation.recording import Recording
from iis_core.evaluation.settings import (
    describe_dataset,
    describe_given,
    describe_offered,
    describe_protocol,
    make_storable,
    versions,
)
from iis_core.files.plain import to_plain
from iis_core.models import IISModel
from iis_core.models.loading import build_model, check_device, draw_weights_by
from iis_core.plugins.catalog import find
from iis_core.plugins.load import load_protocol, with_data_root
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
        robot: the protocol's robot, or the recording that is replayed.
        seed: seed of robots that draw.
        batch_size: number of objects that go through the model together.
        settings: what the records depend on, as JSON can hold it.
        given: the keywords that the caller gave for the model and for the dataset.
    """

    model: IISModel
    dataset: EvaluationDataset
    protocol: Protocol
    robot: Robot | Recording
    seed: int
    batch_size: int
    settings: Mapping[str, Any]
    given: tuple[Mapping[str, Any], Mapping[str, Any]]

    @property
    def default_folder(self) -> Path:
        """A folder in `runs` whose name says whatever tells the run from others."""
        return Path("runs") / name_run(self.settings, self.given, self.protocol)

    def choose_robot(self, ids: Sequence[str]) -> Robot:
        """Return who clicks on the objects with these ids; a recording is played for one object at a time."""
        if isinstance(self.robot, Recording):
            (name,) = ids
            return self.robot.play(name)
        return self.robot

    def describe_provenance(self) -> dict[str, Any]:
        """Describe where and how the run is made, as JSON can hold it."""
        parts = [self.settings[part] for part in ("model", "dataset", "robot")]
        named = [part["distribution"] for part in parts if "distribution" in part]
        return describe_provenance(torch.device(self.model.device), named)


def make_plan(
    model: str | Path | IISModel,
    dataset: str | SegDataset,
    protocol: str = "ritm",
    *,
    overrides: Mapping[str, Any] | None = None,
    robot_keywords: Mapping[str, Any] | None = None,
    model_keywords: Mapping[str, Any] | None = None,
    dataset_keywords: Mapping[str, Any] | None = None,
    identity: Mapping[str, Any] | None = None,
    device: str = "cpu",
    ids: Sequence[str] | None = None,
    limit: int | None = None,
    seed: int = 0,
    batch_size: int = 1,
) -> Plan:
    """Load and check what an evaluation needs; arguments and errors are those of `evaluate`."""
    for name, number, least in (("seed", seed, None), ("batch_size", batch_size, 1)):
        check_whole_number(name, number, least)
    overrides = {**(overrides or {}), **({"robot_keywords": dict(robot_keywords)} if robot_keywords else {})}
    rules = load_protocol(protocol, **overrides)
    model_keywords, dataset_keywords = model_keywords or {}, dataset_keywords or {}
    check_device(model_keywords.get("device", device))
    robot = _open_robot(overrides.get("robot", rules.robot), rules)
    data, described = open_dataset(dataset, dataset_keywords)
    objects = EvaluationDataset(data, ids=ids, limit=limit)
    return lay_out(
        (model, model_keywords),
        (objects, described),
        rules,
        robot,
        device=device,
        identity=to_plain(identity),
        seed=seed,
        batch_size=batch_size,
        given=(model_keywords, dataset_keywords),
    )


def lay_out(
    model: tuple[str | Path | IISModel, Mapping[str, Any]],
    dataset: tuple[EvaluationDataset, Mapping[str, Any]],
    rules: Protocol,
    robot: tuple[Robot | Recording, Mapping[str, Any]],
    *,
    device: str,
    seed: int,
    identity: Mapping[str, Any] | None = None,
    batch_size: int = 1,
    given: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
) -> Plan:
    """Load the model for a dataset, rules and a robot that are there, and write down the settings.

    Args:
        model: as for `evaluate`, and its keywords.
        dataset: the objects, and the dataset's entry in the settings.
        rules: the protocol.
        robot: who clicks, and its entry in the settings.
        device: as for `evaluate`.
        seed: as for `evaluate`.
        identity: as for `evaluate`.
        batch_size: as for `evaluate`.
        given: as in `Plan`.

    Raises:
        UserError: as for `evaluate`.
        PluginError: a plugin is at fault.
    """
    offer = find(ModelSpec, model[0]) if isinstance(model[0], str | Path) else None
    if batch_size > 1 and offer is not None and not offer.spec.batches:
        raise UserError(f"{offer.spec.name} takes one image at a time: use batch size 1, not {batch_size}")
    objects, described_dataset = dataset
    usual = {} if offer is None else _find_keywords(offer.spec, described_dataset["name"])
    with draw_weights_by(seed):
        loaded, described_model = _load_model(model[0], offer, {"device": device, **usual, **model[1]})
    settings = {
        "model": described_model,
        "dataset": {**described_dataset, "whole": objects.whole},
        "protocol": describe_protocol(rules),
        "robot": robot[1],
        "identity": identity,
        **_describe_loaded(loaded),
        "seed": seed,
        "batch_size": batch_size,
        "versions": versions(),
    }
    own_weights = {} if offer is None or offer.folder is None else {"weights": str(offer.folder)}
    given = ({**own_weights, **given[0]}, given[1])
    return Plan(loaded, objects, rules, robot[0], seed, batch_size, make_storable(settings), given)


def check_whole_number(name: str, number: object, least: int | None) -> None:
    """Check that a value is a whole number.

    Args:
        name: what the value is called in the message.
        number: the value.
        least: the smallest that it may be, None for any.

    Raises:
        UserError: it is something else, or smaller.
    """
    if type(number) is not int:
        raise UserError(f"{name} must be a whole number, not {number!r}")
    if least is not None and number < least:
        raise UserError(f"{name} must be at least {least}, not {number}")


def _open_robot(robot: str | Robot, protocol: Protocol) -> tuple[Robot, dict[str, Any]]:
    """Return the robot and its entry in the settings; it binarises by the protocol's rule."""
    rules = {"threshold": protocol.threshold, "inclusive": protocol.inclusive}
    if isinstance(robot, str):
        offer = find(RobotSpec, robot)
        keywords = {**rules, **protocol.robot_keywords}
        return offer.build(keywords), describe_offered(offer, keywords)
    if protocol.robot_keywords:
        raise UserError(f"robot {name_of(robot)} is an object: build it with its keywords, leave robot_keywords out")
    for rule, value in rules.items():
        if getattr(robot, rule, value) != value:
            own = getattr(robot, rule)
            raise UserError(
                f"robot {name_of(robot)} was built with {rule}={own}, but the protocol has {value}: build it with "
                f"{rule}={value}, or override the protocol's {rule}"
            )
    return robot, describe_given(robot)


def open_dataset(dataset: str | SegDataset, keywords: Mapping[str, Any]) -> tuple[SegDataset, dict[str, Any]]:
    """Open a dataset; arguments and errors are those of `evaluate`.

    Returns:
        The dataset and its entry in the settings.
    """
    if not isinstance(dataset, str):
        return dataset, describe_given(dataset)
    offer = find(DatasetSpec, dataset)
    keywords = with_data_root(offer, keywords)
    data: SegDataset = offer.build(keywords)
    return data, describe_dataset(offer, keywords)


def _load_model(
    model: str | Path | IISModel, offer: Offer[ModelSpec] | None, keywords: Mapping[str, Any]
) -> tuple[IISModel, dict[str, Any]]:
    """Return the model and its entry in the settings, in which "cuda:0" and "cuda:1" are one device."""
    if offer is None:
        assert not isinstance(model, str | Path)
        return model, describe_given(model)
    own = {key: value for key, value in keywords.items() if key not in ("device", "weights")}
    loaded = build_model(offer, own, device=keywords["device"], weights=keywords.get("weights"))
    origin = origin_of(loaded)
    effective = keywords if origin is None else origin.keywords
    return loaded, describe_offered(offer, {**effective, "device": torch.device(keywords["device"]).type})


def _describe_loaded(model: IISModel) -> dict[str, Any]:
    """Describe what only a loaded model knows: the hash of its weights, and the kind of its device."""
    with plugin_call(f"model {name_of(model)}: device failed"):
        device = torch.device(model.device).type
    origin = origin_of(model)
    return {"weights_sha256": origin.sha256 if isinstance(origin, ModelOrigin) else None, "device": device}


def _find_keywords(spec: ModelSpec, dataset: str) -> Mapping[str, Any]:
    """Find the keywords that a spec has for the dataset of this name."""
    return spec.dataset_keywords.get(dataset.rsplit("/", 1)[-1], {})
