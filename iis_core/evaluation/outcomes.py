"""Writing pictures and masks of objects beside the records."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from iis_core.errors import UserError
from iis_core.evaluation.batch import Outcome
from iis_core.evaluation.plan import Plan
from iis_core.evaluation.records import Record
from iis_core.evaluation.replay import Replay, replay_records
from iis_core.files.images import write_image, write_mask
from iis_core.files.naming import name_file
from iis_core.report.pictures import render_record


def write_outcome(folder: Path, outcome: Outcome, *, pictures: int, save_masks: bool) -> None:
    """Write the last mask to `masks/ID.png`, and, for the first objects, the picture to `pictures/ID.png`.

    Args:
        folder: the run folder.
        outcome: what came of one object.
        pictures: how many objects of the evaluation list, from the first, get a picture.
        save_masks: whether masks are written.

    Raises:
        UserError: a file cannot be written.
    """
    evaluated, record = outcome.object, outcome.record
    if save_masks:
        write_mask(name_file(folder / "masks", record.id, ".png"), outcome.mask)
    if record.index < pictures:
        picture = render_record(evaluated, record, outcome.mask)
        write_image(name_file(folder / "pictures", record.id, ".png"), picture)


def complete_outcomes(folder: Path, plan: Plan, records: Iterable[Record], *, pictures: int, save_masks: bool) -> None:
    """Write the pictures and masks that objects evaluated before do not have yet, by replaying their clicks.

    Args:
        folder: the run folder.
        plan: the evaluation.
        records: of the objects.
        pictures: how many objects of the evaluation list, from the first, get a picture.
        save_masks: whether masks are written.

    Raises:
        UserError: a file cannot be written, or the model does not answer as it did, so that a mask would be another.
    """
    folders = {"masks": len(plan.dataset) if save_masks else 0, "pictures": pictures}
    lacking = [
        record
        for record in records
        if any(
            record.index < first and not name_file(folder / kind, record.id, ".png").exists()
            for kind, first in folders.items()
        )
    ]
    for replay in replay_records(plan.model, plan.dataset, plan.protocol, lacking):
        if replay.differs_at is not None:
            raise UserError(
                f"{replay.record.id}: the model does not answer as in the run (from click {replay.differs_at} on), so "
                "its picture and mask cannot be made any more: evaluate into another folder"
            )
        outcome = Outcome(replay.object, replay.record, replay.masks[-1])
        write_outcome(folder, outcome, pictures=pictures, save_masks=save_masks)


def write_pictures(folder: Path, replay: Replay, *, every_click: bool, replace: bool) -> list[Path]:
    """Write the picture of a replayed object to `ID.png`, or those after each of its clicks to `ID-clickNN.png`.

    Args:
        folder: where they are written.
        replay: the object.
        every_click: whether to draw the prediction before the first click and after each, or the last one alone.
        replace: whether files of these names may be replaced, which elsewhere may be a dataset's images.

    Returns:
        The files.

    Raises:
        UserError: a file is there already, or cannot be written.
    """
    last = len(replay.masks) - 1
    files = []
    for made in range(last + 1) if every_click else [last]:
        differs = replay.differs_at is not None and made >= replay.differs_at
        note = " in the run; this replay differs" if differs else ""
        picture = render_record(replay.object, replay.record, replay.masks[made], made, note)
        ending = f"-click{made:02}.png" if every_click else ".png"
        file = name_file(folder, replay.record.id, ending)
        if file.exists() and not replace:
            raise UserError(f"{file} is there already: remove it, or choose another --out")
        write_image(file, picture)
        files.append(file)
    return files
