"""Evaluating a model: load, plan, read, interact, count, write."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from iis_core.datasets import SegDataset
from iis_core.errors import UserError
from iis_core.evaluation.batch import Outcome, evaluate_batch, prepare_batch
from iis_core.evaluation.grouping import group_by_size, read_objects
from iis_core.evaluation.outcomes import complete_outcomes, write_outcome
from iis_core.evaluation.plan import Plan, make_plan
from iis_core.evaluation.processes import own_device, this_rank
from iis_core.evaluation.protocols import Protocol
from iis_core.evaluation.records import Record
from iis_core.evaluation.run_folder import Run, RunWriter, open_run, read_run
from iis_core.files.writing import refuse_folder_of_inputs
from iis_core.models import IISModel
from iis_core.plugins.load import load_protocol
from iis_core.threads import ahead


class Watcher(typing.Protocol):
    """Follows an evaluation in this process."""

    def start(self, objects: int, protocol: Protocol) -> None:
        """Take note of what is to be evaluated; called once, before anything is.

        Args:
            objects: the number of objects of this process.
            protocol: the protocol.
        """
        ...

    def add(self, record: Record) -> None:
        """Take note of a record; called first with those that the run folder holds already, then with each new one."""
        ...


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
    """Evaluate a model on every object of a dataset, or resume a run that was stopped.

    Under `torchrun`, or with `torch.distributed` initialised, each process evaluates its share of the images and writes
    a records file of its own; the run that is returned holds the records that all processes have written so far.

    Args:
        model: a catalog name, or an object that follows the contract.
        dataset: a catalog name, or an object that follows the contract.
        protocol: a catalog name.
        out: the run folder; by default `runs/MODEL--DATASET--PROTOCOL`.
        overrides: rules of the protocol to replace, by name; they mark the run.
        model_keywords: keywords with which a model given by name is loaded.
        dataset_keywords: keywords with which a dataset given by name is loaded.
        identity: for a model or dataset given as an object, what tells it from others (a version, a checkpoint);
            written into the run. Without it such a run cannot be resumed, since the object might be another one.
        device: a torch device; "cuda" is each process's own GPU under `torchrun`.
        only: ids of the objects to evaluate; by default all.
        limit: number of objects to evaluate, from the first; by default all.
        seed: seed of robots that draw.
        batch_size: number of objects on images of one size that go through the model together; 1 for numbers to be
            reported.
        workers: number of threads that read ahead, and of threads in which robots click and pixels are counted. Only
            one thread at a time calls the model.
        pictures: number of objects, from the first, to render into `pictures/` of the run folder.
        save_masks: whether to write the last prediction for every object into `masks/` of the run folder. Objects that
            were evaluated before get their picture and mask by a replay of their clicks.
        watch: is called with every record.

    Returns:
        The run, with the records in the order of the evaluation list.

    Raises:
        UserError: a name, keyword or file is wrong, or `out` holds another run.
        PluginError: a plugin is at fault.
        ContractError: a plugin breaks the contract.

    Example:
        >>> run = evaluate("classic/grabcut", "sample", protocol="ritm", out="runs/sample")
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
        device=own_device(device),
        model_keywords=model_keywords or {},
        dataset_keywords=dataset_keywords or {},
        identity=identity,
        only=only,
        limit=limit,
        seed=seed,
        batch_size=batch_size,
    )
    folder = plan.default_folder if out is None else Path(out)
    root = plan.settings["dataset"].get("keywords", {}).get("root")
    if isinstance(root, str):
        refuse_folder_of_inputs(folder, Path(root))
    rank = this_rank()
    share = [index for index, (image, _) in enumerate(plan.dataset.objects) if image % rank.of == rank.number]
    keep = partial(write_outcome, folder, pictures=pictures, save_masks=save_masks)
    with open_run(folder, plan.settings, rank) as run:
        before = [record for record in run.records if record.index in set(share)]
        if watch is not None:
            watch.start(len(share), plan.protocol)
        for record in _resume(plan, run, share, workers, keep):
            if watch is not None:
                watch.add(record)
        complete_outcomes(folder, plan, before, pictures=pictures, save_masks=save_masks)
    return read_run(folder)


def _resume(
    plan: Plan, run: RunWriter, share: Sequence[int], workers: int, keep: Callable[[Outcome], None]
) -> Iterator[Record]:
    """Yield the records of this process's share: first those in the run, then the missing ones as they are made."""
    done = {record.index: record for record in run.records}
    yield from (done[index] for index in share if index in done)
    images = plan.dataset.group_by_image(index for index in share if index not in done)
    turn = Lock()
    read = ahead(partial(read_objects, plan.dataset), images, workers)
    batches = (prepare_batch(plan, objects, turn) for objects in group_by_size(read, plan.batch_size))
    for outcomes in ahead(lambda batch: evaluate_batch(plan, batch, turn), batches, workers):
        for outcome in outcomes:
            keep(outcome)
            run.append(outcome.record)
            yield outcome.record
