"""What the tests share: files of one's own in a folder, and the modules beside this one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from iis_core import Sample, load_dataset

sys.path.insert(0, str(Path(__file__).parent))

from own_files import LABELS, RGB, Save


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def save(name: str, image: Image.Image, **options: object) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, **options)

    return save


@pytest.fixture
def read(tmp_path: Path, save: Save) -> Callable[..., Sample]:
    """The first sample of the folder, with a plain image and mask where the test wrote none."""

    def read(**keywords: object) -> Sample:
        for folder, plain in (("images", RGB), ("masks", Image.fromarray(LABELS))):
            if not (tmp_path / folder).exists():
                save(f"{folder}/a.png", plain)
        return load_dataset("folder", root=str(tmp_path), **keywords)[0]

    return read
