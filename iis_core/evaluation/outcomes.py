"""Writing pictures and masks of objects beside the records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from iis_core.errors import UserError
from iis_core.evaluation.batch import Outcome
from iis_core.evaluation.plan import Plan
from iis_core.evaluation.records import Record
from iis_core.evaluation.replay import Replay, replay_records
from iis_core.files.images import write_image, write_mask
from iis_core.files.naming import name_file
from iis_core.files.pages import write_pages
from iis_core.report.pictures import render_record

SavedMasks: TypeAlias = bool | Literal["every"]
"""Whether the last mask of every object is kept, or those before the first click and after every click."""

MASKS, CLICK_MASKS, PICTURES = "masks", "click-masks", "pictures"
"""The subfolders of a run folder."""


@dataclass(frozen=True)
class Keeping:
    """What is kept of objects beside their records.

    Args:
        folder: the run folder.
        pictures: how many objects of the evaluation list, from the first, get `pictures/ID.png`.
        save_masks: whether all get `masks/ID.png`, or `click-masks/ID.tif` of a page for every mask.
    """

    folder: Path
    pictures: int
    save_masks: SavedMasks

    @property
    def every_mask(self) -> bool:
        return self.save_masks == "every"

    def list_files(self, record: Record) -> dict[str, Path]:
        """List the files of an object, by the subfolder; their folders are made."""
        endings = {
            MASKS: ".png" if self.save_masks is True else None,
            CLICK_MASKS: ".tif" if self.every_mask else None,
            PICTURES: ".png" if record.index < self.pictures else None,
        }
        return {
            place: name_file(self.folder / place, record.id, ending)
            for place, ending in endings.items()
            if ending is not None
        }


def write_outcome(keeping: Keeping, outcome: Outcome) -> None:
    """Write what is kept of one object.

    Args:
        keeping: what is kept.
        outcome: what came of the object.

    Raises:
        UserError: a file cannot be written.
    """
    files = keeping.list_files(outcome.record)
    if MASKS in files:
        write_mask(files[MASKS], outcome.masks[-1])
    if CLICK_MASKS in files:
        write_pages(files[CLICK_MASKS], outcome.masks)
    if PICTURES in files:
        write_image(files[PICTURES], render_record(outcome.object, outcome.record, outcome.masks[-1]))


def complete_outcomes(keeping: Keeping, plan: Plan, records: Iterable[Record]) -> None:
    """Write what is to be kept of objects evaluated before and is not there yet, by replaying their clicks.

    Args:
        keeping: what is kept.
        plan: the evaluation.
        records: of the objects.

    Raises:
        UserError: a file cannot be written, or the model does not answer as it did, so that a mask would be another.
    """
    lacking = [record for record in records if not all(file.exists() for file in keeping.list_files(record).values())]
    for replay in replay_records(plan, lacking):
        if replay.differs_at is not None:
            raise UserError(
                f"{replay.record.id}: the model does not answer as in the run (from click {replay.differs_at} on), so "
                "its picture and mask cannot be made any more: evaluate into another folder"
            )
        write_outcome(keeping, Outcome(replay.object, replay.record, replay.masks))


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
