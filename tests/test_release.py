"""What a release needs: versions that agree, a changelog, packages that build, licences that are known."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import importlib_metadata
import pytest

from iis_core.plugins.catalog import OWN_PLUGINS, catalog

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = [ROOT, *(ROOT / "plugins" / f"iis-{name}" for name in OWN_PLUGINS)]
TEMPLATE = ROOT / "examples" / "iis-plugin-template"

UNSTATED = ("cuda-", "nvidia-", "triton")
"""Begins of names of what torch brings for GPUs, under NVIDIA's terms."""


def project(folder: Path) -> Any:
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("folder", [*PACKAGES, TEMPLATE], ids=lambda folder: project(folder)["name"])
def test_versions_agree_and_the_changelog_has_them(folder: Path) -> None:
    version = project(ROOT)["version"]
    assert project(folder)["version"] == version
    assert re.search(rf"^## {re.escape(version)} ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    packaging_requirements = pytest.importorskip("packaging.requirements")
    required = [packaging_requirements.Requirement(text) for text in project(folder)["dependencies"]]
    cores = [requirement for requirement in required if requirement.name == "iis-core"]
    assert all(version in requirement.specifier for requirement in cores)
    assert bool(cores) == (folder != ROOT)


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: project(folder)["name"])
def test_it_builds_what_an_index_takes(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("twine")
    subprocess.run([sys.executable, "-m", "uv", "build", "--quiet", "--out-dir", tmp_path, folder], check=True)
    wheels, archives = [*tmp_path.glob("*.whl")], [*tmp_path.glob("*.tar.gz")]
    assert (len(wheels), len(archives)) == (1, 1)
    check = [sys.executable, "-m", "twine", "check", "--strict", *wheels, *archives]
    twine = subprocess.run(check, capture_output=True, text=True, check=False)
    assert twine.returncode == 0, twine.stdout
    names = zipfile.ZipFile(wheels[0]).namelist()
    assert any(name.endswith("py.typed") for name in names)
    assert not [name for name in names if "test_" in name and not name.startswith("iis_core/template/")]


def test_licences_of_what_is_required_are_known_and_allow_any_use() -> None:
    if {f"iis-{name}" for name in OWN_PLUGINS} - {claim.distribution for claim in catalog().plugins}:
        pytest.skip("not everything is installed")
    licences = {name: licence(name) for name in sorted(required_by(["iis-core", *(f"iis-{n}" for n in OWN_PLUGINS)]))}
    assert {"iis-core", "iis-smp", "torch", "timm"} <= licences.keys()
    stated = {name: text for name, text in licences.items() if not name.startswith(UNSTATED)}
    assert [name for name, text in stated.items() if not text] == []
    assert [f"{name}: {text}" for name, text in stated.items() if re.search(r"GPL|GNU|Commons.*NC", text)] == []


def required_by(names: list[str]) -> set[str]:
    """Installed distributions that these need, and what those need, extras left out."""
    requirements = pytest.importorskip("packaging.requirements")
    found: set[str] = set()
    while names:
        name = re.sub(r"[-_.]+", "-", names.pop()).lower()
        if name not in found:
            found.add(name)
            needed = [requirements.Requirement(text) for text in importlib_metadata.requires(name) or ()]
            names += [r.name for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
    return found


def licence(name: str) -> str:
    """What the metadata say: an expression, else classifiers, else free text."""
    metadata = importlib_metadata.metadata(name)
    classifiers = [text for text in metadata.get_all("Classifier") or () if text.startswith("License ::")]
    return metadata.get("License-Expression") or "; ".join(classifiers) or (metadata.get("License") or "")[:200]
