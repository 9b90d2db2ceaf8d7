"""`iis pictures`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iis_core.cli.options import PATH
from iis_core.cli.terminal import say
from iis_core.errors import UserError, near_matches
from iis_core.files.writing import refuse_folder_of_inputs

if TYPE_CHECKING:
    from iis_core.evaluation import Run
    from iis_core.evaluation.records import Record
    from iis_core.evaluation.replay import Replay


@click.command()
@click.argument("run", type=PATH)
@click.option("--worst", type=click.IntRange(min=1), metavar="N", help="The N objects that went worst.")
@click.option("--ids", metavar="ID,ID,...", help="The objects with these ids. Without --worst and --ids: all.")
@click.option("--every-click", is_flag=True, help="A picture before the first click and after each, not only the last.")
@click.option("--device", help="Torch device of the model; by default one of the kind that the run used.")
@click.option("--out", type=PATH, metavar="DIR", help="Where to write; by default RUN/pictures.")
def pictures(
    run: Path, worst: int | None, ids: str | None, every_click: bool, device: str | None, out: Path | None
) -> None:
    """Draw objects of a finished or unfinished RUN, by replaying the clicks in its records.

    The model and the dataset are loaded as the run names them. Where the replay gives other counts than the records,
    it says so.
    """
    if worst is not None and ids is not None:
        raise UserError("give --worst or --ids, not both")
    if out is None and run.is_file():
        raise UserError(f"{run} is a bundle: say by --out DIR where to write the pictures")
    from iis_core.evaluation import read_run

    found = read_run(run)
    root = found.settings["dataset"].get("keywords", {}).get("root")
    if out is not None and root is not None:
        refuse_folder_of_inputs(out, Path(root))
    records = _choose_records(found, worst, None if ids is None else ids.split(","))
    from iis_core.evaluation.click_masks import masks_after_clicks
    from iis_core.evaluation.outcomes import write_pictures

    different: list[Replay] = []
    folder = run / "pictures" if out is None else out
    for replay in masks_after_clicks(found, records, device=device):
        for file in write_pictures(folder, replay, every_click=every_click, replace=out is None):
            say(file)
        if replay.differs_at is not None:
            different.append(replay)
    if different:
        say(_explain(found, device, different, len(records)), err=True)


def _choose_records(run: Run, worst: int | None, ids: Sequence[str] | None) -> list[Record]:
    """Choose the records to draw.

    Raises:
        UserError: the run has no records, or none of an id.
    """
    from iis_core.metrics import usual_thresholds, worst_first

    if not run.records:
        raise UserError(f"{run.path} has no records yet: go on with `iis evaluate ... --out {run.path}`")
    if ids is not None:
        by_id = {record.id: record for record in run.records}
        for name in ids:
            if name not in by_id:
                hint = near_matches(name, by_id) or f"; the first is {run.records[0].id!r}"
                raise UserError(f"{run.path} has no record of {name!r}{hint}")
        return [by_id[name] for name in ids]
    if worst is None:
        return list(run.records)
    threshold = max(usual_thresholds(run.protocol), default=run.protocol.stop_iou or 1.0)
    return worst_first(run.records, threshold, run.protocol)[:worst]


def _explain(run: Run, device: str | None, different: Sequence[Replay], drawn: int) -> str:
    from iis_core.evaluation.audit import find_other_settings
    from iis_core.evaluation.replay import plan_replay
    from iis_core.evaluation.settings import show_differences

    first = f"{different[0].record.id} after click {different[0].differs_at}"
    plan = plan_replay(run, records=[different[0].record], device=device)
    causes = "; ".join(show_differences(find_other_settings(run, plan)))
    why = causes or "nothing that the run names has changed: its files may have, or the model is not deterministic"
    return f"{len(different)} of {drawn} replays differ from their records (the first is {first}): {why}"
