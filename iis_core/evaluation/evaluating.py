"""Evaluating a model: load, plan, read, interact, count, write."""

from __future__ import annotations

import typing
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from iis_core.datasets import SegDataset
from iis_core.errors import UserError
from iis_core.evaluation.batch import Batch, Outcome, evaluate_batch, prepare_batch
from iis_core.evaluation.failures import Failure, set_failures_aside
from iis_core.evaluation.grouping import ReadObject, group_by_size, read_objects
from iis_core.evaluation.outcomes import Keeping, SavedMasks, complete_outcomes, write_outcome
from iis_core.evaluation.plan import Plan, check_whole_number, make_plan
from iis_core.evaluation.processes import Rank, own_device, this_rank
from iis_core.evaluation.protocols import Protocol
from iis_core.evaluation.records import Record
from iis_core.evaluation.run_folder import RunWriter, open_run
from iis_core.evaluation.runs import Run, read_run, sort_run
from iis_core.files.writing import refuse_folder_of_inputs
from iis_core.models import IISModel
from iis_core.threads import ahead

Result = TypeVar("Result")


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

    def fail(self, failure: Failure) -> None:
        """Take note of an object that could not be evaluated."""
        ...


def evaluate(
    model: str | Path | IISModel,
    dataset: str | SegDataset,
    protocol: str = "ritm",
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
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
    workers: int = 0,
    pictures: int = 0,
    save_masks: SavedMasks = False,
    watch: Watcher | None = None,
) -> Run:
    """Evaluate a model on every object of a dataset, or resume a run that was stopped.

    An object whose files cannot be read, or on which the model fails, is set aside with the reason, and a warning says
    so at the end; the same call again tries it anew. A broken contract ends the run.

    Under `torchrun`, or with `torch.distributed` initialised, each process evaluates its share of the images and writes
    a records file of its own; the run that is returned holds the records that all processes have written so far.

    Args:
        model: a catalog name, the path of a model folder, or an object that follows the contract.
        dataset: a catalog name, or an object that follows the contract.
        protocol: a catalog name.
        out: the run folder; None keeps the run in memory.
        overwrite: whether to remove the run that the folder holds, and start anew; nothing else is removed.
        overrides: rules of the protocol to replace, by name; they mark the run. A robot may be an object.
        robot_keywords: keywords of the robot; they mark the run too.
        model_keywords: keywords with which a model given by name is loaded.
        dataset_keywords: keywords with which a dataset given by name is loaded.
        identity: for a model, dataset or robot given as an object, what tells it from others (a version, a checkpoint);
            written into the run. Without it such a run cannot be resumed, since the object might be another one.
        device: a torch device; "cuda" is each process's own GPU under `torchrun`.
        ids: ids of the objects to evaluate; by default all. Objects that the run folder has records of are not
            evaluated again, whatever was asked for before.
        limit: number of objects to evaluate, from the first; by default all.
        seed: seed of robots that draw.
        batch_size: number of objects on images of one size that go through the model together; 1 for numbers to be
            reported.
        workers: number of threads that read ahead, and of threads in which robots click and pixels are counted. Only
            one thread at a time calls the model.
        pictures: number of objects, from the first, to render into `pictures/` of the run folder.
        save_masks: whether to write the last prediction for every object into `masks/` of the run folder; "every"
            writes those before the first click and after every click into `click-masks/` instead. Objects that were
            evaluated before get their picture and masks by a replay of their clicks.
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
    plan = make_plan(
        model,
        dataset,
        protocol,
        overrides=overrides,
        robot_keywords=robot_keywords,
        model_keywords=model_keywords,
        dataset_keywords=dataset_keywords,
        identity=identity,
        device=own_device(device),
        ids=ids,
        limit=limit,
        seed=seed,
        batch_size=batch_size,
    )
    run = carry_out(
        plan,
        out,
        overwrite=overwrite,
        workers=workers,
        pictures=pictures,
        save_masks=save_masks,
        watch=watch,
    )
    if run.failures:
        first = f"{run.failures[0].id}: {run.failures[0].reason}"
        warnings.warn(f"{len(run.failures)} of {run.objects} objects failed, the first is {first}", stacklevel=2)
    return run


def carry_out(
    plan: Plan,
    out: str | Path | None,
    *,
    overwrite: bool = False,
    workers: int = 0,
    pictures: int = 0,
    save_masks: SavedMasks = False,
    watch: Watcher | None = None,
) -> Run:
    """Carry out an evaluation; arguments and errors are those of `evaluate`."""
    for name, number in (("workers", workers), ("pictures", pictures)):
        check_whole_number(name, number, 0)
    if save_masks not in (False, True, "every"):
        raise UserError(f'save_masks must be true, false or "every", not {save_masks!r}')
    rank = this_rank()
    if out == "":
        raise UserError("out is empty: give a folder, or leave it out")
    root = plan.settings["dataset"].get("keywords", {}).get("root")
    if out is not None and isinstance(root, str):
        refuse_folder_of_inputs(Path(out), Path(root))
    if out is None and (rank.of > 1 or pictures or save_masks):
        raise UserError("several processes, pictures and masks need a run folder: give out")
    share = [index for index, (image, _) in enumerate(plan.dataset.objects) if image % rank.of == rank.number]
    watch = _Unwatched() if watch is None else watch
    with _open(plan, out, rank, overwrite) as run:
        watch.start(len(share), plan.protocol)
        mine = set(share)
        before = [record for record in run.records if record.index in mine]
        keeping = None if out is None else Keeping(Path(out), pictures, save_masks)
        for record in _resume(plan, run, share, workers, keeping, watch.fail):
            watch.add(record)
        if keeping is not None:
            complete_outcomes(keeping, plan, before)
    if out is None:
        return sort_run(None, plan.settings, plan.dataset.ids, run.records, run.failures)
    return read_run(out)


class _Unwatched:
    """Takes no note of anything; a `Watcher`."""

    def start(self, objects: int, protocol: Protocol) -> None:
        pass

    def add(self, record: Record) -> None:
        pass

    def fail(self, failure: Failure) -> None:
        pass


def _open(plan: Plan, out: str | Path | None, rank: Rank, overwrite: bool) -> AbstractContextManager[RunWriter]:
    if out is None:
        return nullcontext(RunWriter())
    return open_run(out, plan.settings, plan.dataset.ids, plan.describe_provenance, rank, overwrite=overwrite)


def _resume(
    plan: Plan,
    run: RunWriter,
    share: Sequence[int],
    workers: int,
    keeping: Keeping | None,
    tell: Callable[[Failure], None],
) -> Iterator[Record]:
    """Yield the records of this process's share: first those in the run, then the missing ones as they are made."""

    def fail(failure: Failure) -> None:
        run.fail(failure)
        tell(failure)

    done = {record.index: record for record in run.records}
    yield from (done[index] for index in share if index in done)
    images = plan.dataset.group_by_image(index for index in share if index not in done)
    turn = Lock()
    read = (_pass_on(results, fail) for results in ahead(partial(_read, plan), images, workers))
    groups = group_by_size(read, plan.batch_size)
    batches = (batch for group in groups for batch in _pass_on(_prepare(plan, turn, group), fail))
    every_mask = keeping is not None and keeping.every_mask
    for results in ahead(partial(_evaluate, plan, turn, every_mask), batches, workers):
        for outcome in _pass_on(results, fail):
            # Before the record: whatever has one has its files, too.
            if keeping is not None:
                write_outcome(keeping, outcome)
            run.append(outcome.record)
            yield outcome.record


def _read(plan: Plan, indices: Sequence[int]) -> list[ReadObject | Failure]:
    return set_failures_aside(partial(read_objects, plan.dataset), indices, lambda index: plan.dataset.ids[index])


def _prepare(plan: Plan, turn: Lock, objects: Sequence[ReadObject]) -> list[Batch | Failure]:
    return set_failures_aside(lambda some: [prepare_batch(plan, some, turn)], objects, lambda read: read.object.id)


def _evaluate(plan: Plan, turn: Lock, every_mask: bool, batch: Batch) -> list[Outcome | Failure]:
    def evaluate_some(objects: Sequence[ReadObject]) -> list[Outcome]:
        is_whole = len(objects) == len(batch.objects)
        batched = batch if is_whole else prepare_batch(plan, objects, turn)
        return evaluate_batch(plan, batched, turn, every_mask=every_mask)

    return set_failures_aside(evaluate_some, batch.objects, lambda read: read.object.id)


def _pass_on(results: Iterable[Result | Failure], fail: Callable[[Failure], None]) -> Iterator[Result]:
    """Yield what succeeded, and hand over what failed."""
    for result in results:
        if isinstance(result, Failure):
            fail(result)
        else:
            yield result
