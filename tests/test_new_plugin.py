"""`iis new-plugin` writes a package that works; the example is what it writes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from iis_core.cli.new_plugin import write_plugin

pytest.importorskip("copier")

Iis = Callable[..., subprocess.CompletedProcess[str]]

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "iis-plugin-template"


def contents(folder: Path) -> dict[str, str]:
    written = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in written if ".hypothesis" not in path.parts
    }


def test_the_example_is_what_it_writes(tmp_path: Path) -> None:
    write_plugin("iis-plugin-template", tmp_path / "iis-plugin-template")  # the command refuses what is installed
    assert contents(tmp_path / "iis-plugin-template") == contents(EXAMPLE)


def test_names_are_put_everywhere(iis: Iis, tmp_path: Path) -> None:
    result = iis("new-plugin", "iis-my-net", cwd=tmp_path)
    assert result.stdout == "iis-my-net is written; next: pip install ./iis-my-net && iis check iis-my-net\n"
    written = contents(tmp_path / "iis-my-net")
    assert {"src/iis_my_net/plugin.py", "tests/test_plugin.py", "README.md", "pyproject.toml"} <= written.keys()
    assert 'my-net = "iis_my_net.plugin"' in written["pyproject.toml"]
    assert "{{" not in "".join(written.values())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mine", "a plugin is called iis-NAME"),
        ("iis-Mine", "a plugin is called iis-NAME"),
        ("iis_mine", "a plugin is called iis-NAME"),
        ("iis-smp", "iis-smp exists already: choose another name"),
        ("iis-toy", "iis-toy exists already"),
        ("iis-there", "iis-there exists already: choose another name, or delete it first"),
    ],
)
def test_a_name_that_will_not_do_is_refused(iis: Iis, tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "iis-there").mkdir()
    result = iis("new-plugin", name, cwd=tmp_path)
    assert result.returncode == 2
    assert says in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["iis-there"]
