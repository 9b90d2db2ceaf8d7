"""The predicted mask and its errors."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from torch import Tensor

ArrayOrTensor = TypeVar("ArrayOrTensor", np.ndarray, Tensor)


def binarise(y: ArrayOrTensor, threshold: float, inclusive: bool) -> ArrayOrTensor:
    """Return the predicted mask.

    Args:
        y: the prediction, probabilities of any shape.
        threshold: the probability above which a pixel belongs to the object, compared in y's dtype.
        inclusive: whether a pixel at the threshold belongs to the object too.

    Returns:
        y > threshold, or y >= threshold where inclusive; bool, in the shape of y.
    """
    return y >= threshold if inclusive else y > threshold


def error_maps(prediction: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the false negatives and the false positives.

    Args:
        prediction: bool (H, W).
        target: int8 (H, W); 1 object, 0 background, -1 ignore, which is never an error.

    Returns:
        False negatives and false positives, bool (H, W) each.
    """
    return (target == 1) > prediction, (target == 0) & prediction
