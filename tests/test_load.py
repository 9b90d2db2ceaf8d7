"""From a name and keywords to an object."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from iis_core import PluginError, UserError, load_dataset, load_model, load_protocol, load_robot

SPEC = """
from iis_core.plugins import ModelSpec, hookimpl
IIS_API = 1
@hookimpl
def iis_models():
    return [ModelSpec(name="my/model", target="{target}", summary="", defaults={defaults}, has_weights=False)]
"""


def install_model(install: Callable[..., object], target: str, parts: str, defaults: str = "{}") -> None:
    install("iis-my", {"my": "my_plugin"}, my_plugin=SPEC.format(target=target, defaults=defaults), my_parts=parts)


def test_keywords_override_the_defaults_of_the_spec(install: Callable[..., object]) -> None:
    parts = "class M:\n    def __init__(self, *, a=1, b=2): self.got = a, b"
    install_model(install, "my_parts:M", parts, defaults="{'a': 5, 'b': 6}")
    model = load_model("my/model", b=7)
    assert model.got == (5, 7)
    assert model.origin.name == "my/model"
    assert model.origin.keywords == {"device": "cpu", "a": 5, "b": 7}


def test_an_unknown_keyword_gets_near_matches() -> None:
    with pytest.raises(UserError, match=r"toy/disks has no keyword 'shrnk'; did you mean 'shrink'\?"):
        load_model("toy/disks", shrnk=0.5)


def test_weights_are_refused_by_a_model_without() -> None:
    with pytest.raises(UserError, match="toy/disks has no weights"):
        load_model("toy/disks", weights="published")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("my_parts:Modle", r"my_parts has no 'Modle'; did you mean 'Model'\?"),
        ("my_prts:Model", "cannot be imported: ModuleNotFoundError: No module named 'my_prts'"),
    ],
)
def test_a_target_that_does_not_exist_is_the_plugins_fault(
    install: Callable[..., object], target: str, message: str
) -> None:
    install_model(install, target, "class Model: pass")
    with pytest.raises(PluginError, match=message) as caught:
        load_model("my/model")
    assert "iis-my" in str(caught.value)


def test_a_factory_that_fails_is_the_plugins_fault(install: Callable[..., object]) -> None:
    install_model(install, "my_parts:make", "def make():\n    return {}['x']")
    with pytest.raises(PluginError, match=r"could not be built .*KeyError: 'x'"):
        load_model("my/model")


def test_a_users_mistake_in_a_factory_stays_one(install: Callable[..., object]) -> None:
    parts = "from iis_core import UserError\ndef make():\n    raise UserError('no such encoder')"
    install_model(install, "my_parts:make", parts)
    with pytest.raises(UserError, match="no such encoder"):
        load_model("my/model")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"shrink": "much"}, "toy/disks takes float or int for 'shrink', not 'much'"),
        ({"device": "banana"}, "'banana' is not a torch device"),
        ({"device": "cuda:99"}, r"finds \w+ cuda here: use cpu"),
    ],
)
def test_a_value_of_the_wrong_type_is_the_users_mistake(value: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_model("toy/disks", **value)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ("def make(**more): pass", r"takes \*\*keywords"),
        ("make = dict", "cannot be called with keywords"),
        ("make = 3", "cannot be called with keywords"),
    ],
)
def test_a_factory_without_explicit_keywords_is_the_plugins_fault(
    install: Callable[..., object], parts: str, message: str
) -> None:
    install_model(install, "my_parts:make", parts)
    with pytest.raises(PluginError, match=message):
        load_model("my/model")


def test_a_missing_keyword_is_named(install: Callable[..., object]) -> None:
    install_model(install, "my_parts:make", "def make(*, encoder): pass")
    with pytest.raises(UserError, match="my/model needs encoder"):
        load_model("my/model")


def test_robots_and_datasets_are_built_by_name() -> None:
    assert load_robot("ritm", threshold=0.49).threshold == 0.49
    assert len(load_dataset("toy/shapes", count=4)) == 4


def test_a_protocol_without_overrides_bears_its_own_name() -> None:
    assert load_protocol("ritm").label == "ritm"
    assert load_protocol("ritm", threshold=0.49, robot="ritm", max_clicks=20).label == "ritm"
    assert load_protocol("ritm", robot="gto99").departures == {"robot": ("core/ritm", "core/gto99")}


def test_an_override_marks_the_protocol() -> None:
    protocol = load_protocol("ritm", threshold=0.5)
    assert protocol.label == "ritm*"
    assert dict(protocol.departures) == {"threshold": (0.49, 0.5)}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"treshold": 0.5}, "did you mean 'threshold'"),
        ({"max_clicks": 0}, "max_clicks must be a whole number of at least 1"),
        ({"max_clicks": "5"}, "max_clicks must be a whole number"),
        ({"stop_iou": 1.5}, "stop_iou must be an IoU above 0"),
        ({"stop_iou": "none"}, "stop_iou must be an IoU above 0"),
        ({"threshold": -1.0}, "threshold must lie in"),
        ({"robot": "core/rtim"}, "did you mean 'core/ritm'"),
    ],
)
def test_a_wrong_rule_is_refused(rules: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_protocol("ritm", **rules)


def test_what_is_loaded_is_shown_by_name_and_without_addresses() -> None:
    assert repr(load_model("toy/disks")) == "<toy/disks, on cpu>"
    assert repr(load_robot("ritm", threshold=0.49)) == "<core/ritm, threshold 0.49>"
    assert repr(load_robot("mix", robots={"ritm": 1})) == "<core/mix, threshold 0.5>"
    model = load_model("toy/disks")
    assert repr(type(model)()) == "<DisksModel, on cpu>"
    origin = model.origin  # type: ignore[attr-defined]
    model.origin = dataclasses.replace(origin, weights="runs/tiny/model")  # type: ignore[attr-defined]
    assert repr(model) == "<toy/disks, runs/tiny/model, on cpu>"
