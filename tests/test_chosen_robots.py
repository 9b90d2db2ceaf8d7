"""The robot of a run: by name, with keywords, or as an object."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toy_runs import essence, run

from iis_core import UserError, evaluate, load_initial_robot, load_robot

MIX = {"core/ritm": 1, "core/random-error": 1}


def test_a_robot_with_keywords_is_written_into_the_run(tmp_path: Path) -> None:
    keywords: Any = {"overrides": {"robot": "mix"}, "robot_keywords": {"robots": MIX}}
    finished = run(tmp_path / "run", **keywords)
    assert finished.protocol.label == "ritm*"
    assert finished.settings["robot"]["keywords"] == {"robots": MIX, "threshold": 0.49, "inclusive": False}
    assert finished.protocol.departures["robot_keywords"] == ({}, {"robots": MIX})
    assert essence(run(None, **keywords)) == essence(finished)
    assert essence(run(tmp_path / "run", **keywords)) == essence(finished)
    with pytest.raises(UserError, match=r"protocol\.robot_keywords\.robots\.core/ritm: 1 in the run, 2 now"):
        run(tmp_path / "run", overrides={"robot": "mix"}, robot_keywords={"robots": {**MIX, "core/ritm": 2}})


def test_the_command_takes_keywords_of_the_robot(iis: Callable[..., Any], tmp_path: Path) -> None:
    arguments = ("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--limit", 1, "--robot", "mix")
    result = iis(*arguments, "--robot-set", f"robots={json.dumps(MIX)}", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "ritm*: robot_keywords is" in result.stdout
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("toy-disks--toy-shapes--ritm-robot=mix-robots=")
    wrong = iis(*arguments, "--robot-set", "robts=1", cwd=tmp_path)
    assert (wrong.returncode, "did you mean 'robots'" in wrong.stderr) == (2, True)


def test_a_robot_given_as_an_object_clicks_as_the_one_of_its_name(tmp_path: Path) -> None:
    robot = load_robot("ritm", threshold=0.49)
    finished = run(tmp_path / "run", overrides={"robot": robot})
    assert essence(finished) == essence(run(None))
    assert finished.protocol.robot == "core/ritm (given as an object)"
    assert finished.protocol.label == "ritm*"
    assert finished.settings["robot"]["given_as"] == "iis_core.robots.ritm.RitmRobot"
    with pytest.raises(UserError, match="a robot given as an object cannot be told from another: pass `identity`"):
        run(tmp_path / "run", overrides={"robot": robot})
    named = {"out": tmp_path / "named", "overrides": {"robot": robot}, "identity": {"robot": 1}}
    assert essence(run(**named)) == essence(run(**named)) == essence(finished)


def test_any_callable_is_a_robot() -> None:
    def corner(y, target, pcs, ncs, *, n_points=1, rngs=None):
        return [[(0, 0)] for _ in y], [[] for _ in y]

    finished = evaluate("toy/disks", "toy/shapes", overrides={"robot": corner, "max_clicks": 1})
    assert {(record.clicks[0].row, record.clicks[0].col) for record in finished.records} == {(0, 0)}


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"overrides": {"robot": load_robot("ritm")}}, "was built with threshold=0.5, but the protocol has 0.49"),
        (
            {"overrides": {"robot": load_robot("ritm", threshold=0.49, inclusive=True)}},
            "was built with inclusive=True, but the protocol has False",
        ),
        ({"overrides": {"robot": 3}}, "robot must be a catalog name or a robot, not 3"),
        (
            {"overrides": {"robot": load_robot("ritm", threshold=0.49)}, "robot_keywords": {"a": 1}},
            "is an object: build it with its keywords",
        ),
        ({"robot_keywords": {"threshold": 0.4}}, "threshold is a rule of the protocol, which the robot shares"),
        ({"robot_keywords": {"bad": 1}}, "core/ritm has no keyword 'bad'"),
        ({"overrides": {"robot": "ritmo"}}, "did you mean"),
    ],
)
def test_a_robot_that_does_not_fit_is_refused(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(None, **keywords)


@pytest.mark.parametrize("load", [load_robot, load_initial_robot])
def test_a_mixture_takes_objects_too(load: Callable[..., Any]) -> None:
    mixed = load("mix", robots={load("random"): 1, "random": 2})
    assert [type(robot) for robot in mixed.robots] == [type(load("random"))] * 2
    assert mixed.weights.tolist() == [1 / 3, 2 / 3]
