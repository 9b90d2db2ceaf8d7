"""Records: what happened to an object, click by click, as integers from which every metric is computed."""

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

    Args:
        row: in image pixels.
        col: in image pixels.
        positive: whether the click is on the object.
        counts: pixels right and wrong after the click, on the whole mask.
        boundary: the same on the mask's boundary.
        seconds: seconds by stage; in a batch, an equal share.
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

    Args:
        id: the object's stable id, see `EvaluationObject`.
        index: its index in the evaluation list.
        path: the image file.
        object_id: its id in its sample, None where a selector chose the region.
        shape: (height, width) of the image.
        initial: counts of the prediction before the first click, on the whole mask.
        initial_boundary: the same on the mask's boundary.
        clicks: in order.
        end: why there are no more: the stop IoU is reached, the clicks are used up, or the robot has no click left to
            make.
        reading: seconds to read and decode the image and its mask.
        encoding: seconds to encode the image, about 0 where it was encoded for an earlier object.
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
        """Return one line of JSON, without the newline."""
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
        """Read a line written by `to_json`.

        Raises:
            ValueError: the line is something else.
            KeyError: the line is something else.
            TypeError: the line is something else.
        """
        whole: dict[str, Any] = json.loads(line)
        clicks = tuple(
            ClickRecord(**{**click, "counts": Counts(*click["counts"]), "boundary": Counts(*click["boundary"])})
            for click in whole["clicks"]
        )
        height, width = whole["shape"]
        initial = {key: Counts(*whole[key]) for key in ("initial", "initial_boundary")}
        return cls(**{**whole, **initial, "shape": (height, width), "clicks": clicks})
