"""Bundles: a run in one file, that says what the run folder says."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from toy_runs import essence, run

from iis_core import evaluate, read_run


@pytest.fixture
def bundle(tmp_path: Path, iis: Callable) -> Path:
    folder = run(tmp_path / "run", save_masks=True).path
    assert iis("report", folder, "--bundle", tmp_path / "a.zip").returncode == 0
    return tmp_path / "a.zip"


def rewrite(bundle: Path, **entries: bytes | None) -> None:
    with zipfile.ZipFile(bundle) as file:
        content: dict[str, bytes | None] = {name: file.read(name) for name in file.namelist()}
    content |= {f"{name}.{'json' if name == 'run' else 'jsonl'}": entry for name, entry in entries.items()}
    with zipfile.ZipFile(bundle, "w") as file:
        for name, entry in content.items():
            if entry is not None:
                file.writestr(name, entry)


def test_a_bundle_is_read_as_the_run_is(tmp_path: Path, bundle: Path, iis: Callable) -> None:
    folder, bundled = read_run(tmp_path / "run"), read_run(bundle)
    assert bundled.path == bundle
    for part in ("settings", "ids", "records", "failures", "provenance"):
        assert getattr(bundled, part) == getattr(folder, part)
    whole, again = (json.loads(iis("report", place, "--json", "--timings").stdout) for place in (folder.path, bundle))
    assert [{**row, "run": ""} for row in whole] == [{**row, "run": ""} for row in again]
    assert iis("report", bundle, "--csv").returncode == 0
    assert "counts are identical on 8 of 8 objects\n" in iis("replay", bundle).stdout
    assert iis("replay", bundle, "--model", "toy/disks", "--out", tmp_path / "new").returncode == 0
    assert essence(read_run(tmp_path / "new"))[0]["clicks"] == essence(folder)[0]["clicks"]


def test_a_bundle_holds_what_is_to_be_handed_over(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as file:
        names = file.namelist()
        table, packages = (file.read(name).decode().splitlines() for name in ("report.md", "environment.txt"))
    assert names == ["environment.txt", "failures.jsonl", "records.jsonl", "report.md", "run.json"]
    assert any("NoC@85" in line for line in table)
    assert any("toy/disks" in line for line in table)
    assert any(line.startswith("iis-core==") for line in packages)
    assert any(line.startswith("# opencv ") for line in packages)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path, bundle: Path, iis: Callable) -> None:
    first = bundle.read_bytes()
    assert iis("report", tmp_path / "run", "--bundle", bundle).returncode == 0
    assert bundle.read_bytes() == first
    run(tmp_path / "run")
    records = tmp_path / "run" / "records.jsonl"
    lines = records.read_text().splitlines(keepends=True)
    (tmp_path / "run" / "records-1.jsonl").write_text("".join(lines[5:]))
    records.write_text("".join(reversed(lines[:5])))
    shutil.copytree(tmp_path / "run", tmp_path / "elsewhere" / "run")
    for source in (tmp_path / "run", tmp_path / "elsewhere" / "run"):
        assert iis("report", source, "--bundle", tmp_path / "b.zip").returncode == 0
        assert (tmp_path / "b.zip").read_bytes() == first


def test_unfinished_and_failed_objects_and_old_runs_are_bundled(tmp_path: Path, iis: Callable) -> None:
    from toy_parts import SpoiltDataset

    with pytest.warns(UserWarning, match="1 of 8 objects failed"):
        evaluate("toy/disks", SpoiltDataset(unreadable=[2]), out=tmp_path / "run")
    content = json.loads((tmp_path / "run" / "run.json").read_text())
    del content["packages"], content["machine"]
    (tmp_path / "run" / "run.json").write_text(json.dumps(content))
    assert iis("report", tmp_path / "run", "--bundle", tmp_path / "a.zip").returncode == 0
    assert read_run(tmp_path / "a.zip").failures == read_run(tmp_path / "run").failures != ()
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        assert b"- shape2 failed: " in file.read("report.md")
        assert b"numpy==" in file.read("environment.txt")


def test_a_bundle_is_written_whole_or_not_at_all(tmp_path: Path, bundle: Path, iis: Callable, small_files) -> None:
    before = bundle.read_bytes()
    with small_files(1000):
        result = iis("report", tmp_path / "run", "--bundle", bundle)
    assert (result.returncode, "a.zip cannot be written" in result.stderr) == (2, True)
    assert bundle.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.zip", "run"]


def test_mistakes_are_named(tmp_path: Path, bundle: Path, iis: Callable) -> None:
    folder = tmp_path / "run"
    for arguments, says in (
        (("report", folder, "--bundle", tmp_path / "a.tar"), "a.tar must end in .zip"),
        (("report", folder, bundle, "--bundle", tmp_path / "b.zip"), "--bundle takes one run, not 2"),
        (("report", bundle, "--bundle", bundle), "is the input"),
        (("report", bundle, "--plot", bundle), "is the input"),
        (("pictures", bundle), "is a bundle: say by --out DIR where to write"),
        (("report", folder / "run.json"), "run.json is no sound ZIP file"),
        (("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--out", bundle), "choose another folder"),
    ):
        result = iis(*arguments)
        assert (result.returncode, says in result.stderr) == (2, True), result.stderr
    assert iis("pictures", bundle, "--ids", "shape1", "--out", tmp_path / "drawn").returncode == 0


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"run": None}, "a.zip is not the bundle of a run: it has no run.json"),
        ({"run": b"{"}, "a.zip/run.json is damaged"),
        ({"run": b'{"format": 1}'}, "a.zip/run.json has format 1, this version reads format 2"),
        ({"records": b"{}\n"}, "a.zip/records.jsonl, line 1 is damaged"),
        ({"failures": b"{}\n"}, "a.zip/failures.jsonl, line 1 is damaged"),
    ],
)
def test_a_damaged_bundle_is_named(bundle: Path, iis: Callable, entries: dict[str, bytes | None], says: str) -> None:
    rewrite(bundle, **entries)
    result = iis("report", bundle)
    assert (result.returncode, says in result.stderr) == (2, True), result.stderr


def test_a_byte_that_was_changed_is_noticed(bundle: Path, iis: Callable) -> None:
    with zipfile.ZipFile(bundle) as file:
        place = file.getinfo("records.jsonl").header_offset + 200
    content = bytearray(bundle.read_bytes())
    content[place] ^= 1
    bundle.write_bytes(content)
    assert "a.zip is no sound ZIP file" in iis("report", bundle).stderr
