"""Writing the picture and the mask of an object beside the records."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from iis_core.errors import UserError
from iis_core.evaluation.batch import Outcome
from iis_core.files.images import write_image, write_mask
from iis_core.metrics.ratios import iou
from iis_core.report.pictures import render_object
from iis_core.types import SignedClick


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
        write_mask(_name_file(folder / "masks", record.id), outcome.mask)
    if record.index < pictures:
        last = record.clicks[-1].counts if record.clicks else record.initial
        title = f"{record.id}   IoU {iou(last):.3f} after {len(record.clicks)} clicks"
        clicks = [SignedClick(click.row, click.col, click.positive) for click in record.clicks]
        picture = render_object(evaluated.image, evaluated.target, outcome.mask, clicks, title)
        write_image(_name_file(folder / "pictures", record.id), picture)


def _name_file(folder: Path, name: str) -> Path:
    """Name a file after an object; characters that a file name cannot hold are written as %XX."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made: {error.strerror}") from error
    return folder / f"{quote(name, safe=' #+,=@()')}.png"
