"""Auditing a run: whether its clicks, given to its model again, give its counts, and what is another here if not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iis_core.evaluation.plan import Plan
from iis_core.evaluation.records import Record
from iis_core.evaluation.replay import Replay, list_counts, replay_records
from iis_core.evaluation.settings import find_differences
from iis_core.metrics.ratios import iou
from iis_core.types import Counts

if TYPE_CHECKING:
    from iis_core.evaluation import Run

Differences = dict[str, tuple[Any, Any]]

_OTHER_THINGS = ("protocol", "robot", "identity")
"""What has no part in a replay."""

_LEFT_OUT = {
    "model": ("keywords",),
    "dataset": ("keywords",),
    "machine": ("name", "cores"),
    "packages": ("numpy", "scipy", "torch"),
}
"""What says nothing, or is said elsewhere."""

_PLACES = ("device", "weights", "root")
"""Keywords that say where something is; the device and the hash of the weights are settings of their own."""


@dataclass(frozen=True)
class Parting:
    """Where a replay first gives other counts than the run.

    Args:
        id: the object.
        click: the number of the click, from 1; 0 for the prediction before the first click.
        recorded: the counts in the run, on the mask and on its boundary.
        replayed: the counts now.
    """

    id: str
    click: int
    recorded: tuple[Counts, Counts]
    replayed: tuple[Counts, Counts]


@dataclass(frozen=True)
class Audit:
    """What came of replaying a run.

    Args:
        objects: how many objects were replayed.
        identical: on how many of them all counts are those of the run.
        largest_difference: the largest difference in IoU, of all predictions for all objects.
        first: where the first object parts, None where all counts are identical.
        differences: what is another here than in the run, `{"versions.torch": ("2.8.0", "2.9.0")}`.
    """

    objects: int
    identical: int
    largest_difference: float
    first: Parting | None
    differences: Mapping[str, tuple[Any, Any]]


def audit(run: Run, plan: Plan, watch: Callable[[Record], None] = lambda record: None) -> Audit:
    """Replay a run and compare.

    Args:
        run: the run.
        plan: as from `plan_replay`.
        watch: is called with the record of every object, once it is replayed.

    Raises:
        UserError: a file of the dataset cannot be read, or is another one.
        PluginError: a plugin is at fault.
        ContractError: a plugin breaks the contract.
    """
    objects = identical = 0
    largest, first = 0.0, None
    for replay in replay_records(plan, run.records):
        objects += 1
        identical += replay.differs_at is None
        largest = max(largest, measure_difference(replay))
        first = find_parting(replay) if first is None else first
        watch(replay.record)
    return Audit(objects, identical, largest, first, find_other_settings(run, plan))


def measure_difference(replay: Replay) -> float:
    """Measure the largest difference in IoU between a replay and the record, over all predictions."""
    pairs = zip(list_counts(replay.replayed), list_counts(replay.record), strict=True)
    return max(abs(iou(now[0]) - iou(then[0])) for now, then in pairs)


def find_parting(replay: Replay) -> Parting | None:
    """Find where the counts of a replay first differ from the record's."""
    click = replay.differs_at
    if click is None:
        return None
    recorded, replayed = (list_counts(record)[click] for record in (replay.record, replay.replayed))
    return Parting(replay.record.id, click, recorded, replayed)


def find_other_settings(run: Run, plan: Plan) -> Differences:
    """Find what may make a replay differ: settings, packages and machine, where they are others now than in the run."""
    provenance = plan.describe_provenance()
    known = {key: provenance[key] for key in ("machine", "commits", "packages") if key in run.provenance}
    before = {**run.settings, **{key: run.provenance[key] for key in known}}
    return find_differences(_choose(before), _choose({**plan.settings, **known}))


def _choose(described: Mapping[str, Any]) -> dict[str, Any]:
    """Choose what a replay depends on."""
    chosen = {key: value for key, value in described.items() if key not in _OTHER_THINGS}
    for part, left_out in _LEFT_OUT.items():
        if isinstance(chosen.get(part), Mapping):
            chosen[part] = {key: value for key, value in chosen[part].items() if key not in left_out}
    for part in ("model", "dataset"):
        keywords = described[part].get("keywords", {})
        chosen[part]["keywords"] = {key: value for key, value in keywords.items() if key not in _PLACES}
    return chosen
