"""The clicks of a run, to be given to a model again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from iis_core.evaluation.records import Record
from iis_core.robots import Robot
from iis_core.types import Clicks, NewClicks, SignedClick


@dataclass(frozen=True, eq=False)
class Recording:
    """The clicks that were made on objects.

    Args:
        clicks: in order, by the id of the object.
    """

    clicks: Mapping[str, Sequence[SignedClick]]

    @property
    def sha256(self) -> str:
        """The hash of objects and clicks, which tells the recording from others."""
        return hashlib.sha256(json.dumps(sorted(self.clicks.items())).encode()).hexdigest()

    def play(self, name: str) -> Robot:
        """Return a robot that makes the clicks of one object, whatever the prediction, and then no more."""
        return _RecordedRobot(self.clicks[name])


def record_clicks(records: Iterable[Record]) -> Recording:
    """Take the clicks of records."""
    return Recording(
        {
            record.id: [SignedClick(click.row, click.col, click.positive) for click in record.clicks]
            for record in records
        }
    )


class _RecordedRobot:
    """A `Robot` for a single object."""

    def __init__(self, clicks: Sequence[SignedClick]) -> None:
        self._clicks = clicks

    def __call__(
        self, y: Tensor, target: Tensor, pcs: Clicks, ncs: Clicks, *, n_points: int = 1, rngs: object = None
    ) -> tuple[NewClicks, NewClicks]:
        if len(pcs) == len(self._clicks):
            return [[]], [[]]
        row, col, positive = self._clicks[len(pcs)]
        return ([[(row, col)]], [[]]) if positive else ([[]], [[(row, col)]])
