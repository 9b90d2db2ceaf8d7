"""Deliberately broken plugins: `iis check` reports each fault with its stage and remedy, and nothing else suffers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iis_core import list_models
from iis_core.plugins import RobotSpec
from iis_core.plugins.catalog import catalog
from iis_core.testing import CheckResult, check, check_plugin

Install = Callable[..., object]

HEAD = """
from iis_core.plugins import DatasetSpec, ModelSpec, ProtocolSpec, RobotSpec, Weights, hookimpl
IIS_API = 1
"""

PARTS = """
import numpy as np
import torch
from iis_core import IISModel, UserError
from iis_core.robots.ritm import RitmRobot

class Net(IISModel):
    device = torch.device("cpu")

    def __call__(self, x, z, pcs, ncs):
        return x.mean(1, keepdim=True), dict(z)

class Keywords(Net):
    def __init__(self, **keywords):
        pass

class TakesDevice(Net):
    def __init__(self, *, device: str):
        pass

class TakesWeights(Net):
    def __init__(self, *, weights: str | None = None):
        pass

class Explodes(Net):
    def __init__(self):
        raise KeyError("layer7")

class NeedsMore(Net):
    def __init__(self, *, encoder: str):
        pass

class Fetches(Net):
    def __init__(self):
        import urllib.request
        try:
            urllib.request.urlopen("http://weights.invalid/net.pth")
        except OSError:
            pass

class Untold(Net):
    def __init__(self):
        self.net = torch.nn.Conv2d(3, 1, 1)

class Network(torch.nn.Module):
    def __init__(self, *, width: int = 2):
        super().__init__()
        first, last = torch.nn.Conv2d(3, width, 1), torch.nn.Conv2d(width, 1, 1)
        self.network = torch.nn.Sequential(first, torch.nn.ReLU(), torch.nn.BatchNorm2d(width), last)

    @property
    def device(self):
        return self.network[0].weight.device

    initialize_z, initialize_y = IISModel.initialize_z, IISModel.initialize_y

    def logits(self, x, z, pcs, ncs):
        return {"y": self.network(x)}, dict(z)

    def __call__(self, x, z, pcs, ncs):
        with torch.no_grad():
            return self.logits(x, z, pcs, ncs)[0]["y"].sigmoid(), dict(z)

class WronglyFolded(Network):
    def __call__(self, x, z, pcs, ncs):
        with torch.no_grad():
            first, _, norm, last = self.network
            folded = torch.nn.utils.fusion.fuse_conv_bn_eval(first, norm)
            return last(folded(x).relu()).sigmoid(), dict(z)

class LeftBehind(Net):
    def __init__(self):
        self.network = torch.nn.Conv2d(3, 1, 1)
        self.more = torch.nn.Conv2d(3, 1, 1)

    @property
    def device(self):
        return self.network.weight.device

class NoParameters(Network):
    def __init__(self):
        torch.nn.Module.__init__(self)
        self.network = torch.nn.BatchNorm2d(3, affine=False)

    @property
    def device(self):
        return self.network.running_mean.device

    def logits(self, x, z, pcs, ncs):
        return {"y": self.network(x).mean(1, keepdim=True)}, dict(z)

class Exits(Net):
    def __init__(self):
        raise SystemExit("usage: train.py --cfg CFG")

class Robot:
    def __call__(self, y, target, pcs, ncs, *, n_points=1, rngs=None):
        return RitmRobot()(y, target, pcs, ncs)
"""


PLAIN = "summary='a model', has_weights=False"
RANDOM = "summary='a model', check_keywords={'weights': 'random'}"


def hook(kind: str, spec: str) -> str:
    return f"{HEAD}\n@hookimpl\ndef iis_{kind}():\n    return [{spec}]\n"


def model(target: str, more: str = PLAIN, name: str = "bad/model") -> str:
    return hook("models", f"ModelSpec(name={name!r}, target={target!r}, {more})")


def part(name: str, more: str = PLAIN) -> str:
    return model(f"bad_parts:{name}", more)


PROTOCOL = "name='bad/rules', summary='-', threshold=0.5, inclusive=False, max_clicks=20, stop_iou=None, ignore='-1'"

DISCOVERY = "check_is_discovered"
FAULTS = {
    "it raises when imported": ("raise RuntimeError('boom')", DISCOVERY, "import: RuntimeError: boom; run `python -c"),
    "it imports what is not there": ("import no_such_module", DISCOVERY, "No module named 'no_such_module'"),
    "it ends the process": ("raise SystemExit(1)", DISCOVERY, "import: SystemExit"),
    "it is no Python": ("def broken(:", DISCOVERY, "SyntaxError"),
    "it states no API": ("", DISCOVERY, "api: bad_plugin does not state IIS_API; add `IIS_API = 1` to it"),
    "it is of another API": ("IIS_API = 99", DISCOVERY, "written for IIS_API 99, this core has 1; install a version"),
    "a hook raises": (f"{HEAD}\n@hookimpl\ndef iis_models():\n    1 / 0", DISCOVERY, "iis_models: ZeroDivisionError"),
    "a hook gives no spec": (hook("models", "'a'"), DISCOVERY, "'a' is a str, not a ModelSpec"),
    "a hook gives no list": (f"{HEAD}\n@hookimpl\ndef iis_models():\n    return 7", DISCOVERY, "not iterable"),
    "a hook does not exist": (f"{HEAD}\n@hookimpl\ndef iis_modles():\n    return []", DISCOVERY, "register: "),
    "a hook that is not marked": (hook("models", "").replace("@hookimpl", ""), DISCOVERY, "put @hookimpl"),
    "a hook that returns nothing": (f"{HEAD}\n@hookimpl\ndef iis_models():\n    pass", DISCOVERY, "it returns None"),
    "expectations that are a list": (part("Net", f"{PLAIN}, expected_failures=['x']"), DISCOVERY, "a mapping, not"),
    "a foreign namespace": (model("a:b", name="other/model"), DISCOVERY, "outside the plugin's namespace 'bad'"),
    "a name without namespace": (model("a:b", name="Model"), DISCOVERY, "not of the form 'namespace/variant'"),
    "a target of a wrong form": (model("nowhere"), DISCOVERY, "not of the form 'package.module:name'"),
    "a module that is not there": (model("nowhere:Net"), "check_target_and_keywords", "cannot be imported"),
    "a class that is not there": (part("Nte"), "check_target_and_keywords", "did you mean 'Net'"),
    "keywords that are not explicit": (part("Keywords"), "check_target_and_keywords", "asks for explicit ones"),
    "a model that takes a device": (part("TakesDevice"), "check_target_and_keywords", "'device', which is core's"),
    "a model that takes weights": (part("TakesWeights"), "check_target_and_keywords", "'weights', which is core's"),
    "a config that the target does not take": (
        part("Network", f"{RANDOM}, config={{'depth': 3}}"),
        "check_target_and_keywords",
        "takes no keyword 'depth', which its spec's config has",
    ),
    "a robot without threshold": (
        hook("robots", "RobotSpec(name='bad/robot', target='bad_parts:Robot', summary='a robot')"),
        "check_target_and_keywords",
        "takes no keyword 'threshold'",
    ),
    "a constructor that raises": (part("Explodes"), "check_can_be_built", "KeyError: 'layer7'"),
    "a keyword that checks do not know": (part("NeedsMore"), "check_can_be_built", "needs encoder; see `iis show"),
    "weights that are fetched unasked": (part("Fetches"), "check_can_be_built", "it asks the network for"),
    "random weights that nobody is told of": (
        part("Untold"),
        "check_has_the_weights_that_it_declares",
        "it would run untrained",
    ),
    "weights in another attribute": (
        part("Untold", RANDOM),
        "check_can_be_built",
        "give it an nn.Module as its attribute `network`",
    ),
    "a network without parameters": (
        part("NoParameters", RANDOM),
        "check_has_the_weights_that_it_declares",
        "say has_weights=False",
    ),
    "a network left behind": (part("LeftBehind", RANDOM), "check_is_on_its_device", "for 'meta' its weight is on cpu"),
    "a model folder that lacks a keyword": (
        part("Network", "summary='a model', check_keywords={'weights': 'random', 'width': 5}"),
        "check_model_folder_holds_everything",
        "does not fit the network",
    ),
    "a fast path that is wrong": (
        part("WronglyFolded", RANDOM),
        "check_answers_as_its_logits",
        "otherwise than the sigmoid of its logits",
    ),
    "a constructor that exits": (part("Exits"), "check_can_be_built", "--cfg CFG"),
    "weights of a model without": (
        part("Net", f"{PLAIN}, weights=Weights(url='https://example.org/a.pth', licence='MIT')"),
        DISCOVERY,
        "a model with has_weights=False has no weights",
    ),
    "a robot that checks cannot build": (
        hook("robots", "RobotSpec(name='bad/robot', target='iis_core.robots.mix:MixRobot', summary='a robot')"),
        "check_can_be_built",
        "needs robots; see `iis show bad/robot`; give the spec check_keywords",
    ),
    "a protocol of an unknown robot": (
        hook("protocols", f"ProtocolSpec({PROTOCOL}, robot='core/rimt')"),
        "check_rules",
        "did you mean 'core/ritm'",
    ),
    "a protocol of an IoU after no click": (
        hook("protocols", f"ProtocolSpec({PROTOCOL}, robot='core/ritm', iou_at=(0, 5, 21))"),
        "check_rules",
        "iou_at holds [0, 21], which are no numbers of 1 to 20 clicks",
    ),
    "a protocol of NoC in percent": (
        hook("protocols", f"ProtocolSpec({PROTOCOL}, robot='core/ritm', noc_at=(0.85, 90))"),
        "check_rules",
        "noc_at (0.85, 90) holds what is no IoU",
    ),
    "an empty summary": (
        part("Net", "summary='', has_weights=False"),
        "check_says_what_it_offers",
        "summary '' is not one line",
    ),
    "a dataset without licence": (
        hook("datasets", "DatasetSpec(name='bad/set', target='toy_parts:ShapesDataset', summary='a set')"),
        "check_says_its_licence",
        "bad/set: the spec has no licence",
    ),
    "weights without licence": (
        part("Network", f"{RANDOM}, weights=Weights(url='https://example.org/a.pth', licence='')"),
        "check_says_its_licence",
        "its weights have no licence",
    ),
    "torch when listed": (f"import torch\n{part('Net')}", "check_listing_imports_nothing_heavy", "not in bad_plugin"),
    "an expectation of nothing": (
        part("Net", f"{PLAIN}, expected_failures={{'check_is_determinstic': 'dropout'}}"),
        "check_expected_failures_exist",
        "did you mean 'check_is_deterministic'",
    ),
}


@pytest.mark.parametrize(("source", "name", "says"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_reported_and_hides_nothing_else(install: Install, source: str, name: str, says: str) -> None:
    install("iis-bad", {"bad": "bad_plugin"}, bad_plugin=source, bad_parts=PARTS)
    (reason,) = [result.reason for result in check_plugin("iis-bad") if result.check == name and result.reason]
    assert says in reason
    assert {result.check for result in failed(check_plugin("iis-bad"))} == {name}
    assert "toy/disks" in list_models()
    assert "core/ritm" in catalog().offers[RobotSpec]
    assert not failed(check("toy/shapes"))


@pytest.mark.parametrize("source", [part("Net"), part("Network", RANDOM)], ids=["without weights", "with weights"])
def test_a_plugin_without_fault_passes(install: Install, source: str) -> None:
    install("iis-bad", {"bad": "bad_plugin"}, bad_plugin=source, bad_parts=PARTS)
    results = check_plugin("iis-bad")
    assert not failed(results)
    assert {result.subject for result in results} == {"iis-bad", "bad/model (models)"}
    assert check("iis-bad") == results


@pytest.mark.parametrize(
    ("points", "metadata", "name", "says"),
    [
        ({"nice": "bad_plugin"}, None, "check_has_one_entry_point", "its entry point is 'nice': call it 'bad'"),
        ({}, None, "check_has_one_entry_point", 'below [project.entry-points."iis_core.plugins"]'),
        ({"bad": "bad_plugin", "more": "bad_plugin"}, None, "check_has_one_entry_point", "2 entry points"),
        ({"bad": "bad_plugin"}, "License-Expression: MIT\n", "check_requires_iis_core", "add it to dependencies"),
        ({"bad": "bad_plugin"}, "Requires-Dist: iis-core>=0.1\n", "check_says_its_licence", 'license = "MIT"'),
    ],
)
def test_faults_of_the_package_are_reported(
    install: Install, points: dict[str, str], metadata: str | None, name: str, says: str
) -> None:
    more = {} if metadata is None else {"metadata": metadata}
    install("iis-bad", points, bad_plugin=HEAD, **more)
    results = {result.check: result for result in check_plugin("iis-bad")}
    assert results[name].status == "failed"
    assert says in results[name].reason


def failed(results: list[CheckResult]) -> list[CheckResult]:
    return [result for result in results if result.status == "failed"]
