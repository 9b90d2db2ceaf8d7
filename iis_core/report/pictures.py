"""Pictures of what happened to an object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from iis_core.metrics.ratios import iou
from iis_core.report.drawing import BLUE, GREEN, GREY, ORANGE, SKY, add_caption, mark_clicks, outline, tint
from iis_core.types import SignedClick

if TYPE_CHECKING:
    from iis_core.datasets import EvaluationObject
    from iis_core.evaluation.records import Record

_SIDE = 480
"""The longer side of a panel, in pixels."""

_LEAST_HEIGHT, _LEAST_WIDTH = 40, 320
"""What numbers and captions need."""

_LEAST_MARGIN = 8
"""Around a small object, in pixels of the image."""

Window = tuple[slice, slice]
"""The rows and columns that are shown."""


def render_record(
    evaluated: EvaluationObject, record: Record, mask: np.ndarray, made: int | None = None, note: str = ""
) -> np.ndarray:
    """Render what came of an object after some of its clicks.

    Args:
        evaluated: the object.
        record: what happened to it.
        mask: bool (H, W), the prediction after these clicks.
        made: the number of clicks; by default all.
        note: what else to say in the title.

    Returns:
        uint8 (H', W', 3) RGB, see `render_object`.
    """
    clicks = [SignedClick(click.row, click.col, click.positive) for click in record.clicks]
    made = len(clicks) if made is None else made
    counts = record.clicks[made - 1].counts if made else record.initial
    title = f"{record.id}   IoU {iou(counts):.3f} after {made} {'click' if made == 1 else 'clicks'}{note}"
    window = find_window(evaluated.target, clicks)
    return render_object(evaluated.image, evaluated.target, mask, clicks[:made], title, window)


def render_object(
    image: np.ndarray,
    target: np.ndarray,
    mask: np.ndarray,
    clicks: Sequence[SignedClick],
    title: str,
    window: Window | None = None,
) -> np.ndarray:
    """Render four panels under a title: clicks, target, prediction, error.

    Clicks are numbered, a green disk on the object and a vermillion square on the background. In the error panel
    missing pixels are blue, excess pixels orange, ignored ones grey.

    Args:
        image: uint8 (H, W, 3) RGB.
        target: int8 (H, W); 1 object, 0 background, -1 ignore.
        mask: bool (H, W), the prediction.
        clicks: in order.
        title: one line above the panels.
        window: the part of the image to show; by default what `find_window` finds.

    Returns:
        uint8 (H', W', 3) RGB.
    """
    window = find_window(target, clicks) if window is None else window
    wrong_outside = _count_wrong(target, mask) - _count_wrong(target[window], mask[window])
    scale = _SIDE / max(target[window].shape)
    photograph, shown_target, shown_mask = (
        resize(array[window], scale) for array in (image, target, mask.astype(np.int8))
    )
    is_object, is_ignored = shown_target == 1, shown_target == -1
    grey = np.repeat(cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)
    wanted = tint(tint(photograph, is_object, GREEN), is_ignored, GREY)
    predicted = outline(tint(photograph, shown_mask == 1, SKY), is_object)
    missing, excess = is_object & (shown_mask == 0), (shown_target == 0) & (shown_mask == 1)
    wrong = tint(tint(tint(grey, missing, BLUE, 0.8), excess, ORANGE, 0.8), is_ignored, GREY, 0.8)
    shown_clicks = [_place(click, window, scale) for click in clicks]
    enlarged = f", enlarged from a part of {_describe_size(target)}" if target[window].shape != target.shape else ""
    outside = f"; {wrong_outside} px outside" if wrong_outside else ""
    panels = {
        f"clicks{enlarged}": mark_clicks(_pad(photograph), shown_clicks),
        "target": _pad(wanted),
        "prediction, target outlined": _pad(predicted),
        f"error: missing blue, excess orange{outside}": mark_clicks(_pad(wrong), shown_clicks),
    }
    captioned = [add_caption(panel, caption) for caption, panel in panels.items()]
    rows = [np.hstack(captioned[:2]), np.hstack(captioned[2:])]
    return add_caption(np.vstack(rows), title)


def find_window(target: np.ndarray, clicks: Sequence[SignedClick]) -> Window:
    """Find the part of an image that shows a small object and all clicks, with a margin around them.

    Args:
        target: int8 (H, W); 1 object, 0 background, -1 ignore.
        clicks: in image pixels.

    Returns:
        The whole image where object and clicks are longer than a quarter of it.
    """
    whole = (slice(0, target.shape[0]), slice(0, target.shape[1]))
    spans = [
        np.concatenate([own, np.array([click[axis] for click in clicks], int)])
        for axis, own in enumerate(np.nonzero(target == 1))
    ]
    longest = max((int(np.ptp(span)) + 1 for span in spans if span.size), default=0)
    if not longest or 4 * longest > max(target.shape):
        return whole
    margin = max(_LEAST_MARGIN, longest // 2)
    rows, columns = (
        slice(max(0, int(span.min()) - margin), min(side, int(span.max()) + margin + 1))
        for span, side in zip(spans, target.shape, strict=True)
    )
    return rows, columns


def _count_wrong(target: np.ndarray, mask: np.ndarray) -> int:
    return int(np.count_nonzero((target != -1) & ((target == 1) != mask)))


def _describe_size(target: np.ndarray) -> str:
    return f"{target.shape[1]} x {target.shape[0]}"


def resize(array: np.ndarray, scale: float) -> np.ndarray:
    """Scale an image smoothly, uint8 (H, W, 3), or a mask without mixing its values, (H, W)."""
    height, width = (max(1, round(side * scale)) for side in array.shape[:2])
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    array = np.ascontiguousarray(array)
    return cv2.resize(array, (width, height), interpolation=smooth if array.ndim == 3 else cv2.INTER_NEAREST)


def _pad(panel: np.ndarray) -> np.ndarray:
    """Make a panel of a very long or wide image large enough for text, to the right and at the bottom."""
    missing = (max(0, least - side) for least, side in zip((_LEAST_HEIGHT, _LEAST_WIDTH), panel.shape[:2], strict=True))
    return np.pad(panel, [*((0, pixels) for pixels in missing), (0, 0)], constant_values=30)


def _place(click: SignedClick, window: Window, scale: float) -> SignedClick:
    """Find the pixel of a panel that shows the middle of a clicked pixel."""
    row, col = (int((at - part.start + 0.5) * scale) for at, part in zip(click[:2], window, strict=True))
    return SignedClick(row, col, click[2])
