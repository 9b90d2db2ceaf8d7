"""Checks by name: of a package and all that it offers, of one thing, and as tests of pytest."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from iis_core import UserError
from iis_core.testing import CheckResult, check, check_plugin, parametrize_with_checks

TOY = Path(__file__).parent / "toy"


def failed(results: list[CheckResult]) -> set[str]:
    assert len({(result.subject, result.check) for result in results}) == len(results)
    return {result.check for result in results if result.status == "failed"}


@parametrize_with_checks("iis-core", "toy/disks", "toy/shapes")
def test_what_the_core_and_the_toy_plugin_offer_passes(check: Callable[[], None]) -> None:
    check()


def test_a_plugin_is_checked_with_everything_that_it_offers() -> None:
    results = check_plugin("iis-toy")
    assert {result.subject for result in results} == {"iis-toy", "toy/disks (models)", "toy/shapes (datasets)"}
    assert failed(results) == set()
    with pytest.raises(UserError, match=r"no plugin package 'iis-nothing' is installed; installed: .*iis-toy"):
        check_plugin("iis-nothing")
    with pytest.raises(UserError, match="iis-toy is a package: give keywords with the name"):
        check("iis-toy", shrink=0.5)


def test_a_dataset_of_files_is_checked_where_they_are(install: Callable[..., object]) -> None:
    parts = "from toy_parts import ShapesDataset\nclass OnDisk(ShapesDataset):\n"
    parts += "    def __init__(self, *, root: str):\n        super().__init__()"
    spec = "DatasetSpec(name='files/set', target='files_parts:OnDisk', summary='a set', licence='MIT')"
    source = "from iis_core.plugins import DatasetSpec, hookimpl\nIIS_API = 1\n"
    source += f"@hookimpl\ndef iis_datasets():\n    return [{spec}]"
    install("iis-files", {"files": "files_plugin"}, files_plugin=source, files_parts=parts)
    skipped = [result for result in check_plugin("iis-files") if result.status == "skipped"]
    assert [result.reason for result in skipped] == [
        "files/set is checked on its files: iis check files/set --data-root DIR"
    ]
    with pytest.raises(UserError, match="files/set is checked on its files: iis check files/set --data-root DIR"):
        check("files/set")
    assert {result.check for result in check("files/set", root=".") if result.status == "failed"} == set()


def test_a_name_of_several_things_must_be_told_apart(install: Callable[..., object]) -> None:
    source = (
        "from iis_core.plugins import RobotSpec, hookimpl\nIIS_API = 1\n"
        "@hookimpl\ndef iis_robots():\n    return [RobotSpec(name='other/shapes', target='a:b', summary='')]"
    )
    install("iis-other", {"other": "other_plugin"}, other_plugin=source)
    with pytest.raises(UserError, match="'shapes' stands for other/shapes and toy/shapes: give the full name"):
        check("shapes")


EXPECTING = """
from iis_core.plugins import ModelSpec, hookimpl
IIS_API = 1
@hookimpl
def iis_models():
    yield ModelSpec(
        name="drawn/model", target="drawn_parts:Drawn", summary="a model", has_weights=False, expected_failures={WHY}
    )
"""
DRAWN = """
import torch
from toy_parts import DisksModel
class Drawn(DisksModel):
    def __call__(self, x, z, pcs, ncs):
        return torch.rand(x[:, :1].shape), {}
"""


def test_the_decorator_makes_tests_skips_and_strict_xfails(
    pytester: pytest.Pytester, install: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other than one that is expected to fail and does not, only what is expected fails."""
    draws = (
        "is_deterministic",
        "replays_a_history",
        "keeps_its_state_in_z",
        "is_blind_to_the_target",
        "state_can_be_taken_apart",
        "batch_agrees_with_single_images",
        "answers_one_pixel",
    )
    source = EXPECTING.replace("{WHY}", str({f"check_{name}": "it draws" for name in draws}))
    folder = install("iis-drawn", {"drawn": "drawn_plugin"}, drawn_plugin=source, drawn_parts=DRAWN)
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{TOY}")
    pytester.makepyfile(
        "from iis_core.testing import parametrize_with_checks\n"
        "@parametrize_with_checks('iis-drawn')\ndef test_contract(check):\n    check()\n"
    )
    run = pytester.runpytest_subprocess("-v", "-rs")
    outcomes = run.parseoutcomes()
    assert (outcomes["failed"], outcomes["xfailed"]) == (1, 6)
    assert {"passed", "skipped"} <= outcomes.keys()
    run.stdout.fnmatch_lines(["*drawn/model(models)-check_answers_one_pixel* FAILED*"])
