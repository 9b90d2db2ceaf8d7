"""Records: what happened to one object, click by click, as integers from which every metric is computed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from iis_core.types import Counts

End = Literal["stop_iou", "max_clicks", "no_click"]


@dataclass(frozen=True)
class ClickRecord:
    """One click and the prediction that answered it.

    row, col, positive: its place in image pixels and its sign.
    counts, boundary: pixels right and wrong after it, on the whole mask and on its boundary.
    seconds: per stage; of a batch, an equal share.
    """

    row: int
    col: int
    positive: bool
    counts: Counts
    boundary: Counts
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Record:
    """One object of a run.

    id, index, path, object_id: which object, see `Target`.
    shape: (height, width) of the image.
    initial, initial_boundary: counts of the prediction before the first click.
    clicks: in order.
    end: why there are no more: the stop IoU is reached, the clicks are used up, or the robot has no click
        left to make.
    reading: seconds to read and decode the image and its mask.
    encoding: seconds to encode the image, about 0 where it was encoded for an object before.
    """

    id: str
    index: int
    path: str
    object_id: int | None
    shape: tuple[int, int]
    initial: Counts
    initial_boundary: Counts
    clicks: tuple[ClickRecord, ...]
    end: End
    reading: float
    encoding: float

    def to_json(self) -> str:
        """One line of JSON, without the newline."""
        clicks = [
            {
                "row": click.row,
                "col": click.col,
                "positive": click.positive,
                "counts": click.counts,
                "boundary": click.boundary,
                "seconds": {stage: round(value, 6) for stage, value in click.seconds.items()},
            }
            for click in self.clicks
        ]
        seconds = {"reading": round(self.reading, 6), "encoding": round(self.encoding, 6)}
        return json.dumps({**vars(self), "clicks": clicks, **seconds})

    @classmethod
    def from_json(cls, line: str) -> Record:
        """Raises ValueError, KeyError or TypeError for anything that `to_json` did not write."""
        whole: dict[str, Any] = json.loads(line)
        clicks = tuple(
            ClickRecord(**{**click, "counts": Counts(*click["counts"]), "boundary": Counts(*click["boundary"])})
            for click in whole["clicks"]
        )
        height, width = whole["shape"]
        initial = {key: Counts(*whole[key]) for key in ("initial", "initial_boundary")}
        return cls(**{**whole, **initial, "shape": (height, width), "clicks": clicks})
