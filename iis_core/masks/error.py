"""Where a prediction is wrong."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from torch import Tensor

ArrayOrTensor = TypeVar("ArrayOrTensor", np.ndarray, Tensor)


def binarise(y: ArrayOrTensor, threshold: float, inclusive: bool) -> ArrayOrTensor:
    """The predicted mask, bool: y > threshold, or y >= threshold where inclusive, compared in y's dtype."""
    return y >= threshold if inclusive else y > threshold


def error_maps(prediction: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False negatives and false positives, bool (H, W).

    prediction: bool (H, W).
    target: int8 (H, W); 1 object, 0 background, -1 ignore: never an error.
    """
    return (target == 1) > prediction, (target == 0) & prediction
