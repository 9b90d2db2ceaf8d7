"""Everything that is written: on a full disk, into a folder without rights, and into one that is removed meanwhile."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toy_runs import essence, run

from iis_core import UserError, load_model, read_run
from iis_core.evaluation.failures import Failure
from iis_core.evaluation.processes import Rank
from iis_core.evaluation.run_folder import open_run
from iis_core.evaluation.runs import Run
from iis_core.files.images import write_image, write_mask
from iis_core.files.writing import write_bytes, write_json

Writer = Callable[[Path, Run], Any]

NOISE = np.random.default_rng(0).integers(0, 255, (400, 400, 3), dtype=np.uint8)


def write_records(folder: Path, finished: Run) -> None:
    with open_run(folder / "run", finished.settings, finished.ids, dict, Rank()) as writer:
        for record in finished.records:
            writer.append(record)


def write_failures(folder: Path, finished: Run) -> None:
    with open_run(folder / "run", finished.settings, finished.ids, dict, Rank()) as writer:
        for _ in range(3):
            writer.fail(Failure("shape1", "x" * 9000))


def write_description(folder: Path, finished: Run) -> None:
    with open_run(folder / "run", finished.settings, finished.ids, lambda: {"machine": "x" * 20_000}, Rank()):
        pass


def write_model(folder: Path, finished: Run) -> None:
    from iis_core.models.weights import save_model
    from iis_core.plugins.offers import ModelOrigin, origin_of

    model: Any = load_model("toy/disks")
    origin: Any = origin_of(model)
    model.network = torch.nn.Linear(100, 100)
    model.origin = ModelOrigin(origin.offer, {}, config={}, weights="random", sha256=None, frozen=())
    save_model(folder / "model", model)


def write_plugin(folder: Path, finished: Run) -> None:
    pytest.importorskip("copier")
    from iis_core.cli.new_plugin import new_plugin

    new_plugin.main(["iis-own", "--into", str(folder)], standalone_mode=False)


def write_plot(folder: Path, finished: Run) -> None:
    pytest.importorskip("matplotlib")
    from iis_core.report.curves import plot_curves

    plot_curves([finished], folder / "plot.png")


WRITERS: dict[str, Writer] = {
    "records": write_records,
    "failures": write_failures,
    "run.json": write_description,
    "a whole run": lambda folder, finished: run(folder / "run", pictures=8, save_masks=True),
    "a mask": lambda folder, finished: write_mask(folder / "mask.png", NOISE[:, :, 0] > 99),
    "a picture": lambda folder, finished: write_image(folder / "picture.png", NOISE),
    "a model folder": write_model,
    "JSON": lambda folder, finished: write_json(folder / "a.json", ["x" * 20_000]),
    "bytes": lambda folder, finished: write_bytes(folder / "a.bin", b"x" * 20_000),
    "a plugin": write_plugin,
    "a plot": write_plot,
}


@pytest.fixture(scope="module")
def finished() -> Run:
    return run(None)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_explained(name: str, small_disk: Path, finished: Run) -> None:
    with pytest.raises(UserError, match="No space left on device") as caught:
        WRITERS[name](small_disk, finished)
    assert str(small_disk) in str(caught.value)
    assert not [file for file in small_disk.rglob("*") if file.name.endswith(".partial")]


@pytest.mark.parametrize("name", WRITERS)
def test_a_disk_that_is_full_only_once_the_data_is_flushed_is_explained(
    name: str, tmp_path: Path, finished: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    if name in ("a plugin", "a plot"):
        WRITERS[name](tmp_path, finished)  # made again at will, so not flushed
        return
    with pytest.raises(UserError, match="No space left on device"):
        WRITERS[name](tmp_path, finished)


# A whole run reads what is installed, which a user without rights may not.
@pytest.mark.parametrize("name", sorted(WRITERS.keys() - {"a whole run"}))
def test_a_folder_without_rights_is_explained(name: str, tmp_path: Path, finished: Run) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    if name == "a model folder":
        WRITERS[name](tmp_path, finished)  # what it imports may write caches
    folder.chmod(0o555)
    user = os.geteuid()
    # Root may write everywhere: give that up, for a user without rights.
    os.seteuid(65534 if user == 0 else user)
    try:
        with pytest.raises(UserError, match="Permission denied") as caught:
            WRITERS[name](folder, finished)
    finally:
        os.seteuid(user)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("name", ["a mask", "a picture", "JSON", "bytes", "a plot"])
def test_a_folder_that_is_gone_is_explained(name: str, tmp_path: Path, finished: Run) -> None:
    with pytest.raises(UserError, match=r"gone.*No such file"):
        WRITERS[name](tmp_path / "gone", finished)


def remove(folder: Path) -> None:
    shutil.rmtree(folder)


def move(folder: Path) -> None:
    folder.rename(folder.with_name("moved"))


def replace(folder: Path) -> None:
    move(folder)
    shutil.copytree(folder.with_name("moved"), folder)


def remove_file(folder: Path) -> None:
    (folder / "records.jsonl").unlink()


@pytest.mark.parametrize("change", [remove, move, replace, remove_file])
def test_records_that_would_be_lost_are_noticed_at_the_next_one(
    change: Callable[[Path], None], tmp_path: Path, finished: Run
) -> None:
    folder = tmp_path / "run"
    with open_run(folder, finished.settings, finished.ids, dict, Rank()) as writer:
        writer.append(finished.records[0])
        change(folder)
        with pytest.raises(UserError, match=r"records\.jsonl was removed or replaced while it was written"):
            writer.append(finished.records[1])
    if change is move:
        folder.with_name("moved").rename(folder)
        assert len(read_run(folder).records) == 2


def test_a_run_that_met_a_full_disk_goes_on_once_there_is_room(small_disk: Path, finished: Run) -> None:
    with pytest.raises(UserError, match="make room and run the same command again; every record before is kept"):
        write_records(small_disk, finished)
    kept = read_run(small_disk / "run")
    assert 0 < len(kept.records) < 8
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    with open_run(small_disk / "run", finished.settings, finished.ids, dict, Rank()) as writer:
        assert len(writer.records) == len(kept.records)
        for record in finished.records[len(kept.records) :]:
            writer.append(record)
    assert essence(read_run(small_disk / "run")) == essence(finished)


@pytest.mark.parametrize("name", ["run.json.partial-0", "records.jsonl", "failures.jsonl", ".lock-0-of-1"])
def test_a_link_that_somebody_planted_costs_no_other_file(name: str, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("a line without an end")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / name).symlink_to(precious)
    if name == "records.jsonl":
        with pytest.raises(UserError, match=r"has records but no run\.json"):
            run(folder)
        (folder / name).unlink()
        run(folder)
        (folder / name).unlink()
        (folder / name).symlink_to(precious)
        with pytest.raises(UserError, match=r"records\.jsonl: .*symbolic links"):
            run(folder)
    elif name == ".lock-0-of-1":
        with pytest.raises(UserError):
            run(folder)
    else:
        run(folder)
    assert precious.read_text() == "a line without an end"
