"""An image and a mask of one's own, for the tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

PIXELS = np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
RGB = Image.fromarray(PIXELS)
LABELS = np.zeros((48, 64), np.uint8)
LABELS[4:20, 5:30], LABELS[25:40, 30:60], LABELS[0, 0] = 3, 200, 255

Save = Callable[..., None]
