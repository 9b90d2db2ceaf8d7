"""What is tested is what was installed, and it stays light until it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import importlib_metadata
import pytest
from toy_runs import run

import iis_core

HEAVY = ("torch", "cv2", "skimage", "timm", "torchvision", "scipy", "numpy", "rich")


def test_iis_core_is_imported_from_the_environment_not_from_the_checkout() -> None:
    place = Path(iis_core.__file__).resolve()
    assert place.is_relative_to(Path(sys.prefix).resolve())
    assert not place.is_relative_to(Path(__file__).resolve().parents[1] / "iis_core")


def test_one_opencv_distribution_is_installed() -> None:
    installed = {d.metadata["Name"] for d in importlib_metadata.distributions()}
    assert {name for name in installed if name and name.startswith("opencv")} == {"opencv-python"}


@pytest.mark.parametrize(
    "statement",
    [
        "import iis_core",
        "from iis_core.cli.main import cli; cli.main(['--help'], standalone_mode=False)",
        "from iis_core.cli.main import cli; cli.main(['list', 'models'], standalone_mode=False)",
        "from iis_core.cli.main import cli; cli.main(['list', 'datasets', '--json'], standalone_mode=False)",
        "from iis_core.cli.main import cli; cli.main(['plugins'], standalone_mode=False)",
        "from iis_core.cli.main import cli; cli.main(['show', 'ritm'], standalone_mode=False)",
    ],
)
def test_listing_imports_nothing_heavy(statement: str) -> None:
    program = f"{statement}\nimport sys; print('heavy:', sorted(set({HEAVY}) & set(sys.modules)))"
    output = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[-1] == "heavy: []"


@pytest.mark.parametrize("options", [(), ("--json",), ("--auc", "--noc", 0.8), ("--iou-at", 3, "--csv")])
def test_a_report_computes_from_records_without_torch_and_opencv(tmp_path: Path, options: tuple[object, ...]) -> None:
    folder = run(tmp_path / "run", overrides={"stop_iou": None, "max_clicks": 3}).path
    arguments = [*map(str, ("report", folder, *options))]
    program = f"""from iis_core.cli.main import cli
cli.main({arguments}, standalone_mode=False)
import sys; print('heavy:', sorted((set({HEAVY}) - {{"rich", "numpy", "scipy"}}) & set(sys.modules)))"""
    output = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[-1] == "heavy: []"


def test_every_public_name_exists() -> None:
    for name in iis_core.__all__:
        assert getattr(iis_core, name) is not None
    assert set(iis_core.__all__) <= set(dir(iis_core))


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="iis_core attribute evalate"):
        _ = iis_core.evalate


FIRST = """
import os, sys, traceback
import click, cv2, numpy, rich.progress, scipy.ndimage, torch
assert not [name for name in sys.modules if name.startswith("iis_core")]
failed = []
for name in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        try:
            __import__(name)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    failed += [name] if os.waitpid(child, 0)[1] else []
print(*failed)
"""
"""Imports each of the modules in a process that has imported only what does not belong to the core."""


def test_every_core_module_can_be_imported_first() -> None:
    place = Path(iis_core.__file__).parent
    files = [path for path in place.rglob("*.py") if path.name != "__main__.py"]
    modules = [".".join(path.relative_to(place.parent).with_suffix("").parts) for path in files]
    command = [sys.executable, "-P", "-c", FIRST, *(name.removesuffix(".__init__") for name in modules)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "\n", done.stderr
