"""`iis click`: its options, a kill in the middle, and what is there afterwards."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result
from iis_web.command import click_command

from iis_core import UserError
from iis_core.types import SignedClick

CLICKS = [[20, 30, True], [50, 80, False]]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(click_command, [*map(str, arguments)], prog_name="iis click")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "give images or a --dataset"),
        (["PHOTOGRAPHS", "--dataset", "sample"], "give images or a --dataset"),
        (["missing.png"], "missing.png is neither an image file nor a folder of images"),
        (["PHOTOGRAPHS", "--masks", "missing"], "--masks missing is not a folder"),
        (["PHOTOGRAPHS/empty"], "holds no images"),
        (["PHOTOGRAPHS/one.png", "PHOTOGRAPHS/empty/../more/one.png"], "would both be kept as 'one'"),
        (["PHOTOGRAPHS", "--set", "working_siz=3"], "did you mean 'working_size'"),
        (["PHOTOGRAPHS", "--host", "192.0.2.1"], "cannot be served"),
        (["PHOTOGRAPHS", "--out", "PHOTOGRAPHS"], "holds other files"),
    ],
)
def test_a_mistake_is_told_before_anything_is_served(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (photographs / "empty").mkdir()
    (photographs / "more").mkdir()
    (photographs / "more" / "one.png").write_bytes((photographs / "one.png").read_bytes())
    result = run(*(text.replace("PHOTOGRAPHS", str(photographs)) for text in arguments), "--no-browser")
    assert isinstance(result.exception, UserError), result.output
    assert reason in str(result.exception)


def test_what_is_kept_among_the_photographs_is_no_photograph(photographs: Path) -> None:
    from iis_web.photographs import open_files

    out = photographs / "clicks"
    (out / "images").mkdir(parents=True)
    (out / "images" / "one.png").write_bytes((photographs / "one.png").read_bytes())
    assert [each.id for each in open_files([photographs], out=out)] == ["one", "two"]


@contextmanager
def serve(folder: Path, *arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command as a process of its own; gives the process and the address of its page."""
    command = [sys.executable, "-P", "-m", "iis_core", "click", *map(str, arguments), "--no-browser"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        found = re.search(r"Open (http\S+/) ", process.stdout.readline())
        assert found is not None
        yield process, found[1]
    finally:
        process.kill()
        process.wait()


def put(url: str, number: int, revision: int) -> Any:
    content = {"clicks": CLICKS, "name": f"object {number}", "revision": revision}
    return httpx2.put(f"{url}api/images/0/objects/{number}", json=content).json()


@pytest.mark.slow
def test_a_kill_loses_nothing_and_an_end_writes_the_masks(photographs: Path, tmp_path: Path) -> None:
    arguments = (photographs, "--set", "working_size=64")
    with serve(tmp_path, *arguments) as (process, url):
        put(url, 1, 0)
        put(url, 2, 0)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "clicks" / "masks").exists()
    with serve(tmp_path, *arguments) as (process, url):
        described = httpx2.get(f"{url}api/images/0").json()
        assert [(each["number"], each["name"], each["clicks"]) for each in described["objects"]] == [
            (1, "object 1", CLICKS),
            (2, "object 2", CLICKS),
        ]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert (tmp_path / "clicks" / "masks" / "one.png").is_file()


def test_a_folder_of_clicks_is_evaluated_at_once(photographs: Path, tmp_path: Path) -> None:
    pytest.importorskip("iis_datasets")
    from iis_web.setting_up import set_up_desk

    from iis_core import evaluate

    model = ("classic/graph-cut", {"working_size": 64})
    desk = set_up_desk([photographs], None, {}, None, [model], tmp_path / "out", "folder", is_blind=False)
    import asyncio

    async def work() -> None:
        await desk.change(0, 1, "", (SignedClick(20, 30, True), SignedClick(80, 100, False)), 0)
        await desk.save(0)

    asyncio.run(work())
    desk.close()
    keywords = {"root": str(tmp_path / "out")}
    run = evaluate("classic/graph-cut", "folder", dataset_keywords=keywords, model_keywords={"working_size": 64})
    assert [record.id for record in run.records] == ["one"]


def test_masks_to_start_from_are_objects(photographs: Path, tmp_path: Path) -> None:
    import asyncio

    import cv2
    import numpy as np
    from iis_web.setting_up import set_up_desk

    masks = tmp_path / "masks"
    masks.mkdir()
    labels = np.zeros((90, 120), np.uint8)
    labels[10:30, 10:30], labels[50:70, 60:90] = 5, 9
    cv2.imwrite(str(masks / "one.png"), labels)
    model = ("classic/graph-cut", {"working_size": 64})
    desk = set_up_desk([photographs], None, {}, masks, [model], tmp_path / "out", "png", is_blind=False)
    asyncio.run(desk.read(0))
    assert [(each.number, each.start) for each in desk.session.objects("one")] == [(1, 5), (2, 9)]
    assert desk.session.objects("two") == ()
    desk.close()


def test_the_images_of_a_dataset_are_clicked_on(tmp_path: Path) -> None:
    pytest.importorskip("iis_datasets")
    import asyncio

    from iis_web.setting_up import set_up_desk

    data = {"count": 2, "height": 40, "width": 50}
    model = ("classic/graph-cut", {"working_size": 64})
    desk = set_up_desk([], "synthetic", data, None, [model], tmp_path / "out", "folder", is_blind=False)
    asyncio.run(desk.read(1))
    asyncio.run(desk.change(1, 1, "", (SignedClick(20, 30, True),), 0))
    asyncio.run(desk.save(1))
    desk.close()
    name = desk.photographs[1].id
    assert (tmp_path / "out" / "images" / f"{name}.png").is_file()
    assert (tmp_path / "out" / "masks" / f"{name}.png").is_file()
