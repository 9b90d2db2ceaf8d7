"""From names to records: load, plan, read, interact, count, write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from iis_core.datasets import SegDataset
from iis_core.errors import UserError
from iis_core.evaluation.batch import evaluate_batch
from iis_core.evaluation.encoding import Encoder
from iis_core.evaluation.plan import Plan, make_plan
from iis_core.evaluation.reading import batches, read_ahead
from iis_core.evaluation.run import Run, RunWriter, open_run, read_run
from iis_core.models import IISModel
from iis_core.plugins.load import load_protocol
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
    identity: Mapping[str, Any] | None = None,
    device: str = "cpu",
    only: Sequence[str] | None = None,
    limit: int | None = None,
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
    identity: for a model or dataset given as an object, what tells it from others (a version, a checkpoint);
        written into the run. Without it such a run cannot be resumed, since another object might go on with it.
    only, limit: evaluate the objects with these ids, the first so many of them.
    batch_size: images of one size that go through the model together; 1 for numbers to be reported.
    workers: threads that read ahead.
    watch: called with the records so far, the number of objects and the protocol.

    Raises UserError for bad names, keywords, data or an `out` that holds another run, PluginError and
    ContractError where a plugin is at fault.
    """
    if out == "":
        raise UserError("out is empty: give a folder, or leave it out")
    plan = make_plan(
        model,
        dataset,
        load_protocol(protocol, **(overrides or {})),
        model_keywords={"device": device, **(model_keywords or {})},
        dataset_keywords=dataset_keywords or {},
        identity=identity,
        only=only,
        limit=limit,
        seed=seed,
        batch_size=batch_size,
    )
    if workers < 0:
        raise UserError(f"workers must be at least 0, not {workers}")
    folder = plan.default_folder if out is None else Path(out)
    with open_run(folder, plan.settings) as run:
        _go_on(plan, run, workers, watch or (lambda records, objects, protocol: None))
    return read_run(folder)


def _go_on(plan: Plan, run: RunWriter, workers: int, watch: Watcher) -> None:
    """Evaluate the objects that have no record yet."""
    done = {record.index for record in run.records}
    todo = [index for index in range(len(plan.targets)) if index not in done]
    encoder = Encoder(plan.model)
    watch(run.records, len(plan.targets), plan.protocol)
    for readings in batches(read_ahead(plan.targets, todo, workers), plan.batch_size):
        for reading in readings:
            plan.check_size(reading.target)
        for record in evaluate_batch(plan.model, plan.robot, plan.protocol, readings, plan.seed, encoder):
            run.append(record)
            watch(run.records, len(plan.targets), plan.protocol)
