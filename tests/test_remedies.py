"""What a message advises works: commands and options that messages name exist, and provoked remedies are run."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import importlib_metadata
import pytest
from toy_net import PARTS, PLUGIN

import iis_core
from iis_core import load_model
from iis_core.cli.main import cli
from iis_core.errors import UserError
from iis_core.plugins.catalog import OWN_COMMANDS, catalog

Iis = Callable[..., Any]


def list_packages() -> Iterator[Path]:
    """The folders of the core and of the plugins of this repository that are installed."""
    yield Path(iis_core.__file__).parent
    for claim in catalog().plugins:
        if claim.distribution.startswith("iis-") and claim.module.endswith(".plugin"):
            yield Path(importlib.import_module(claim.module).__file__ or "").parent


def list_texts() -> dict[str, str]:
    """Every text of the sources that is no docstring, with `X` for what is filled in, by where it stands."""
    texts = {}
    for package in list_packages():
        for file in sorted(package.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.JoinedStr):
                    parts = (part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
                    texts[f"{file.relative_to(package.parent)}:{node.lineno}"] = "".join(map(str, parts))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.setdefault(f"{file.relative_to(package.parent)}:{node.lineno}", node.value)
    return texts


def list_commands(group: click.Group = cli, name: str = "iis") -> Iterator[tuple[str, click.Command]]:
    for child in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), child)
        assert command is not None
        yield f"{name} {child}", command
        if isinstance(command, click.Group):
            yield from list_commands(command, f"{name} {child}")


def parse(command: str) -> None:
    """Parse a command as the shell and click would, without running it; capitals stand for any name."""
    words = shlex.split(command.replace("...", ""))[1:]
    found: click.Command | None = cli
    while isinstance(found, click.Group) and words:
        name, *words = words
        if name.isupper() or name in OWN_COMMANDS:
            return
        found = found.get_command(click.Context(found), name)
    assert found is not None, f"there is no command {command}"
    if not words:  # e.g. `iis check` as the name of the command
        return
    try:
        found.make_context(command, words, parent=click.Context(cli, **cli.context_settings))
    except UserError as error:  # options are parsed before names are looked up
        if not re.search(r"is named '[A-Z]+'|is not installed", str(error)):
            raise


def test_every_command_that_a_message_names_can_be_given() -> None:
    named = {where: re.findall(r"`(iis [^`]+)`", text) for where, text in list_texts().items()}
    assert sum(map(len, named.values())) > 10
    for where, commands in named.items():
        for command in commands:
            try:
                parse(command)
            except click.UsageError as error:
                pytest.fail(f"{where} names `{command}`: {error}")


def test_every_option_that_a_message_names_exists() -> None:
    known = {"--help", "--force-reinstall"}  # of pip
    for _, command in list_commands():
        known |= {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for claim in catalog().plugins:
        if claim.namespace in OWN_COMMANDS.values():
            known |= {"--dry-run", "--resume-with"}
    texts = {where: text for where, text in list_texts().items() if "`" in text or " " in text.strip()}
    for where, text in texts.items():
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text):
            assert option in known, f"{where} names {option}"


def test_every_extra_that_a_message_names_exists() -> None:
    for where, text in list_texts().items():
        for package, extra in re.findall(r"pip install '(iis-[a-z0-9]+|\.)\[([a-z-]+)\]'", text):
            extras = importlib_metadata.metadata("iis-core" if package == "." else package).get_all("Provides-Extra")
            assert extra in (extras or ()), where


@pytest.fixture(autouse=True)
def workplace(install: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install("iis-net", {"net": "net_plugin"}, net_plugin=PLUGIN, net_parts=PARTS)
    monkeypatch.setenv("IIS_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("IIS_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


EVALUATE = "iis evaluate --model toy/disks --dataset toy/shapes --limit 1 --out run"


@pytest.mark.parametrize(
    ("provoked", "said", "advised"),
    [
        ("iis weights toy/disks --to new", "leave --to out", "iis weights toy/disks"),
        ("iis weights net/none --get", "`iis weights net/none`", "iis weights net/none"),
        ("iis weights net/none --to new", "add --from PATH", "iis weights net/wide2 --to new --from random"),
        ("iis weights net/wide2 --to new", "add --from PATH", "iis weights net/wide2 --to new --from random"),
        ("iis weights net/wide2 --from random", "add --to", "iis weights net/wide2 --from random --to new"),
        ("iis check toy/disks --set shrnk=1", "did you mean 'shrink'", "iis check toy/disks --set shrink=1"),
        (f"{EVALUATE} --set weights=random", "leave `weights` out", EVALUATE),
        ("iis evaluate --model toy/disk", "did you mean 'toy/disks'", EVALUATE),
        ("iis evaluate --model toy/xyzzy", "`iis list models`", "iis list models"),
        ("iis evaluate --dataset toy/xyzzy", "`iis list datasets`", "iis list datasets"),
        ("iis show xyzzy", "`iis plugins`", "iis plugins"),
        ("iis check xyzzy", "", "iis plugins"),
        (f"{EVALUATE} --stop-iou x", "takes a number or none", f"{EVALUATE} --stop-iou none"),
        (f"{EVALUATE} --threshold 2", "must lie in", f"{EVALUATE} --threshold 1"),
        ("iis data check toy/shapes --data cont=2", "did you mean 'count'", "iis data check toy/shapes --data count=2"),
    ],
)
def test_a_remedy_of_a_command_works(iis: Iis, provoked: str, said: str, advised: str) -> None:
    result = iis(*shlex.split(provoked)[1:])
    assert (result.returncode, said in result.stderr) == (2, True), result.stderr
    again = iis(*shlex.split(advised)[1:])
    assert again.returncode == 0, again.stderr


def test_what_is_shown_for_weights_that_are_nowhere_works(iis: Iis) -> None:
    (untrained,) = re.findall(r"`(iis [^`]+)`", iis("weights", "net/none").stdout)
    assert untrained == "iis evaluate --model net/none --set weights=random"
    shown = untrained.replace("net/none", "net/wide2")  # net/none itself is broken
    parse(shown)
    load_model("net/wide2", weights="random")
    (get,) = re.findall(r"`(iis [^`]+)`", iis("weights", "net/wide2").stdout)
    parse(get)


def test_what_is_advised_for_missing_weights_works(iis: Iis, workplace: Path) -> None:
    with pytest.raises(UserError, match=r"`iis weights net/wide2 --get`, or give weights=PATH, or weights='random'"):
        load_model("net/wide2")
    load_model("net/wide2", weights="random")
    assert iis("weights", "net/wide2", "--from", "random", "--to", "folder").returncode == 0
    load_model("net/wide2", weights="folder")
    load_model("folder")
