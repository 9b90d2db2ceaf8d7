"""A person as the robot of an evaluation: the records are those of the loop, whoever clicks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browsing import check_access, open_page, serve, wait
from browsing import click as click_page
from click.testing import CliRunner
from iis_web.server.app import make_app
from iis_web.server.studying import list_routes
from iis_web.setting_up import open_study
from iis_web.study import Study
from starlette.testclient import TestClient
from web_disks import TOKEN, unpack

from iis_core import evaluate, load_robot, read_run
from iis_core.cli.main import cli
from iis_core.plugins.builtin import COMMANDS

pytest.importorskip("iis_datasets")

MODEL = ("classic/graph-cut", {"working_size": 64})
DATA = ("synthetic", {"count": 3, "height": 48, "width": 64, "objects": 1})
SHAPE = (48, 64)


@contextmanager
def open_api(folder: Path, **rules: Any) -> Iterator[tuple[TestClient, Study]]:
    study = open_study(*MODEL, *DATA, "core/ritm", folder, **rules)
    study.start()
    try:
        with TestClient(make_app(list_routes(study), TOKEN), base_url=f"http://127.0.0.1/{TOKEN}/") as client:
            yield client, study
    finally:
        study.close()


def follow(client: TestClient, until: tuple[str, ...] = ("ready", "click", "done", "failed"), since: int = 0) -> Any:
    news = client.get(f"api/study?since={since}").json()
    while news["phase"] not in until:
        news = client.get(f"api/study?since={news['version']}").json()
    return news


def choose(client: TestClient, news: Any) -> dict[str, Any]:
    """The click of the protocol's robot, from what the page is shown."""
    at = f"object={news['object']}"
    target = unpack(client.get(f"api/study/target?{at}"), SHAPE) >= 128
    mask = unpack(client.get(f"api/study/answer?{at}&number={len(news['clicks'])}"), SHAPE) >= 128
    robot = load_robot("ritm", threshold=0.49, inclusive=False)
    signs: Any = [[], []]
    for row, col, positive in news["clicks"]:
        for sign, clicks in enumerate(signs):
            clicks.append([[(row, col)] if (sign == 0) == positive else []])
    y, truth = torch.from_numpy(mask).float()[None, None], torch.from_numpy(target.astype(np.int8))[None, None]
    new_pcs, new_ncs = robot(y, truth, *signs)
    ((row, col),) = [*new_pcs[0], *new_ncs[0]]
    return make_click(news, row, col, bool(new_pcs[0]))


def make_click(news: Any, row: int, col: int, positive: bool = True) -> dict[str, Any]:
    number = len(news["clicks"]) + 1
    place = {"object": news["object"], "number": number, "row": row, "col": col, "positive": positive}
    return {**place, "seconds": 0.5 + number, "mouse": [[0.1, 5, -3]]}


def finish(client: TestClient, clicks: int = 1000) -> Any:
    """Click as the robot does, until the end or so many times."""
    for _ in range(clicks):
        news = follow(client)
        if news["phase"] == "ready":
            client.post("api/study/begin", json={"object": news["object"]})
            news = follow(client, ("click",), news["version"])
        if news["phase"] != "click":
            return news
        assert client.post("api/study/click", json=choose(client, news)).status_code == 200
        news = client.get(f"api/study?since={news['version']}").json()
    return follow(client)


def test_clicking_as_the_robot_does_gives_the_robots_records(tmp_path: Path) -> None:
    with open_api(tmp_path / "me") as (client, _):
        assert finish(client)["phase"] == "done"
    by_person = read_run(tmp_path / "me")
    by_robot = evaluate(MODEL[0], DATA[0], model_keywords=MODEL[1], dataset_keywords=DATA[1])
    assert by_person.is_complete
    assert by_person.settings["robot"]["name"] == "human"
    for one, other in zip(by_person.records, by_robot.records, strict=True):
        assert [click.seconds["robot"] for click in one.clicks] == [1.5 + at for at in range(len(one.clicks))]
        bare = [tuple(replace(click, seconds={}) for click in record.clicks) for record in (one, other)]
        assert bare[0] == bare[1]
        assert (one.end, one.initial, one.shape) == (other.end, other.initial, other.shape)


def test_a_study_goes_on_where_it_was_left_even_within_an_object(tmp_path: Path) -> None:
    with open_api(tmp_path / "whole") as (client, _):
        finish(client)
    codes = set()
    for _ in range(60):
        with open_api(tmp_path / "parts") as (client, study):
            codes.add(study.participant)
            if finish(client, clicks=2)["phase"] == "done":
                break
    assert len(codes) == 1
    whole, parts = (read_run(tmp_path / name) for name in ("whole", "parts"))
    for one, other in zip(whole.records, parts.records, strict=True):
        places = [[(click.row, click.col, click.counts) for click in record.clicks] for record in (one, other)]
        assert places[0] == places[1]
        assert [click.seconds["robot"] for click in one.clicks] == [click.seconds["robot"] for click in other.clicks]
    lines = [json.loads(line) for line in (tmp_path / "parts" / "clicks.jsonl").read_text().splitlines()]
    assert len(lines) == sum(len(record.clicks) for record in parts.records)
    assert lines[0]["mouse"] == [[0.1, 5, -3]]


def test_objects_come_in_an_order_that_the_seed_draws(tmp_path: Path) -> None:
    orders = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1), ("d", 2)):
        study = open_study(*MODEL, *DATA, "core/ritm", tmp_path / name, seed=seed)
        orders.append(tuple(study._order))
        study.close()
    assert orders[0] == orders[1]
    assert len(set(orders)) > 1
    assert all(sorted(order) == [0, 1, 2] for order in orders)


def test_nothing_of_an_object_is_shown_before_it_is_begun(tmp_path: Path) -> None:
    with open_api(tmp_path / "me") as (client, _):
        news = follow(client, ("ready",))
        for part in ("picture", "target"):
            assert client.get(f"api/study/{part}?object={news['object']}").status_code == 404
        assert client.post("api/study/click", json=make_click(news, 5, 5)).status_code == 409
        client.post("api/study/begin", json={"object": news["object"]})
        for part in ("picture", "target"):
            assert client.get(f"api/study/{part}?object={news['object']}").status_code == 200
            assert client.get(f"api/study/{part}?object={news['object'] + 1}").status_code == 409


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"row": 48}, 422),
        ({"col": -1}, 422),
        ({"row": 1.5}, 422),
        ({"row": None}, 422),
        ({"positive": 1}, 422),
        ({"seconds": -1}, 422),
        ({"seconds": "1"}, 422),
        ({"seconds": 1e300}, 422),
        ({"mouse": 5}, 422),
        ({"mouse": [[1, 2]]}, 422),
        ({"mouse": [[-1, 2, 3]]}, 422),
        ({"mouse": [[1, 2, "x"]]}, 422),
        ({"mouse": [[1, 2, 3]] * 5001}, 422),
        ({"number": 2}, 409),
        ({"object": 1}, 409),
    ],
)
def test_a_wrong_click_is_refused_and_leaves_no_trace(tmp_path: Path, changed: dict[str, Any], status: int) -> None:
    with open_api(tmp_path / "me") as (client, study):
        news = follow(client, ("ready",))
        client.post("api/study/begin", json={"object": news["object"]})
        answer = client.post("api/study/click", json=make_click(news, 5, 5) | changed)
        assert answer.status_code == status
        assert answer.json()["error"]
        assert (study.phase, study.clicks) == ("click", ())
    assert (tmp_path / "me" / "clicks.jsonl").read_text() == ""


def test_a_pixel_is_clicked_once(tmp_path: Path) -> None:
    with open_api(tmp_path / "me", limit=1) as (client, _):
        finish(client, clicks=1)
        news = follow(client, ("click",))
        row, col, positive = news["clicks"][0]
        answer = client.post("api/study/click", json=make_click(news, row, col, not positive))
        assert answer.json() == {"error": "this pixel was clicked before: click on another one"}


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"id": 1}', '{"id": "a", "row": 1, "col": 1, "positive": 2, "seconds": 1}']
)
def test_a_damaged_diary_is_named(tmp_path: Path, line: str) -> None:
    from iis_core import UserError

    open_study(*MODEL, *DATA, "core/ritm", tmp_path / "me").close()
    (tmp_path / "me" / "clicks.jsonl").write_text(line + "\n")
    with pytest.raises(UserError, match=r"clicks\.jsonl, line 1 is damaged"):
        open_study(*MODEL, *DATA, "core/ritm", tmp_path / "me")


def test_another_study_in_the_folder_and_a_run_that_is_none_are_refused(tmp_path: Path) -> None:
    from iis_core import UserError

    open_study(*MODEL, *DATA, "core/ritm", tmp_path / "me").close()
    with pytest.raises(UserError, match="holds a run with other settings"):
        open_study(*MODEL, *DATA, "core/ritm", tmp_path / "me", show_target=2.0)
    evaluate(MODEL[0], DATA[0], model_keywords=MODEL[1], dataset_keywords=DATA[1], out=tmp_path / "run", limit=1)
    with pytest.raises(UserError, match="holds a run that is no study"):
        open_study(*MODEL, *DATA, "core/ritm", tmp_path / "run")


def test_a_person_at_the_page_finishes_a_study_that_is_reported_and_replayed(browser: Any, tmp_path: Path) -> None:
    study = open_study(*MODEL, *DATA, "core/ritm", tmp_path / "me", limit=2, show_target=0.2)
    study.start()
    with serve(list_routes(study)) as url, open_page(browser, url, bypass_csp=True) as page:
        page.locator("#stage[data-phase=ready]").wait_for()
        check_access(page)
        while study.phase != "done":
            page.locator("#stage[data-phase=ready], #stage[data-phase=click], #stage[data-phase=done]").wait_for()
            if study.phase == "ready":
                page.keyboard.press("Space")
                page.locator("#stage[data-phase=click]").wait_for()
            if study.phase == "click":
                made = len(study.clicks)
                assert study.read is not None
                target = study.read.object.target == 1
                row, col = divmod(made * 523 + 77, SHAPE[1])
                is_object = bool(target[row % SHAPE[0], col])
                click_page(page, row % SHAPE[0], col, SHAPE, button="left" if is_object else "right")
                page.locator(f"#stage:not([data-clicks='{made}'])").wait_for()
        wait(page)
        page.get_by_text(f"Everything is kept under the code {study.participant}.").wait_for()
    study.close()
    run = read_run(tmp_path / "me")
    assert run.is_complete
    assert all(click.seconds["robot"] > 0 for record in run.records for click in record.clicks)
    keywords = {"model_keywords": MODEL[1], "dataset_keywords": DATA[1]}
    evaluate(MODEL[0], DATA[0], out=tmp_path / "robot", limit=2, **keywords)
    report = CliRunner().invoke(cli, ["report", str(tmp_path / "me"), str(tmp_path / "robot"), "--json"])
    assert report.exit_code == 0, report.output
    assert [row["protocol"] for row in json.loads(report.stdout)] == ["ritm*", "ritm"]
    if "replay" in COMMANDS:
        other = ["--model", "classic/geodesic", "--out", str(tmp_path / "other")]
        replayed = CliRunner().invoke(cli, ["replay", str(tmp_path / "me"), *other])
        assert replayed.exit_code == 0, replayed.output
        pairs = zip(run.records, read_run(tmp_path / "other").records, strict=True)
        for one, same in pairs:
            assert [(c.row, c.col) for c in one.clicks] == [(c.row, c.col) for c in same.clicks]
