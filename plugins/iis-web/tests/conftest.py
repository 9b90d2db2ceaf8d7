"""A desk with a model of disks, which is fast and shows what it was asked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from iis_web.desk import Desk
from iis_web.engine import Engine
from iis_web.keeping import keep_folder
from iis_web.photographs import open_files
from iis_web.session import Session
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent))

from browsing import ARGUMENTS, CHROMIUM
from web_disks import Disks, draw_photograph, open_client, write_photograph


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder of two photographs."""
    folder = tmp_path / "photographs"
    write_photograph(folder / "one.png", draw_photograph())
    write_photograph(folder / "two.png", draw_photograph(60, 80, 1))
    return folder


@pytest.fixture
def disks() -> Disks:
    return Disks()


@pytest.fixture
def make_desk(photographs: Path, disks: Disks, tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Make a desk on the photographs; everything can be another."""
    made: list[Desk] = []

    def make(**changed: Any) -> Desk:
        folder = tmp_path / "clicks"
        models = changed.pop("models", [disks])
        listed = changed.pop("photographs", None) or open_files([photographs])
        engines = [Engine(f"disks {place}", model) for place, model in enumerate(models)]
        folders = [folder] if len(engines) == 1 else [folder / str(place) for place in range(len(engines))]
        usual = {"threshold": 0.49, "folders": folders, "keep": keep_folder}
        made.append(Desk(listed, engines, Session(folder, "here"), **{**usual, **changed}))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


@pytest.fixture
def client(desk: Desk) -> Iterator[TestClient]:
    """The API of the desk, as its page calls it."""
    with open_client(desk) as client:
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; .ci/run installs it where it can. Playwright's event loop runs until the end of the module."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()
