"""Fixtures for the core's tests."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from iis_core.cli import main
from iis_core.plugins.catalog import catalog

pytest_plugins = ["pytester"]

TESTS = Path(__file__).parent
TOY = TESTS / "toy"
sys.path.insert(0, str(TOY))

settings.register_profile(
    "iis", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("iis")


@pytest.fixture(autouse=True)
def fresh_catalog(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test finds the plugins anew, the toy plugin on the path among them."""
    monkeypatch.delenv("IIS_DISABLE_PLUGINS", raising=False)
    monkeypatch.delenv("IIS_STRICT", raising=False)
    catalog.cache_clear()
    yield
    catalog.cache_clear()


@pytest.fixture
def reference() -> Path:
    """The published outputs on synthetic inputs."""
    return TESTS / "reference"


@pytest.fixture
def targets(reference: Path) -> list[np.ndarray]:
    """The targets of the published outputs, int8 (H, W)."""
    arrays = np.load(reference / "targets.npz")
    return [arrays[f"target_{i}"] for i in range(len(arrays.files))]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Install a fake distribution: its entry points as {namespace: module}, its modules as {name: source}."""
    usual = "License-Expression: MIT\nRequires-Dist: iis-core>=0.1\n"

    def install(name: str, entry_points: dict[str, str], *, metadata: str = usual, **modules: str) -> Path:
        folder = tmp_path / name
        info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{metadata}")
        lines = [f"{namespace} = {module}" for namespace, module in entry_points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[iis_core.plugins]", *lines, ""]))
        for module, source in modules.items():
            (folder / f"{module}.py").write_text(source)
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.syspath_prepend(str(folder))
        catalog.cache_clear()
        return folder

    return install


@pytest.fixture
def small_files() -> Callable[[int], AbstractContextManager[None]]:
    """No file becomes larger than so many bytes, as on a full disk."""

    @contextmanager
    def small_files(largest: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return small_files


@pytest.fixture
def iis(monkeypatch: pytest.MonkeyPatch) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in this process, as a process of its own would end: status, output, errors."""

    def iis(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        command, out, err = ["iis", *map(str, arguments)], StringIO(), StringIO()
        catalog.cache_clear()
        with monkeypatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", command)
            for name, value in {"COLUMNS": "200", **environment}.items():
                patch.setenv(name, value)
            if cwd is not None:
                patch.chdir(cwd)
            with pytest.raises(SystemExit) as ended:
                main()
        return subprocess.CompletedProcess(command, ended.value.code or 0, out.getvalue(), err.getvalue())

    return iis
