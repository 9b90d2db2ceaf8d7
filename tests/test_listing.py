"""What is installed: `iis plugins`, `iis list`, `iis show`, and the commands that plugins add."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from toy_runs import toy_environment

from iis_core.plugins.specs import SPEC_TYPES

Iis = Callable[..., subprocess.CompletedProcess[str]]
Install = Callable[..., Path]

HEAD = """
from iis_core.plugins import *
IIS_API = 1
"""


def test_plugins_shows_the_broken_one_beside_the_others(iis: Iis, install: Callable[..., Path]) -> None:
    install("iis-bad", {"bad": "bad_plugin"}, bad_plugin="raise RuntimeError('boom')")
    assert "broken: plugin 'bad' of iis-bad (import): RuntimeError: boom" in iis("plugins").stdout
    content = json.loads(iis("plugins", "--json").stdout)
    assert {plugin["namespace"] for plugin in content["plugins"]} >= {"core", "toy"}
    assert content["problems"][0]["stage"] == "import"


def test_list_lists_names_with_weights_and_published_numbers(iis: Iis, install: Install) -> None:
    spec = """
@hookimpl
def iis_models():
    weights = Weights(url="https://example.org/a.pth", licence="MIT")
    results = {"grabcut": {"NoC@90": 1.5}}
    yield ModelSpec(name="more/net", target="a:b", summary="a network", weights=weights, results=results)
    yield ModelSpec(name="more/untrained", target="a:b", summary="another")
"""
    install("iis-more", {"more": "more_plugin"}, more_plugin=HEAD + spec)
    lines = [line.split(maxsplit=3) for line in iis("list", "models", "more/*").stdout.splitlines()]
    assert lines[1] == ["more/net", "published", "1.50", "a network"]
    assert lines[2] == ["more/untrained", "none", "another"]
    assert "toy/disks" in iis("list", "models").stdout
    assert iis("list", "models", "nothing/*").stdout == ""
    entry = json.loads(iis("list", "models", "more/*", "--json").stdout)[0]
    assert (entry["name"], entry["plugin"], entry["weights"]) == ("more/net", "iis-more", "published")
    assert entry["results"] == {"grabcut": {"NoC@90": 1.5}}


def test_list_without_a_kind_counts_the_kinds(iis: Iis) -> None:
    counts = json.loads(iis("list", "--json").stdout)
    assert list(counts) == list(SPEC_TYPES)
    assert counts["protocols"] == 5
    shown = [line.split()[:2] for line in iis("list").stdout.splitlines()]
    assert shown == [[kind, str(count)] for kind, count in counts.items()]


def test_many_names_of_one_plugin_are_one_line_that_says_how_to_see_them(iis: Iis, install: Install) -> None:
    spec = """
@hookimpl
def iis_models():
    for number in range(21):
        yield ModelSpec(name=f"many/net{number}", target="a:b", summary="a network")
"""
    install("iis-many", {"many": "many_plugin"}, many_plugin=HEAD + spec)
    (line,) = [line for line in iis("list", "models").stdout.splitlines() if line.startswith("many/")]
    assert line.split(maxsplit=1) == ["many/*", "21 models: iis list models 'many/*'"]
    assert len(iis("list", "models", "many/*").stdout.splitlines()) == 22
    assert sum(entry["plugin"] == "iis-many" for entry in json.loads(iis("list", "models", "--json").stdout)) == 21


def test_one_is_singular_and_a_plugin_of_commands_alone_offers_something(iis: Iis, install: Install) -> None:
    install("iis-more", {"more": "more_plugin"}, more_plugin=COMMANDS, more_commands=GREET)
    shown = " ".join(iis("plugins").stdout.split())
    assert "toy iis-toy 1.0: 1 model, 1 dataset" in shown
    assert "5 initial robots" in shown
    assert "more iis-more 1.0: 3 commands" in shown


@pytest.mark.parametrize("name", ["core/ritm", "core/grid", "toy/disks", "toy/shapes", "evaluate", "core/hierarchical"])
def test_show_says_everything_and_loads_nothing(name: str) -> None:
    program = """
import sys
from iis_core.cli import main
try: main()
finally: assert not {"torch", "cv2", "numpy", "iis_core.robots", "toy_parts"} & set(sys.modules)
"""
    command = [sys.executable, "-P", "-c", program, "show", name]
    result = subprocess.run(command, env=toy_environment(), text=True, capture_output=True, check=True)
    assert name in result.stdout


def test_show_lists_every_keyword(iis: Iis) -> None:
    (entry,) = json.loads(iis("show", "toy/disks", "--json").stdout)
    shrink = {"name": "shrink", "type": "float", "required": False, "default": 0.85, "choices": []}
    assert entry["keywords"][0] == {**shrink, "meaning": "how much smaller each disk is than the one before."}
    assert "  shrink: float = 0.85\n      how much smaller each disk" in iis("show", "toy/disks").stdout
    rules = {
        entry["name"]: entry["default"]
        for entry in json.loads(iis("show", "core/gto99", "--json").stdout)[1]["keywords"]
    }
    assert rules == {"robot": "core/gto99", "threshold": 0.5, "inclusive": True, "max_clicks": 20, "stop_iou": None}
    assert "columns: int = 4\n" in iis("show", "core/grid").stdout
    assert "(required)\n" in iis("show", "core/mix").stdout


def test_show_writes_facts_in_lines_and_choices_with_their_keywords(iis: Iis, install: Install) -> None:
    spec = """
@hookimpl
def iis_models():
    weights = Weights(url="https://example.org/a.pth", licence="MIT", size=2_000_000, sha256="ab" * 32)
    results = {"grabcut": {"NoC@85": 1.4, "NoC@90": 1.5}, "sbd": {"NoC@90": 6.0}}
    yield ModelSpec(name="more/net", target="more_parts:Net", summary="a network", weights=weights, results=results,
                    config={"depth": 3, "kind": "wide"}, choices={"kind": ("wide", "deep"), "depth": (3,)})
@hookimpl
def iis_datasets():
    yield DatasetSpec(name="more/set", target="more_parts:Net", summary="a set", archive=Download(url="https://example.org/a.zip"))
"""
    parts = "class Net:\n    def __init__(self, depth: int, kind: str) -> None: raise SystemExit\n"
    install("iis-more", {"more": "more_plugin"}, more_plugin=HEAD + spec, more_parts=parts)
    shown = iis("show", "more/net").stdout
    for line in (
        "weights         https://example.org/a.pth",
        "                size 2.0 MB",
        "results         grabcut: NoC@85 1.4, NoC@90 1.5",
        "                sbd: NoC@90 6.0",
        "  depth: int = 3\n      fixed by the name",
        "  kind: str = wide\n      one of wide, deep",
        "  weights: str | Path | None = null",
    ):
        assert line in shown, line
    assert "archive" in iis("show", "more/set").stdout
    assert "{" not in shown + iis("show", "more/set").stdout


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("nowhere:Net", "'nowhere:Net' cannot be imported"),
        ("more_parts:Lost", "has no 'Lost'"),
        ("more_parts:Open", "takes **keywords"),
        ("more_parts:number", "cannot be called"),
        ("broken_parts:Net", "SyntaxError"),
    ],
)
def test_show_shows_what_is_broken(iis: Iis, install: Install, target: str, says: str) -> None:
    spec = f"""
@hookimpl
def iis_models():
    yield ModelSpec(name="more/net", target={target!r}, summary="a network")
"""
    parts = "number = 3\nclass Open:\n    def __init__(self, **more): pass\n"
    modules = {"more_plugin": HEAD + spec, "more_parts": parts, "broken_parts": "def ("}
    install("iis-more", {"more": "more_plugin"}, **modules)
    result = iis("show", "more/net")
    assert result.returncode == 0
    assert "summary" in result.stdout
    assert "keywords cannot be read" in result.stdout
    assert says in result.stdout
    assert says in json.loads(iis("show", "more/net", "--json").stdout)[0]["problem"]


COMMANDS = """
from iis_core.plugins import CommandSpec, hookimpl
IIS_API = 1
@hookimpl
def iis_commands():
    yield CommandSpec(name="more/greet", target="more_commands:greet", summary="Say hello.")
    yield CommandSpec(name="more/lost", target="more_commands:lost", summary="Is not there.")
    yield CommandSpec(name="more/function", target="more_commands:function", summary="Is no command.")
"""
GREET = """
import click
@click.command()
@click.argument("name")
def greet(name):
    "Say hello."
    click.echo(f"hello {name}")
def function():
    pass
"""


def test_a_plugin_adds_commands(iis: Iis, install: Callable[..., Path]) -> None:
    install("iis-more", {"more": "more_plugin"}, more_plugin=COMMANDS, more_commands=GREET)
    assert iis("greet", "you").stdout == "hello you\n"
    shown = iis("--help").stdout
    assert "Commands of plugins" in shown
    assert "Say hello." in shown
    assert iis("list", "commands", "more/*").stdout.startswith("more/function")
    for name, message in (("lost", "more_commands has no 'lost'"), ("function", "its target is no click command")):
        result = iis(name)
        assert (result.returncode, message in result.stderr) == (3, True)


def test_a_command_of_a_plugin_that_is_missing_says_how_to_install_it(
    iis: Iis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["iis_core.cli.main"], "OWN_COMMANDS", {"shake": "absent"})
    result = iis("shake")
    assert result.returncode == 2
    assert "iis shake: the plugin iis-absent is not installed" in result.stderr


def test_a_command_called_like_one_of_the_core_is_a_problem_and_has_its_full_name(iis: Iis, install: Install) -> None:
    commands = COMMANDS.replace("more/greet", "more/report").replace("more/lost", "more/list")
    install("iis-more", {"more": "more_plugin"}, more_plugin=commands, more_commands=GREET)
    shown = iis("plugins").stdout
    assert "`iis report` is the core's own command, that of iis-more is `iis more/report`" in shown
    assert "more/report" in iis("--help").stdout
    assert iis("more/report", "you").stdout == "hello you\n"
    assert "Usage: iis report" in iis("report", "-h").stdout


def test_two_commands_of_one_name_go_by_their_full_names(iis: Iis, install: Install) -> None:
    for name in ("more", "less"):
        source = COMMANDS.replace("more/", f"{name}/").replace("more_", f"{name}_")
        install(f"iis-{name}", {name: f"{name}_plugin"}, **{f"{name}_plugin": source, f"{name}_commands": GREET})
    result = iis("greet", "you")
    assert (result.returncode, "more/greet" in result.stderr) == (2, True)
    assert iis("less/greet", "you").stdout == "hello you\n"


def test_the_commands_of_the_core_say_what_their_summaries_say(iis: Iis) -> None:
    shown = iis("--help").stdout
    assert shown.count("...") == 1  # that of the usage
    assert json.loads(iis("show", "evaluate", "--json").stdout)[0]["summary"] in shown


def test_a_command_of_a_broken_plugin_says_what_is_broken(
    iis: Iis, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["iis_core.cli.main"], "OWN_COMMANDS", {"shake": "more"})
    install("iis-more", {"more": "more_plugin"}, more_plugin="raise RuntimeError('boom')")
    assert "iis shake: plugin 'more' of iis-more (import): RuntimeError: boom" in iis("shake").stderr
