"""Photographs, targets, clicks and masks of objects, small enough to be part of the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from iis_core.errors import UserError
from iis_core.report.drawing import SKY
from iis_core.report.page.objects import Group
from iis_core.report.pictures import Window, find_window, resize
from iis_core.types import SignedClick

if TYPE_CHECKING:
    from iis_core.evaluation.records import Record
    from iis_core.evaluation.replay import Replay

_SIDE = 480
"""The longest that the longer side of a picture is, in pixels."""

_QUALITY = 75
_TOLERANCE = 0.5
"""By how many pixels an outline may be off, so that it needs fewer points."""

Described = dict[str, Any]


def add_pictures(group: Group, objects: Iterable[Described], wanted: Collection[str]) -> list[str]:
    """Add pictures to the descriptions of objects, and the clicks and masks of every run.

    Args:
        group: entries of the same objects.
        objects: what `describe_objects` returns; those that are wanted get `picture`, and `clicks`, `masks` and
            `differs_at` for every run whose masks can be made.
        wanted: the ids of the objects to show.

    Returns:
        Which runs have no masks, and why: the model or the files of the dataset are not at hand.
    """
    from iis_core.evaluation.click_masks import masks_after_clicks

    known = {described["id"]: described for described in objects if described["id"] in wanted}
    clicks = {
        name: [click for entry in group.values() for click in _list_clicks(entry.runs[0][name])] for name in known
    }
    missing = []
    for name, entry in group.items():
        run = entry.runs[0]
        try:
            for replay in masks_after_clicks(run, [run[wanted_id] for wanted_id in known]):
                described = known[replay.record.id]
                window = find_window(replay.object.target, clicks[replay.record.id])
                described.setdefault("picture", _render_photograph(replay, window))
                described["runs"][name] |= _render_answers(replay, window)
        except UserError as error:
            missing.append(f"no masks of {name}: {error}")
    return missing


def _list_clicks(record: Record) -> list[SignedClick]:
    return [SignedClick(click.row, click.col, click.positive) for click in record.clicks]


def _render_photograph(replay: Replay, window: Window) -> Described:
    """Render the photograph with the outlines of what is to be found and of what is ignored."""
    target = replay.object.target[window]
    scale = _find_scale(window)
    photograph = resize(replay.object.image[window], scale)
    return {
        "width": photograph.shape[1],
        "height": photograph.shape[0],
        "photograph": _write_image(Image.fromarray(photograph), quality=_QUALITY),
        "target": trace(resize((target == 1).astype(np.uint8), scale)),
        "ignored": trace(resize((target == -1).astype(np.uint8), scale)),
        "is_part": target.shape != replay.object.target.shape,
    }


def _render_answers(replay: Replay, window: Window) -> Described:
    """Render the masks before the first click and after each; clicks are in pixels of the picture."""
    scale = _find_scale(window)
    rows, columns = window
    return {
        "clicks": [
            {
                "x": round((click.col - columns.start + 0.5) * scale, 1),
                "y": round((click.row - rows.start + 0.5) * scale, 1),
                "positive": click.positive,
            }
            for click in _list_clicks(replay.record)
        ],
        "masks": [encode_mask(resize(mask[window].astype(np.uint8), scale)) for mask in replay.masks],
        "differs_at": replay.differs_at,
    }


def _find_scale(window: Window) -> float:
    """Find by how much the part of an image is made smaller; browsers make it larger."""
    longest: int = max(part.stop - part.start for part in window)
    return min(1.0, _SIDE / longest)


def encode_mask(mask: np.ndarray) -> str:
    """Encode a mask as an image whose background is transparent, losslessly.

    WebP needs three fifths of the bytes that a PNG of one bit per pixel does.

    Args:
        mask: uint8 (H, W) in {0, 1}.

    Returns:
        A URI that holds the image.
    """
    colours = np.array([(0, 0, 0, 0), (*SKY, 255)], np.uint8)
    return _write_image(Image.fromarray(colours[mask]), lossless=True)


def trace(mask: np.ndarray) -> str:
    """Trace the outlines of a mask as the path of an SVG image.

    Args:
        mask: uint8 (H, W) in {0, 1}.
    """
    outlines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    simplified = (cv2.approxPolyDP(outline, _TOLERANCE, True)[:, 0] for outline in outlines)
    return "".join(
        "M" + "L".join(f"{x + 0.5:g},{y + 0.5:g}" for x, y in points.tolist()) + "Z" for points in simplified
    )


def _write_image(image: Image.Image, **options: Any) -> str:
    content = io.BytesIO()
    image.save(content, "WEBP", **options)
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
