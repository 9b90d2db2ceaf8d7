"""The order in which clicks were made."""

from __future__ import annotations

from iis_core.types import Clicks, SignedClick


def order_clicks(pcs: Clicks, ncs: Clicks, element: int) -> list[SignedClick]:
    """List the clicks of one batch element in order: by interaction, positives before negatives.

    Args:
        pcs: positive clicks, `[interaction][batch element][click]`.
        ncs: negative clicks, in the same form.
        element: the index of the batch element.

    Returns:
        The clicks, each with its sign.

    Example:
        >>> order_clicks([[[(5, 7)]], [[]]], [[[]], [[(0, 1)]]], element=0)
        [SignedClick(row=5, col=7, positive=True), SignedClick(row=0, col=1, positive=False)]
    """
    return [
        SignedClick(row, col, positive)
        for positives, negatives in zip(pcs, ncs, strict=True)
        for positive, clicks in ((True, positives[element]), (False, negatives[element]))
        for row, col in clicks
    ]
