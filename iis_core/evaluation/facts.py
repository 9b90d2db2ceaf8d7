"""What a record keeps of its object besides the clicks, so that a report can sort objects by it without the dataset."""

from __future__ import annotations

from typing import Any

import numpy as np

from iis_core.datasets import EvaluationObject
from iis_core.masks.border import inner_border
from iis_core.masks.components import components


def describe_object(evaluated: EvaluationObject) -> dict[str, Any]:
    """Describe an object by its target and by what its dataset says of it.

    Args:
        evaluated: the object.

    Returns:
        The dataset's facts by name, such as `class`, then `components`, the number of 8-connected components of the
            target, and `border`, how many of its pixels touch its outside or the edge of the image.
    """
    target = evaluated.target == 1
    border = int(np.count_nonzero(inner_border(target, 1)))
    return {**evaluated.facts, "components": len(components(target)), "border": border}
