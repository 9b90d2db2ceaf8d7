"""Records: what happened to an object, click by click, as integers from which every metric is computed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from iis_core.evaluation.protocols import Protocol
from iis_core.evaluation.record_checks import check_record
from iis_core.files.reading import parse_json
from iis_core.types import Counts

End = Literal["stop_iou", "max_clicks", "no_click", "recording"]


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
        violated: the numbers of those clicks so far, this one included, whose pixels the prediction has on the wrong
            side; None in records from before this was kept.
    """

    row: int
    col: int
    positive: bool
    counts: Counts
    boundary: Counts
    seconds: Mapping[str, float]
    violated: tuple[int, ...] | None = None


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
        end: why there are no more: the stop IoU is reached, the clicks are used up, the robot has no click left to
            make, or these are all clicks of the recording that was replayed.
        reading: seconds to read and decode the image and its mask.
        encoding: seconds to encode the image, about 0 where it was encoded for an earlier object.
        facts: what else is known of the object, see `describe_object`; None in records from before this was kept.
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
    facts: Mapping[str, Any] | None = None

    def to_json(self) -> str:
        """Return one line of JSON, without the newline; the index is left out, since the list of objects gives it."""
        clicks = [
            {
                "number": number,
                "row": click.row,
                "col": click.col,
                "positive": click.positive,
                "counts": click.counts,
                "boundary": click.boundary,
                "seconds": {stage: round(value, 6) for stage, value in click.seconds.items()},
                **({} if click.violated is None else {"violated": click.violated}),
            }
            for number, click in enumerate(self.clicks, 1)
        ]
        seconds = {"reading": round(self.reading, 6), "encoding": round(self.encoding, 6)}
        content = {**vars(self), "clicks": clicks, **seconds}
        del content["index"]
        if self.facts is None:
            del content["facts"]
        return json.dumps(content)

    @classmethod
    def from_json(cls, line: str | bytes, places: Mapping[str, int], protocol: Protocol) -> Record | None:
        """Read a line written by `to_json`.

        Args:
            line: the line.
            places: the evaluation list, as the index of each id.
            protocol: the rules of the run.

        Returns:
            The record, None where its object is not on the list.

        Raises:
            ValueError: the line is something else, or holds what no evaluation under the protocol writes; the message
                says what.
        """
        content: dict[str, Any] = parse_json(line)
        check_record(content, protocol)
        if content["id"] not in places:
            return None
        clicks = tuple(
            ClickRecord(
                click["row"],
                click["col"],
                click["positive"],
                Counts(*click["counts"]),
                Counts(*click["boundary"]),
                click["seconds"],
                tuple(click["violated"]) if "violated" in click else None,
            )
            for click in content["clicks"]
        )
        height, width = content["shape"]
        initial = {key: Counts(*content[key]) for key in ("initial", "initial_boundary")}
        index = places[content["id"]]
        return cls(**{**content, **initial, "index": index, "shape": (height, width), "clicks": clicks})
