"""Replaying a run: its clicks are given to a model again, to see its predictions or to let another model answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from iis_core.datasets import EvaluationDataset, EvaluationObject, SegDataset
from iis_core.errors import UserError, name_of
from iis_core.evaluation.batch import evaluate_batch, prepare_batch
from iis_core.evaluation.grouping import read_objects
from iis_core.evaluation.plan import Plan, lay_out, open_dataset
from iis_core.evaluation.protocols import replay_protocol
from iis_core.evaluation.recording import record_clicks
from iis_core.evaluation.records import Record
from iis_core.evaluation.settings import GIVEN
from iis_core.models import IISModel
from iis_core.models.loading import check_device
from iis_core.types import Counts

if TYPE_CHECKING:
    from iis_core.evaluation import Run


@dataclass(frozen=True, eq=False)
class Replay:
    """An object of a run with the predictions that its clicks led to.

    Args:
        object: the object.
        record: what happened to it in the run.
        replayed: what happened to it now.
        masks: bool (H, W) each: the prediction before the first click, and the one after each.
    """

    object: EvaluationObject
    record: Record
    replayed: Record
    masks: tuple[np.ndarray, ...]

    @property
    def differs_at(self) -> int | None:
        """After how many clicks the counts first differ from the record's; None where all are equal."""
        pairs = zip(list_counts(self.replayed), list_counts(self.record), strict=True)
        return next((made for made, (now, then) in enumerate(pairs) if now != then), None)


def list_counts(record: Record) -> list[tuple[Counts, Counts]]:
    """List the counts on the mask and on its boundary: before the first click, and after each."""
    return [(record.initial, record.initial_boundary), *((click.counts, click.boundary) for click in record.clicks)]


def plan_replay(
    run: Run,
    *,
    records: Iterable[Record] | None = None,
    model: str | Path | IISModel | None = None,
    dataset: SegDataset | None = None,
    model_keywords: Mapping[str, Any] | None = None,
    dataset_keywords: Mapping[str, Any] | None = None,
    device: str | None = None,
) -> Plan:
    """Plan an evaluation in which the clicks of a run are given to a model.

    Args:
        run: the run.
        records: those of the objects to replay; by default all that the run has.
        model: as for `evaluate`; by default the run's own, with the keywords that it had there.
        dataset: the dataset of the run as an object; by default it is opened by name, with the keywords that it had.
        model_keywords: keywords of the model, which take precedence over those that it had.
        dataset_keywords: keywords of the dataset, which take precedence likewise, e.g. its `root` on this machine.
        device: a torch device; by default one of the kind that the run used.

    Raises:
        UserError: the run has no records, the model or dataset of the run was given as a Python object or is not at
            hand, or the dataset lacks an object.
        PluginError: a plugin is at fault.
    """
    chosen = list(run.records if records is None else records)
    if not chosen:
        raise UserError(f"{run.name} has no records yet: evaluate it further")
    recording = record_clicks(chosen)
    source = {"model": run.model, "protocol": run.protocol.label, "sha256": recording.sha256}
    keywords = {**(_find_keywords(run, "model") if model is None else {}), **(model_keywords or {})}
    keywords = keywords if device is None else {**keywords, "device": device}
    check_device(keywords.get("device", run.settings["device"]))
    return lay_out(
        (run.model if model is None else model, keywords),
        open_objects(run, chosen, dataset, dataset_keywords or {}),
        replay_protocol(run.protocol, f"of {run.model}, {recording.sha256[:12]}"),
        (recording, {"name": "replay", "clicks_of": source}),
        device=run.settings["device"],
        seed=run.settings["seed"],
    )


def replay_records(plan: Plan, records: Iterable[Record]) -> Iterator[Replay]:
    """Replay objects, each image read and encoded once for all of its objects.

    Args:
        plan: any evaluation of the model on the dataset; its objects may be more.
        records: of the objects to replay, with their clicks.

    Raises:
        UserError: the dataset lacks an object, or has it in an image of another size.
    """
    wanted = {record.id: record for record in records}
    require_objects(plan.dataset, wanted)
    recording = record_clicks(wanted.values())
    protocol = replay_protocol(plan.protocol, recording.sha256)
    replaying, turn = replace(plan, robot=recording, protocol=protocol), Lock()
    places = {name: place for place, name in enumerate(plan.dataset.ids)}
    for indices in plan.dataset.group_by_image(places[name] for name in wanted):
        for read in read_objects(plan.dataset, indices):
            record = wanted[read.object.id]
            require_same_size(read.object, record)
            batch = prepare_batch(replaying, [read], turn)
            (outcome,) = evaluate_batch(replaying, batch, turn, every_mask=True)
            yield Replay(read.object, record, outcome.record, outcome.masks)


def require_objects(dataset: EvaluationDataset, names: Iterable[str]) -> None:
    """Check that a dataset still has the objects with these ids.

    Raises:
        UserError: it lacks one.
    """
    known = set(dataset.ids)
    for name in names:
        if name not in known:
            raise UserError(
                f"{name_of(dataset.dataset)} has no object {name!r} any more: restore its files, or say where they are "
                "(--data-root DIR)"
            )


def open_objects(
    run: Run, records: Sequence[Record], dataset: SegDataset | None, keywords: Mapping[str, Any]
) -> tuple[EvaluationDataset, Mapping[str, Any]]:
    """Open the dataset of a run with the objects of some records alone; arguments and errors as for `plan_replay`.

    Returns:
        The objects, and the dataset's entry in the settings.
    """
    if dataset is None:
        opened, described = open_dataset(run.dataset, {**_find_keywords(run, "dataset"), **keywords})
    else:
        opened, described = open_dataset(dataset, {})
    objects, names = EvaluationDataset(opened), [record.id for record in records]
    require_objects(objects, names)
    objects.keep(names)
    return objects, described


def _find_keywords(run: Run, part: str) -> Mapping[str, Any]:
    """Find the keywords with which the run loaded its model or dataset."""
    described = run.settings[part]
    if GIVEN in described:
        raise UserError(
            f"{run.name}: its {part} was given as a Python object ({described[GIVEN]}), which cannot be loaded by "
            "name: evaluate it into a new run with `pictures=` to have pictures, or with `save_masks=` to have masks"
        )
    keywords: Mapping[str, Any] = described["keywords"]
    return keywords


def require_same_size(evaluated: EvaluationObject, record: Record) -> None:
    """Check that an object's image has the size that it had in the run.

    Raises:
        UserError: it has another one.
    """
    if evaluated.target.shape != record.shape:
        now, then = (" x ".join(map(str, shape)) for shape in (evaluated.target.shape, record.shape))
        raise UserError(f"{record.id} ({evaluated.path}) has {now} pixels, in the run it had {then}: restore the file")
