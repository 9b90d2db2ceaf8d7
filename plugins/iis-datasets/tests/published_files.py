"""Small files in published layouts, for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from iis_core.testing import check

SHAPE = (30, 40)
IMAGE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (*SHAPE, 3), dtype=np.uint8))
LABELS = np.zeros(SHAPE, np.uint8)
LABELS[2:10, 3:12], LABELS[15:28, 20:38] = 1, 2


def put(path: Path, content: Any) -> Path:
    """Write an image, an array as an image, text or bytes, making folders as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, np.ndarray):
        content = Image.fromarray(content)
    if isinstance(content, Image.Image):
        content.save(path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content)
    return path


def statuses(name: str, **keywords: object) -> dict[str, str]:
    """What does not pass but for the counts, which only the complete set has."""
    results = check(name, **keywords)
    return {r.check: r.reason for r in results if r.status != "passed" and r.check != "check_counts"}
