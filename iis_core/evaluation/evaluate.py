"""From names to records: load, plan, read, interact, count, write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from iis_core.datasets import EvaluationDataset, SegDataset
from iis_core.errors import UserError, name_of
from iis_core.evaluation.batch import evaluate_batch
from iis_core.evaluation.reading import batches, read_ahead
from iis_core.evaluation.run import Run, open_run, read_run
from iis_core.evaluation.settings import describe, describe_protocol, describe_targets, versions
from iis_core.models import IISModel
from iis_core.plugins.catalog import find
from iis_core.plugins.load import load_dataset, load_model, load_protocol, load_robot
from iis_core.plugins.specs import ModelSpec
from iis_core.protocols import Protocol
from iis_core.records import Record

Watcher = Callable[[list[Record], int, Protocol], None]


def evaluate(
    model: str | IISModel,
    dataset: str | SegDataset,
    protocol: str = "ritm",
    *,
    out: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    model_keywords: Mapping[str, Any] | None = None,
    dataset_keywords: Mapping[str, Any] | None = None,
    device: str = "cpu",
    seed: int = 0,
    batch_size: int = 1,
    workers: int = 0,
    watch: Watcher | None = None,
) -> Run:
    """Evaluate a model on every object of a dataset, or go on with a run that was stopped.

    model, dataset: catalog names, or objects that follow the contract.
    protocol: catalog name; `overrides` replaces single rules and marks the run.
    out: the run folder; by default `runs/MODEL--DATASET--PROTOCOL`.
    model_keywords, dataset_keywords: for the factories behind the names.
    batch_size: images of one size that go through the model together; 1 for numbers to be reported.
    workers: threads that read ahead.
    watch: called with the records so far, the number of objects and the protocol.

    Raises UserError for bad names, keywords, data or an `out` that holds another run, PluginError and
    ContractError where a plugin is at fault.
    """
    if batch_size < 1 or workers < 0:
        raise UserError(f"batch_size must be at least 1 and workers at least 0, not {batch_size} and {workers}")
    rules = load_protocol(protocol, **(overrides or {}))
    model_keywords = _for_dataset(model, dataset, model_keywords or {})
    dataset_keywords = dataset_keywords or {}
    robot = load_robot(rules.robot, threshold=rules.threshold, inclusive=rules.inclusive)
    data = load_dataset(dataset, **dataset_keywords) if isinstance(dataset, str) else dataset
    network = load_model(model, device=device, **model_keywords) if isinstance(model, str) else model
    targets = EvaluationDataset(data)
    settings = {
        "model": describe("models", model, {"device": device, **model_keywords}),
        "dataset": {
            **_without_root(describe("datasets", dataset, dataset_keywords)),
            **describe_targets(targets),
        },
        "protocol": describe_protocol(rules),
        "robot": describe("robots", rules.robot, {}),
        "device": str(network.device),
        "seed": seed,
        "batch_size": batch_size,
        "versions": versions(),
    }
    folder = Path(out) if out is not None else default_folder(settings, rules)
    with open_run(folder, settings) as run:
        done = {record.index for record in run.records}
        todo = [index for index in range(len(targets)) if index not in done]
        if watch:
            watch(run.records, len(targets), rules)
        for readings in batches(read_ahead(targets, todo, workers), batch_size):
            for record in evaluate_batch(network, robot, rules, readings, seed):
                run.append(record)
                if watch:
                    watch(run.records, len(targets), rules)
    return read_run(folder)


def default_folder(settings: Mapping[str, Any], protocol: Protocol) -> Path:
    """`runs/MODEL--DATASET--PROTOCOL`, with a plain name for the namespace's slash."""
    departures = "".join(f"-{rule}={now}" for rule, (_, now) in sorted(protocol.departures.items()))
    names = (
        settings["model"]["name"],
        settings["dataset"]["name"],
        protocol.name.removeprefix("core/") + departures,
    )
    return Path("runs") / "--".join(str(name).replace("/", "-") for name in names)


def _for_dataset(model: str | IISModel, dataset: str | SegDataset, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The model's own settings for this dataset, below the keywords given by the caller."""
    if not isinstance(model, str):
        return given
    spec = find("models", model).spec
    assert isinstance(spec, ModelSpec)
    name = find("datasets", dataset).spec.variant if isinstance(dataset, str) else name_of(dataset)
    return {**spec.dataset_keywords.get(name, {}), **given}


def _without_root(described: Mapping[str, Any]) -> dict[str, Any]:
    """Where the files lie does not change what they are; a run may be resumed after moving them."""
    keywords = {key: value for key, value in described.get("keywords", {}).items() if key != "root"}
    return {**described, "keywords": keywords}
