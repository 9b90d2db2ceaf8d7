"""The blocks of code in the documentation run, page by page, in order, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import SkipTest

import pytest

sybil = pytest.importorskip("sybil")

from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser  # noqa: E402

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(page for page in DOCS.glob("*.md") if "```sh\n" in page.read_text() or "```python\n" in page.read_text())

PIP = """#!/bin/sh
# Installs beside the environment, not into it: this is what `pip install` of a page means.
shift
exec {python} -m uv pip install --quiet --no-deps --reinstall --target {site} "$@"
"""


@pytest.fixture
def run_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[sybil.Example], str | None]:
    """Runs a block by bash in the folder of the page."""
    programs, site = tmp_path / "bin", tmp_path / "site"
    programs.mkdir()
    (programs / "pip").write_text(PIP.format(python=sys.executable, site=site))
    (programs / "pip").chmod(0o755)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(site), "COLUMNS": "100"}

    def run_shell(example: sybil.Example) -> str | None:
        command = ["bash", "-euo", "pipefail", "-c", example.parsed]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else f"ended with {done.returncode}: {done.stdout}{done.stderr}"

    return run_shell


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_blocks_run(
    page: Path, run_shell: Callable[[sybil.Example], str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    monkeypatch.chdir(folder)
    shell = CodeBlockParser(language="sh", evaluator=run_shell)
    document = sybil.document.Document.parse(str(page), shell, PythonCodeBlockParser(), SkipParser())
    ran = 0
    for example in document.examples():
        try:
            example.evaluate()
        except SkipTest:
            continue
        ran += 1
    assert ran, f"{page.name} has blocks, and none of them is run"
