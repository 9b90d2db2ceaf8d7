"""The rules of the repository: who may import whom, and that every list of plugins is whole."""

from __future__ import annotations

import ast
import configparser
import re
from pathlib import Path

import pytest

from iis_core.plugins.catalog import OWN_PLUGINS

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = sorted(path for path in (ROOT / "plugins").iterdir() if (path / "pyproject.toml").exists())


def imported_packages(folder: Path) -> set[str]:
    found = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add((node.module or "").split(".")[0])
    return found


def test_core_imports_no_plugin() -> None:
    packages = {plugin.name.replace("-", "_") for plugin in PLUGINS}
    assert not imported_packages(ROOT / "iis_core") & packages


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_imports_no_other_plugin(plugin: Path) -> None:
    others = {other.name.replace("-", "_") for other in PLUGINS if other != plugin}
    imported = imported_packages(plugin / "src")
    assert "iis_core" in imported, "nothing was read"
    assert not imported & others


def test_tox_has_an_environment_for_every_plugin() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    environments = {name.strip() for name in tox["tox"]["env_list"].replace("\n", ",").split(",")}
    others = {"all", "core", "docs", "lint", "template", "types"}
    assert environments - others == {plugin.name.removeprefix("iis-") for plugin in PLUGINS}


def test_the_readme_has_a_row_for_every_plugin() -> None:
    rows = re.findall(r"^\| \[`(.+)`\]\(plugins/(.+)/README\.md\) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(rows) == [(plugin.name, plugin.name) for plugin in PLUGINS]


def test_core_knows_the_plugins_beside_it() -> None:
    assert {plugin.name for plugin in PLUGINS} == {f"iis-{name}" for name in OWN_PLUGINS}


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_has_a_readme_and_tests(plugin: Path) -> None:
    assert (plugin / "README.md").stat().st_size > 200
    assert list((plugin / "tests").glob("test_*.py"))


@pytest.mark.parametrize(
    "package", [ROOT / "iis_core", *(path.parent for path in ROOT.glob("plugins/*/src/*/plugin.py"))]
)
def test_a_package_says_that_it_is_typed(package: Path) -> None:
    assert (package / "py.typed").is_file()
