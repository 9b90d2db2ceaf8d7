"""How long each stage of a run took."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from iis_core.evaluation.records import Record


class Latency(NamedTuple):
    """How long a stage took.

    Attributes:
        p50: the median, in milliseconds.
        p95: the 95th percentile.
    """

    p50: float
    p95: float


def measure_latency(records: Iterable[Record]) -> dict[str, Latency]:
    """Measure each stage: encoding an image, the model's answers, the robot's clicks, reading an image.

    Args:
        records: one record per object.

    Returns:
        The stages that the records have, in the order of the data. Encoding is that of the images; where objects share
            one, it counts once.
    """
    stages: dict[str, list[float]] = {
        stage: [] for stage in ("reading", "encode", "first click", "later clicks", "robot")
    }
    encoded: dict[str, float] = {}
    for record in records:
        stages["reading"].append(record.reading)
        image = record.path or record.id
        encoded[image] = max(record.encoding, encoded.get(image, 0.0))
        for number, click in enumerate(record.clicks):
            answer = click.seconds["model"] + click.seconds.get("initialize", 0.0)
            stages["later clicks" if number else "first click"].append(answer)
            stages["robot"].append(click.seconds["robot"])
    stages["encode"] = [seconds for seconds in encoded.values() if seconds > 0]
    return {stage: _find_percentiles(seconds) for stage, seconds in stages.items() if seconds}


def _find_percentiles(seconds: list[float]) -> Latency:
    return Latency(*(1000 * np.percentile(seconds, [50, 95])).tolist())
