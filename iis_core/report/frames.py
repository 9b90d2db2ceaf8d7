"""Runs as a pandas table. pandas is imported here only; it comes with `iis-core[frame]`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from iis_core.errors import UserError
from iis_core.evaluation import Run
from iis_core.metrics.ratios import iou

if TYPE_CHECKING:
    import pandas as pd

    from iis_core.evaluation.records import Record
    from iis_core.types import Counts

_REPEATED = ("run", "model", "dataset", "protocol", "id", "path", "end")
"""Texts that many rows share."""

_STAGES = ("initialize", "model", "robot")
_CLICK_COLUMNS = (
    "click", "row", "col", "positive",
    "tp", "fp", "fn", "iou", "boundary_tp", "boundary_fp", "boundary_fn", "boundary_iou",
    "violated", *(f"seconds_{stage}" for stage in _STAGES),
)  # fmt: skip
_TYPES = {"row": "Int64", "col": "Int64", "positive": "boolean", "violated": "Int64"}
"""Of columns that have no value before the first click."""


def frame(runs: Run | Iterable[Run]) -> pd.DataFrame:
    """Make a table of runs with one row per object and click.

    Args:
        runs: a run or several.

    Returns:
        The columns `run`, `model`, `dataset`, `protocol`, `seed`; of the object `id`, `path`, `object_id`, `height`,
            `width`, `end`, `reading` and `encoding` in seconds, and the facts of its record such as `class`; of the
            click its number `click`, `row`, `col`, `positive`, and, after the answer to it, `tp`, `fp`, `fn`, `iou`,
            `boundary_tp`, `boundary_fp`, `boundary_fn`, `boundary_iou`, how many clicks are `violated`, and seconds by
            stage, such as `seconds_model`. Click 0 is the prediction before the first click: it has no place, sign and
            seconds.

    Raises:
        UserError: pandas is missing.

    Example:
        >>> table = iis_core.frame([first, second])  # doctest: +SKIP
        >>> table[table.click == 5].groupby("model").iou.mean()  # doctest: +SKIP
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise UserError("tables of runs need pandas: run `pip install 'iis-core[frame]'`") from error
    listed = [runs] if isinstance(runs, Run) else list(runs)
    parts = [_make_part(pd, run) for run in listed]
    if not parts:
        return pd.DataFrame()
    whole = pd.concat(parts, ignore_index=True)
    return whole.astype(dict.fromkeys([name for name in _REPEATED if name in whole], "category"))


def _make_part(pd: Any, run: Run) -> pd.DataFrame:
    described = {
        "run": run.name,
        "model": run.model,
        "dataset": run.dataset,
        "protocol": run.protocol.label,
        "seed": run.settings["seed"],
    }
    objects = pd.DataFrame([{**described, **_describe_object(record)} for record in run.records])
    clicks = pd.DataFrame(
        [(place, *row) for place, record in enumerate(run.records) for row in _list_rows(record)],
        columns=["place", *_CLICK_COLUMNS],
    ).astype(_TYPES)
    return objects.merge(clicks, left_index=True, right_on="place").drop(columns="place")


def _describe_object(record: Record) -> dict[str, Any]:
    height, width = record.shape
    facts = {name: value for name, value in (record.facts or {}).items() if name not in _CLICK_COLUMNS}
    return {
        **facts,
        "id": record.id,
        "path": record.path,
        "object_id": record.object_id,
        "height": height,
        "width": width,
        "end": record.end,
        "reading": record.reading,
        "encoding": record.encoding,
    }


def _list_rows(record: Record) -> Iterator[tuple[Any, ...]]:
    """List the values of `_CLICK_COLUMNS`, before the first click and after each."""
    yield (0, None, None, None, *_describe_counts(record.initial, record.initial_boundary), None, None, None, None)
    for number, click in enumerate(record.clicks, 1):
        yield (
            number,
            click.row,
            click.col,
            click.positive,
            *_describe_counts(click.counts, click.boundary),
            None if click.violated is None else len(click.violated),
            *(click.seconds.get(stage) for stage in _STAGES),
        )


def _describe_counts(counts: Counts, boundary: Counts) -> tuple[float, ...]:
    return (*counts, iou(counts), *boundary, iou(boundary))
