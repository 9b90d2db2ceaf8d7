"""The readers of the core."""

from __future__ import annotations

import functools
import os
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import hostile_contents as hostile
from hostile_reading import Reader, call, command


@functools.cache
def run_toy() -> bytes:
    """Return the `run.json` of a run of one object."""
    from iis_core import evaluate

    with TemporaryDirectory() as folder:
        evaluate("toy/disks", "toy/shapes", limit=1, out=Path(folder) / "run")
        return (Path(folder) / "run" / "run.json").read_bytes()


def write_run(path: Path, canary: Path) -> None:
    path.write_bytes(run_toy())


@functools.cache
def bundle_toy() -> dict[str, bytes]:
    """Return what the bundle of a run of one object holds."""
    from iis_core import evaluate
    from iis_core.evaluation.bundle import write_bundle

    with TemporaryDirectory() as folder:
        write_bundle(evaluate("toy/disks", "toy/shapes", limit=1, out=Path(folder) / "run"), Path(folder) / "a.zip")
        with zipfile.ZipFile(Path(folder) / "a.zip") as bundle:
            return {name: bundle.read(name) for name in bundle.namelist()}


def write_bundle(path: Path, canary: Path) -> None:
    hostile.zipped(lambda _: bundle_toy())(path, canary)


def bundle_with(name: str, write: hostile.Writer) -> hostile.Writer:
    """Write a bundle of which one entry is hostile."""

    def write_with(path: Path, canary: Path) -> None:
        write(path, canary)
        content = path.read_bytes()
        path.unlink()
        hostile.zipped(lambda _: {**bundle_toy(), name: content})(path, canary)

    return write_with


def write_lying_bundle(path: Path, canary: Path) -> None:
    """Write a bundle whose records are far larger than it says of them."""
    write_bundle(path, canary)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("records-1.jsonl", bytes(1 << 20))
    content = path.read_bytes()
    path.write_bytes(content.replace((1 << 20).to_bytes(4, "little"), (9).to_bytes(4, "little")))


def read_click_masks(folder: Path, text: str) -> None:
    from iis_core.files.pages import read_pages

    read_pages(folder / text, 2, (24, 32))


def write_click_masks(path: Path, canary: Path) -> None:
    import numpy as np

    from iis_core.files.pages import write_pages

    write_pages(path, [np.zeros((24, 32), bool), np.ones((24, 32), bool)])


def unpack(folder: Path, text: str) -> None:
    from iis_core.files.archives import unpack

    unpack(folder / text, folder / "unpacked")


def read_configuration(folder: Path, text: str) -> None:
    from iis_core.files.config import read_user_config

    with patch.dict(os.environ, {"IIS_CONFIG": str(folder / text)}):
        read_user_config()


def fetch(folder: Path, text: str) -> None:
    """Fetch `a.bin` of three bytes from where nothing answers."""
    from iis_core.files.downloads import fetch
    from iis_core.plugins import Download

    fetch(Download(url="https://127.0.0.1:9/a.bin", size=3), folder)


def write_weights(path: Path, canary: Path) -> None:
    import torch
    from safetensors.torch import save_file

    (save_file if path.suffix == ".safetensors" else torch.save)({"a": torch.zeros(3)}, path)


PREDICT = ("predict", "FOLDER/photo.png", "--model", "toy/disks", "--click", "3,4,+", "--out", "FOLDER/mask.png")
EVALUATE = ("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--out", "FOLDER/run", "--limit", "1")
WEIGHTS = {**hostile.EVERY, **hostile.BAD_PICKLES}
ARCHIVES = {**hostile.EVERY, **hostile.ARCHIVES}
del ARCHIVES["a ZIP bomb"]  # goes to the disk as what it is, a large file
PIXELS = {**hostile.EVERY, **hostile.IMAGES}
LINES = {name: hostile.end_line(write) for name, write in hostile.BAD_TEXT.items()}
RECORDS = {**hostile.EVERY, **{f"a line of {name}": write for name, write in LINES.items()}}


CORE: dict[str, Reader] = {
    "an image": Reader(command(*PREDICT), "photo.png", PIXELS, sound=hostile.image("PNG")),
    "a mask": Reader(
        call("iis_core.files.images:read_labels"), "mask.png", PIXELS, sound=hostile.image("PNG", (24, 32))
    ),
    "weights": Reader(
        call("iis_core.models.weights:read_weights"), "net.pth",
        {**WEIGHTS, **{f"{name}, as torch.save": hostile.torch_zip(w) for name, w in hostile.BAD_PICKLES.items()}},
        sound=write_weights,
    ),
    "safetensors": Reader(call("iis_core.models.weights:read_weights"), "net.safetensors", {
        **WEIGHTS,
        "a header of 4 GiB": hostile.text((1 << 32).to_bytes(8, "little") + b"{}"),
        "offsets beyond the file": hostile.text((68).to_bytes(8, "little") + (
            b'{"a":{"dtype":"F32","shape":[1073741824],"data_offsets":[0,99999]}}'.ljust(68))),
    }, sound=write_weights),
    "the description of a model folder": Reader(
        command("evaluate", "--model", "FOLDER/model", "--dataset", "toy/shapes", "--out", "FOLDER/run"),
        "model/model.json", hostile.EVERY,
    ),
    "the settings of a run": Reader(command("report", "FOLDER/run"), "run/run.json", hostile.EVERY),
    "the settings of a run to go on with": Reader(
        command(*EVALUATE), "run/run.json", hostile.EVERY, sound=write_run
    ),
    "the records of a run": Reader(
        command("report", "FOLDER/run"), "run/records.jsonl", RECORDS, {"run/run.json": write_run}
    ),
    "the records of a run to go on with": Reader(
        command(*EVALUATE), "run/records.jsonl", RECORDS, {"run/run.json": write_run},
        hostile.text(""),
    ),
    "a bundle": Reader(command("report", "FOLDER/a.zip"), "a.zip", {
        **hostile.EVERY,
        **hostile.ARCHIVES,
        "a bomb of records": hostile.zip_bomb("records.jsonl"),
        "a bomb of a description": hostile.zip_bomb("run.json"),
        "records that lie about their size": write_lying_bundle,
        **{f"settings of {name}": bundle_with("run.json", write) for name, write in hostile.BAD_TEXT.items()},
        **{f"records of {name}": bundle_with("records.jsonl", write) for name, write in LINES.items()},
    }, sound=write_bundle),
    "a bundle to replay": Reader(command("replay", "FOLDER/a.zip"), "a.zip", {
        **hostile.EVERY,
        **{f"settings of {name}": bundle_with("run.json", write) for name, write in hostile.BAD_TEXT.items()},
    }, sound=write_bundle),
    "masks after every click": Reader(
        read_click_masks, "a.tif", {**PIXELS, "other pages": hostile.image("TIFF")}, sound=write_click_masks
    ),
    "an archive": Reader(unpack, "archive", ARCHIVES, sound=hostile.zipped(lambda _: {"a": b"a"})),
    "the user's configuration": Reader(read_configuration, "config.toml", {
        **hostile.EVERY,
        "deep arrays": hostile.text("data = " + "[" * hostile.DEEP),
        "digits": hostile.text(f"data = {'9' * 5000}"),
        "other types": hostile.text("data = 3\nmirrors = [1]"),
    }, sound=hostile.text('data = "/data"')),
    "a fetched file": Reader(fetch, "a.bin", hostile.EVERY, sound=hostile.text("abc")),
    "a part of a fetched file": Reader(fetch, "a.bin.partial", hostile.EVERY),
    "the note of a part": Reader(fetch, "a.bin.partial.json", hostile.EVERY, {"a.bin.partial": hostile.text("a")}),
    "the checksums of fetched files": Reader(
        fetch, "checksums.json", hostile.EVERY, {"a.bin": hostile.text("abc")}, hostile.text("{}")
    ),
    "a name of a run": Reader(command("report", "--", "TEXT"), contents=hostile.NAMES),
    "a name to show": Reader(command("show", "--", "TEXT"), contents=hostile.NAMES),
    "a name of a model": Reader(
        command("evaluate", "--model", "TEXT", "--dataset", "toy/shapes", "--out", "FOLDER/run"),
        contents=hostile.NAMES,
    ),
    "a name of an image": Reader(
        command("predict", "FOLDER/TEXT", "--model", "toy/disks", "--click", "3,4,+", "--out", "m.png"),
        contents=hostile.NAMES,
    ),
    "a keyword's value": Reader(command(*EVALUATE, "--set", "shrink=TEXT"), contents=hostile.VALUES, sound="0.5"),
    "a keyword": Reader(command(*EVALUATE, "--set", "TEXT=1"), contents=hostile.NAMES, sound="shrink"),
}  # fmt: skip
