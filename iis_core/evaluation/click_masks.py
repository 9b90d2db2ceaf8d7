"""The masks before the first click and after every click of objects of a run, whether they were kept or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iis_core.evaluation.outcomes import CLICK_MASKS
from iis_core.evaluation.records import Record
from iis_core.evaluation.replay import Replay, open_objects, plan_replay, replay_records, require_same_size
from iis_core.files.naming import name_file
from iis_core.files.pages import read_pages

if TYPE_CHECKING:
    from iis_core.evaluation import Run


def masks_after_clicks(
    run: Run,
    records: Iterable[Record] | None = None,
    *,
    dataset_keywords: Mapping[str, Any] | None = None,
    device: str | None = None,
) -> Iterator[Replay]:
    """Yield objects of a run with their masks: read where they were kept, else made again by a replay of the clicks.

    Args:
        run: the run.
        records: those of the objects; by default all that the run has.
        dataset_keywords: keywords of the dataset which take precedence over those that it had in the run.
        device: a torch device for the replay; by default one of the kind that the run used.

    Yields:
        First the objects whose masks were kept, then the others; of those `differs_at` says whether the model answers
        as it did.

    Raises:
        UserError: the model or the dataset is not at hand, or a file is damaged. No model is needed where all masks
            were kept.
        PluginError: a plugin is at fault.

    Example:
        >>> for replay in masks_after_clicks(read_run("runs/a")):
        ...     areas = [int(mask.sum()) for mask in replay.masks]
    """
    chosen = list(run.records if records is None else records)
    files = {record.id: file for record in chosen if (file := _find_file(run, record)) is not None}
    yield from _read_kept(run, [record for record in chosen if record.id in files], files, dataset_keywords or {})
    lacking = [record for record in chosen if record.id not in files]
    if lacking or not chosen:
        plan = plan_replay(run, records=lacking, dataset_keywords=dataset_keywords, device=device)
        yield from replay_records(plan, lacking)


def _find_file(run: Run, record: Record) -> Path | None:
    if run.path is None or not (run.path / CLICK_MASKS).is_dir():
        return None
    file = name_file(run.path / CLICK_MASKS, record.id, ".tif")
    return file if file.exists() else None


def _read_kept(
    run: Run, records: Sequence[Record], files: Mapping[str, Path], dataset_keywords: Mapping[str, Any]
) -> Iterator[Replay]:
    if not records:
        return
    objects, _ = open_objects(run, records, None, dataset_keywords)
    known = {record.id: record for record in records}
    for indices in objects.group_by_image(range(len(objects))):
        for evaluated in objects.read(indices):
            record = known[evaluated.id]
            require_same_size(evaluated, record)
            masks = read_pages(files[record.id], 1 + len(record.clicks), record.shape)
            yield Replay(evaluated, record, record, masks)
