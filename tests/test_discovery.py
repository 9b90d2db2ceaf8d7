"""Broken plugins become records; working ones keep working."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iis_core import PluginError, UserError, list_models, load_model
from iis_core.plugins import ModelSpec
from iis_core.plugins.catalog import catalog, find
from iis_core.plugins.discovery import Problem

Install = Callable[..., object]

GOOD = """
from iis_core.plugins import ModelSpec, hookimpl
IIS_API = 1
@hookimpl
def iis_models():
    return [ModelSpec(name="{name}", target="{target}", summary="good")]
"""


def good(name: str, target: str = "toy_parts:DisksModel") -> str:
    return GOOD.format(name=name, target=target)


def models_named(*names: str) -> str:
    specs = ", ".join(f"ModelSpec(name='{name}', target='toy_parts:DisksModel', summary='')" for name in names)
    return good("a/b").replace(good("a/b").partition("[")[2], f"{specs}]")


def problem_of(distribution: str) -> Problem:
    (problem,) = [p for p in catalog().problems if p.distribution == distribution]
    return problem


def test_a_working_environment_has_no_problems() -> None:
    assert catalog().problems == ()
    assert "toy/disks" in list_models()


def test_a_generator_that_breaks_keeps_what_it_gave_before(install: Install) -> None:
    source = good("half/first").replace("return [", "yield ").replace('"good")]', '"good")\n    1 / 0')
    install("iis-half", {"half": "half_plugin"}, half_plugin=source)
    assert "half/first" in list_models()
    assert "ZeroDivisionError" in problem_of("iis-half").cause


def test_a_broken_hook_costs_its_own_kind_only(install: Install) -> None:
    source = good("two/model") + "\n@hookimpl\ndef iis_robots():\n    1 / 0\n"
    install("iis-two", {"two": "two_plugin"}, two_plugin=source)
    assert "two/model" in list_models()
    assert problem_of("iis-two").stage == "iis_robots"


def test_broken_metadata_is_a_record(install: Install) -> None:
    folder = install("iis-bad", {"bad": "bad_plugin"}, bad_plugin=good("bad/model"))
    (folder / "iis_bad-1.0.dist-info" / "METADATA").unlink()
    catalog.cache_clear()
    assert "toy/disks" in list_models()
    assert [problem.stage for problem in catalog().problems] == ["metadata"]


def test_a_name_offered_twice_by_two_distributions_is_disabled_and_both_are_named(install: Install) -> None:
    install("shared-one", {"shared": "one_plugin"}, one_plugin=good("shared/same"))
    install("shared-two", {"shared": "two_plugin"}, two_plugin=models_named("shared/same", "shared/own"))
    assert list_models("shared/*") == ["shared/own"]
    with pytest.raises(PluginError, match="offered by shared-one and by shared-two"):
        load_model("shared/same")
    assert "toy/disks" in list_models()


def test_a_name_offered_twice_disables_that_name_only(install: Install) -> None:
    install(
        "iis-twice",
        {"twice": "twice_plugin"},
        twice_plugin=models_named("twice/same", "twice/same", "twice/own"),
    )
    assert list_models("twice/*") == ["twice/own"]
    with pytest.raises(PluginError, match="iis-twice and by iis-twice"):
        find(ModelSpec, "twice/same")


def test_the_distribution_named_after_a_namespace_keeps_it(install: Install) -> None:
    install("iis-mine", {"mine": "mine_plugin"}, mine_plugin=good("mine/model"))
    install("iis-fork", {"mine": "fork_plugin"}, fork_plugin=good("mine/model"))
    assert find(ModelSpec, "mine/model").claim.distribution == "iis-mine"
    problem = problem_of("iis-fork")
    assert problem.stage == "namespace"
    assert "iis-fork and iis-mine" in problem.cause
    assert "left out" in problem.cause


def test_disabled_plugins_are_left_out(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("iis-bad", {"bad": "bad_plugin"}, bad_plugin="raise RuntimeError")
    monkeypatch.setenv("IIS_DISABLE_PLUGINS", "bad, toy")
    catalog.cache_clear()
    assert catalog().problems == ()
    assert list_models("toy/*") == []


def test_disabling_what_is_not_there_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IIS_DISABLE_PLUGINS", "tyo")
    catalog.cache_clear()
    assert [problem.plugin for problem in catalog().problems] == ["tyo"]


def test_strict_makes_a_problem_an_error(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("iis-bad", {"bad": "bad_plugin"}, bad_plugin="raise RuntimeError('boom')")
    monkeypatch.setenv("IIS_STRICT", "1")
    catalog.cache_clear()
    with pytest.raises(PluginError, match="boom"):
        list_models()


def test_an_unknown_name_gets_near_matches() -> None:
    with pytest.raises(UserError, match="did you mean 'toy/disks'"):
        load_model("toy/disk")


def test_a_bare_variant_works_where_only_one_bears_it(install: Install) -> None:
    assert find(ModelSpec, "disks").spec.name == "toy/disks"
    install("iis-more", {"more": "more_plugin"}, more_plugin=good("more/disks"))
    with pytest.raises(UserError, match=r"several models: more/disks \(iis-more\), toy/disks \(iis-toy\)"):
        find(ModelSpec, "disks")


def test_a_name_of_a_broken_plugin_says_what_is_broken(install: Install) -> None:
    install("iis-bad", {"bad": "bad_plugin"}, bad_plugin="raise RuntimeError('boom')")
    with pytest.raises(UserError, match="RuntimeError: boom"):
        load_model("bad/model")


def test_a_known_plugin_that_is_not_installed_says_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iis_core.plugins.catalog.OWN_PLUGINS", ("absent",))
    with pytest.raises(UserError, match=r"pip install \. \./plugins/iis-absent"):
        load_model("absent/model")
