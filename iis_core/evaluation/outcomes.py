"""Writing the picture and the mask of an object beside the records."""

from __future__ import annotations

from pathlib import Path

from iis_core.evaluation.batch import Outcome
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
