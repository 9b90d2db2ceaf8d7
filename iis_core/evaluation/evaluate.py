"""From names to records: load, plan, read, interact, count, write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from iis_core.datasets import SegDataset
from iis_core.errors import UserError
from iis_core.evaluation.batch import Outcome, evaluate_batch, make_batch
from iis_core.evaluation.encoding import Encoder
from iis_core.evaluation.pictures import write_outcome
from iis_core.evaluation.plan import Plan, make_plan
from iis_core.evaluation.ranks import own_device, this_rank
from iis_core.evaluation.reading import HELD_BACK, batches, read
from iis_core.evaluation.run import Run, RunWriter, open_run, read_run
from iis_core.models import IISModel
from iis_core.plugins.load import load_protocol
from iis_core.protocols import Protocol
from iis_core.records import Record
from iis_core.threads import ahead

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
    pictures: int = 0,
    save_masks: bool = False,
    watch: Watcher | None = None,
) -> Run:
    """Evaluate a model on every object of a dataset, or go on with a run that was stopped.

    model, dataset: catalog names, or objects that follow the contract.
    protocol: catalog name; `overrides` replaces single rules and marks the run.
    out: the run folder; by default `runs/MODEL--DATASET--PROTOCOL`.
    model_keywords, dataset_keywords: for the factories behind the names.
    identity: for a model or dataset given as an object, what tells it from others (a version, a checkpoint);
        written into the run. Without it such a run cannot be resumed, since another object might go on with it.
    device: a torch device; "cuda" is each process's own GPU under `torchrun`.
    only, limit: evaluate the objects with these ids, the first so many of them.
    batch_size: images of one size that go through the model together; 1 for numbers to be reported.
    workers: threads that read ahead, and as many that let robots click and count pixels beside the model. The
        model itself is called by one at a time.
    pictures: draw the first so many objects of the list into `pictures/` of the run folder.
    save_masks: write the last prediction for every object into `masks/` of the run folder.
    watch: called with the records of this process's objects so far, their number and the protocol.

    Started by `torchrun`, or with `torch.distributed` initialised, each process takes its share of the images and
    writes a records file of its own; the run that is returned holds the records of all so far.

    Raises UserError for bad names, keywords, data or an `out` that holds another run, PluginError and
    ContractError where a plugin is at fault.
    """
    if out == "":
        raise UserError("out is empty: give a folder, or leave it out")
    for name, number in (("workers", workers), ("pictures", pictures)):
        if number < 0:
            raise UserError(f"{name} must be at least 0, not {number}")
    plan = make_plan(
        model,
        dataset,
        load_protocol(protocol, **(overrides or {})),
        model_keywords={"device": own_device(device), **(model_keywords or {})},
        dataset_keywords=dataset_keywords or {},
        identity=identity,
        only=only,
        limit=limit,
        seed=seed,
        batch_size=batch_size,
    )
    folder = plan.default_folder if out is None else Path(out)
    rank = this_rank()
    share = [index for index, (image, _) in enumerate(plan.targets.pairs) if image % rank.of == rank.number]
    keep = partial(write_outcome, folder, pictures=pictures, save_masks=save_masks)
    with open_run(folder, plan.settings, rank) as run:
        _go_on(plan, run, share, workers, keep, watch or (lambda records, objects, protocol: None))
    return read_run(folder)


def _go_on(
    plan: Plan, run: RunWriter, share: Sequence[int], workers: int, keep: Callable[[Outcome], None], watch: Watcher
) -> None:
    """Evaluate the objects of this process's share that have no record yet."""
    records = [record for record in run.records if record.index in set(share)]
    done = {record.index for record in records}
    turn = Lock()
    encoder = Encoder(plan.model, turn, kept=HELD_BACK * plan.batch_size)
    watch(records, len(share), plan.protocol)
    readings = ahead(partial(read, plan.targets), [index for index in share if index not in done], workers)
    prepared = (make_batch(plan, group, encoder) for group in batches(readings, plan.batch_size))
    for outcomes in ahead(lambda batch: evaluate_batch(plan, batch, turn), prepared, workers):
        for outcome in outcomes:
            keep(outcome)
            run.append(outcome.record)
            records.append(outcome.record)
            watch(records, len(share), plan.protocol)
