"""Replaying the clicks of records: predictions are not kept in a run, but can be made again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from iis_core.datasets import EvaluationDataset, EvaluationObject
from iis_core.errors import UserError, name_of
from iis_core.evaluation.batch import collate
from iis_core.evaluation.protocols import Protocol
from iis_core.evaluation.records import ClickRecord, Record
from iis_core.evaluation.settings import GIVEN, list_differences, versions
from iis_core.loop import interact
from iis_core.masks import binarise
from iis_core.metrics.masks import boundary_counts, count
from iis_core.models import IISModel
from iis_core.models.loading import draw_weights_by
from iis_core.plugins.load import load_dataset, load_model
from iis_core.plugins.offers import ModelOrigin, origin_of
from iis_core.types import Clicks, NewClicks

if TYPE_CHECKING:
    from iis_core.evaluation import Run


@dataclass(frozen=True, eq=False)
class Replay:
    """An object of a run with the predictions that its clicks led to.

    Args:
        object: the object.
        record: what happened to it in the run.
        masks: bool (H, W) each: the prediction before the first click, and the one after each.
        differs_at: after how many clicks the counts first differ from the record's; None where all are equal.
    """

    object: EvaluationObject
    record: Record
    masks: tuple[np.ndarray, ...]
    differs_at: int | None


def load_replayed(run: Run, device: str | None = None) -> tuple[IISModel, EvaluationDataset]:
    """Load the model and the dataset that a run's settings name, with the keywords that they had.

    Args:
        run: the run.
        device: a torch device; by default one of the kind that the run used.

    Raises:
        UserError: one of the two was given as a Python object, or is not at hand.
        PluginError: a plugin is at fault.
    """
    for part in ("model", "dataset"):
        given = run.settings[part].get(GIVEN)
        if given is not None:
            raise UserError(
                f"{run.name}: its {part} was given as a Python object ({given}), which cannot be loaded by name: "
                "evaluate it into a new run with `pictures=` to have pictures"
            )
    keywords = {**run.settings["model"]["keywords"], **({} if device is None else {"device": device})}
    dataset = load_dataset(run.dataset, **run.settings["dataset"]["keywords"])
    with draw_weights_by(run.settings["seed"]):
        return load_model(run.model, **keywords), EvaluationDataset(dataset)


def replay_records(
    model: IISModel, dataset: EvaluationDataset, protocol: Protocol, records: Iterable[Record]
) -> Iterator[Replay]:
    """Replay objects, each image read once for all of its objects.

    Args:
        model: the model of the run.
        dataset: the objects of the run, and maybe more.
        protocol: the protocol of the run.
        records: of the objects to replay.

    Raises:
        UserError: the dataset has an object no longer, or in another image.
    """
    places = {name: place for place, name in enumerate(dataset.ids)}
    wanted: dict[int, Record] = {}
    for record in records:
        if record.id not in places:
            raise UserError(f"{name_of(dataset.dataset)} has no object {record.id!r} any more: restore its files")
        wanted[places[record.id]] = record
    for indices in dataset.group_by_image(wanted):
        for evaluated in dataset.read(indices):
            yield replay_record(model, evaluated, wanted[evaluated.index], protocol)


def replay_record(model: IISModel, evaluated: EvaluationObject, record: Record, protocol: Protocol) -> Replay:
    """Let a model answer the clicks of a record again.

    Args:
        model: the model of the run.
        evaluated: the object.
        record: its record.
        protocol: the protocol of the run.

    Raises:
        UserError: the object's image has another size than in the record.
    """
    if evaluated.target.shape != record.shape:
        now, then = (" x ".join(map(str, shape)) for shape in (evaluated.target.shape, record.shape))
        raise UserError(f"{record.id} ({evaluated.path}) has {now} pixels, in the run it had {then}: restore the file")
    image, target, initial_mask = collate([evaluated])
    robot, interactions = _RecordedRobot(record.clicks), len(record.clicks)
    steps = interact(model, robot, image, target, interactions=interactions, initial_mask=initial_mask)
    predictions = [steps.first_y, *(step.y for step in steps)]
    masks = tuple(binarise(y[0, 0], protocol.threshold, protocol.inclusive).numpy() for y in predictions)
    return Replay(evaluated, record, masks, _find_difference(masks, evaluated.target, record))


def explain_differences(run: Run, model: IISModel, dataset: EvaluationDataset) -> list[str]:
    """List what may make replays differ from the records: settings of the run that are other ones now."""
    origins = {"model": origin_of(model), "dataset": origin_of(dataset.dataset)}
    origin = origins["model"]
    now: dict[str, Any] = {
        "versions": versions(),
        "weights_sha256": origin.sha256 if isinstance(origin, ModelOrigin) else None,
        "device": model.device.type,
        "batch_size": 1,
        **{part: {"version": found.offer.claim.version} for part, found in origins.items() if found is not None},
    }
    return list_differences(_choose(run.settings, now), now)


class _RecordedRobot:
    """Clicks what was recorded, whatever the prediction; a `Robot` for a single object."""

    def __init__(self, clicks: tuple[ClickRecord, ...]) -> None:
        self._clicks = clicks

    def __call__(
        self, y: Tensor, target: Tensor, pcs: Clicks, ncs: Clicks, *, n_points: int = 1, rngs: object = None
    ) -> tuple[NewClicks, NewClicks]:
        click = self._clicks[len(pcs)]
        place = (click.row, click.col)
        return ([[place]], [[]]) if click.positive else ([[]], [[place]])


def _find_difference(masks: tuple[np.ndarray, ...], target: np.ndarray, record: Record) -> int | None:
    recorded = [(record.initial, record.initial_boundary), *((each.counts, each.boundary) for each in record.clicks)]
    counted = ((count(mask, target), boundary_counts(mask, target)) for mask in masks)
    pairs = zip(counted, recorded, strict=True)
    return next((made for made, (now, then) in enumerate(pairs) if now != then), None)


def _choose(settings: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    """Choose the settings that another mapping has, too."""
    return {
        key: _choose(settings[key], value) if isinstance(value, Mapping) else settings[key]
        for key, value in like.items()
        if key in settings
    }
