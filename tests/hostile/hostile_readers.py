"""Every reader of the product: what it is given beside the hostile file, and how it reads."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import hostile_contents as hostile
from hostile_contents import Writer

Read = Callable[[Path, str], Any]


@dataclass(frozen=True)
class Reader:
    """A reader.

    Args:
        package: what has to be installed.
        read: reads in a folder, by Python or the command line.
        file: where the hostile file lies in the folder; nothing where a text is given instead.
        contents: what it is given: files, or texts.
        around: sound files beside it.
    """

    package: str
    read: Read
    file: str = ""
    contents: Mapping[str, Any] = field(default_factory=dict)
    around: Mapping[str, Writer] = field(default_factory=dict)


def command(*arguments: str, **environment: str) -> Read:
    """Run a command, in which FOLDER and TEXT stand for the folder and the text."""

    def read(folder: Path, text: str) -> None:
        from iis_core import UserError
        from iis_core.cli import main

        def fill(argument: str) -> str:
            return argument.replace("FOLDER", str(folder)).replace("TEXT", text)

        sys.argv = ["iis", *map(fill, arguments)]
        os.chdir(folder)
        told = StringIO()
        with patch.dict(os.environ, {name: fill(value) for name, value in environment.items()}), redirect_stderr(told):
            try:
                main()
            except SystemExit as ended:
                if ended.code == 2:
                    raise UserError(told.getvalue()) from ended
                if ended.code:
                    raise RuntimeError(f"status {ended.code}: {told.getvalue()}") from ended

    return read


def call(path: str) -> Read:
    """Call a function of the core with the hostile file."""
    module, _, name = path.partition(":")

    def read(folder: Path, text: str) -> None:
        import importlib

        getattr(importlib.import_module(module), name)(folder / text)

    return read


def unpack(folder: Path, text: str) -> None:
    from iis_core.files.archives import unpack

    unpack(folder / text, folder / "unpacked")


def read_dataset(name: str, **keywords: Any) -> Read:
    """Open a dataset and read all that it has."""

    def read(folder: Path, text: str) -> None:
        from iis_core import load_dataset

        dataset = load_dataset(name, root=str(folder), **keywords)
        for index in range(len(dataset)):
            _ = dataset[index]

    return read


def warm_up(package: str) -> None:
    """Import what the readers of a package import, so that it counts for none of them."""
    import iis_core.cli
    import iis_core.evaluation
    import iis_core.models.weights
    import iis_core.report  # noqa: F401

    if package == "iis_lightning":
        import iis_lightning.train  # noqa: F401
    if package == "iis_datasets":
        import pycocotools.mask  # noqa: F401
        import scipy.io  # noqa: F401


@functools.cache
def run_toy() -> bytes:
    """Return the `run.json` of a run of one object."""
    from iis_core import evaluate

    with TemporaryDirectory() as folder:
        evaluate("toy/disks", "toy/shapes", limit=1, out=Path(folder) / "run")
        return (Path(folder) / "run" / "run.json").read_bytes()


def write_run(path: Path, canary: Path) -> None:
    path.write_bytes(run_toy())


def write_recipe(path: Path, canary: Path) -> None:
    path.write_text(TINY.replace("OUT", str(path.parent / "out")))


JPEG, MASK = hostile.image("JPEG"), hostile.image("PNG", (24, 32))
TINY = """
model: {name: smp/unet, keywords: {weights: random, encoder_name: mobilenet_v2}}
data: {dataset: {name: synthetic, keywords: {count: 2, height: 64, width: 64}}, batch_size: 2}
trainer: {max_epochs: 1, accelerator: cpu}
out: OUT
"""
PREDICT = ("predict", "FOLDER/photo.png", "--model", "toy/disks", "--click", "3,4,+", "--out", "FOLDER/mask.png")
EVALUATE = ("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--out", "FOLDER/run", "--limit", "1")
WEIGHTS = {**hostile.EVERY, **hostile.BAD_PICKLES}
ARCHIVES = {**hostile.EVERY, **hostile.ARCHIVES}
del ARCHIVES["a ZIP bomb"]  # goes to the disk as what it is, a large file
RECIPES = {**hostile.EVERY, **hostile.BAD_YAML}
COCO = {
    "huge run lengths": {"size": [24, 32], "counts": [0, 1 << 40]},
    "negative run lengths": {"size": [24, 32], "counts": [-5, 800]},
    "short run lengths": {"size": [24, 32], "counts": [5]},
    "a huge size": {"size": [1 << 30, 1 << 30], "counts": "a"},
    "a cut string": {"size": [24, 32], "counts": "PPYo"},
    "NaN in a polygon": [[1, 1, 1e308, -1e308, 5, 5]],
    "a far polygon": [[1e8, 1e8, -1e8, 3, 4, 1e8]],
    "half a polygon": [[1, 2, 3]],
    "a word": "os.system",
}


def coco(segmentation: Any, **changed: Any) -> Writer:
    image = {"id": 1, "height": 24, "width": 32, "file_name": "a.jpg"}
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "segmentation": segmentation, **changed}
    return hostile.as_json({"images": [image], "annotations": [annotation], "categories": []})


ALL: dict[str, Reader] = {
    "an image": Reader("iis_core", command(*PREDICT), "photo.png", {**hostile.EVERY, **hostile.IMAGES}),
    "a mask": Reader(
        "iis_core", call("iis_core.files.images:read_labels"), "mask.png", {**hostile.EVERY, **hostile.IMAGES}
    ),
    "weights": Reader(
        "iis_core",
        call("iis_core.models.weights:read_weights"),
        "net.pth",
        {**WEIGHTS, **{f"{name}, as torch.save": hostile.torch_zip(w) for name, w in hostile.BAD_PICKLES.items()}},
    ),
    "safetensors": Reader("iis_core", call("iis_core.models.weights:read_weights"), "net.safetensors", {
        **WEIGHTS,
        "a header of 4 GiB": hostile.text((1 << 32).to_bytes(8, "little") + b"{}"),
        "offsets beyond the file": hostile.text((66).to_bytes(8, "little") + (
            b'{"a":{"dtype":"F32","shape":[1073741824],"data_offsets":[0,99999]}}'.ljust(66))),
    }),
    "the description of a model folder": Reader(
        "iis_core", command("evaluate", "--model", "FOLDER/model", "--dataset", "toy/shapes", "--out", "FOLDER/run"),
        "model/model.json", hostile.EVERY,
    ),
    "the settings of a run": Reader("iis_core", command("report", "FOLDER/run"), "run/run.json", hostile.EVERY),
    "the settings of a run to go on with": Reader("iis_core", command(*EVALUATE), "run/run.json", hostile.EVERY),
    "the records of a run": Reader(
        "iis_core", command("report", "FOLDER/run"), "run/records.jsonl", hostile.EVERY, {"run/run.json": write_run}
    ),
    "the records of a run to go on with": Reader(
        "iis_core", command(*EVALUATE), "run/records.jsonl", hostile.EVERY, {"run/run.json": write_run}
    ),
    "an archive": Reader("iis_core", unpack, "archive", ARCHIVES),
    "the user's configuration": Reader(
        "iis_core", command("weights", "toy/disks", IIS_CONFIG="FOLDER/config.toml"), "config.toml", {
            **hostile.EVERY, "deep arrays": hostile.text("data = " + "[" * hostile.DEEP),
            "digits": hostile.text(f"data = {'9' * 5000}"), "other types": hostile.text("data = 3\nmirrors = [1]"),
        },
    ),
    "a name of a run": Reader("iis_core", command("report", "--", "TEXT"), contents=hostile.NAMES),
    "a name to show": Reader("iis_core", command("show", "--", "TEXT"), contents=hostile.NAMES),
    "a name of a model": Reader(
        "iis_core", command("evaluate", "--model", "TEXT", "--dataset", "toy/shapes", "--out", "FOLDER/run"),
        contents=hostile.NAMES,
    ),
    "a name of an image": Reader(
        "iis_core", command("predict", "FOLDER/TEXT", "--model", "toy/disks", "--click", "3,4,+", "--out", "m.png"),
        contents=hostile.NAMES,
    ),
    "a keyword's value": Reader("iis_core", command(*EVALUATE, "--set", "shrink=TEXT"), contents=hostile.VALUES),
    "a keyword": Reader("iis_core", command(*EVALUATE, "--set", "TEXT=1"), contents=hostile.NAMES),
    "annotations of COCO": Reader(
        "iis_datasets", read_dataset("coco", annotations="a.json", images="."), "a.json",
        {**hostile.EVERY, **{name: coco(value) for name, value in COCO.items()}}, {"a.jpg": JPEG},
    ),
    "instances of SBD": Reader("iis_datasets", read_dataset("sbd"), "inst/a.mat", {
        **hostile.EVERY, **hostile.BAD_PICKLES,
        "a header of MATLAB 5": hostile.text(
            b"MATLAB 5.0".ljust(124) + b"\0\1IM" + b"\x0f\0\0\0\xff\xff\xff\x7f" + b"\x78\x9c"
        ),
        "a header of MATLAB 7.3": hostile.text(b"MATLAB 7.3".ljust(124) + b"\0\2IM" + b"\x89HDF\r\n\x1a\n"),
    }, {"img/a.jpg": JPEG, "val.txt": hostile.text("a\n")}),
    "a list of SBD": Reader("iis_datasets", read_dataset("sbd"), "val.txt", hostile.EVERY),
    "the trees of COCO+LVIS": Reader(
        "iis_datasets", read_dataset("coco-lvis"), "train/hannotation.pickle", WEIGHTS
    ),
    "the masks of COCO+LVIS": Reader(
        "iis_datasets", read_dataset("coco-lvis"), "train/masks/a.pickle", WEIGHTS,
        {
            "train/images/a.jpg": JPEG,
            "train/hannotation.pickle": hostile.pickled(
                lambda _: {"a": {"hierarchy": {}, "num_instance_masks": 1, "num_objects": 1}}
            ),
        },
    ),
    "a mask of a folder": Reader(
        "iis_datasets",
        read_dataset("folder"),
        "masks/a.png",
        {**hostile.EVERY, **hostile.IMAGES},
        {"images/a.jpg": JPEG},
    ),
    "an image of a folder": Reader(
        "iis_datasets",
        read_dataset("folder"),
        "images/a.jpg",
        {**hostile.EVERY, **hostile.IMAGES},
        {"masks/a.png": MASK},
    ),
    "a recipe": Reader("iis_lightning", command("train", "FOLDER/recipe.yaml", "--dry-run"), "recipe.yaml", RECIPES),
    "the configuration of a training": Reader(
        "iis_lightning", command("train", "FOLDER/recipe.yaml"), "out/config.yaml", RECIPES,
        {"recipe.yaml": write_recipe, "out/checkpoints/last.ckpt": hostile.text("")},
    ),
    "a checkpoint of a training": Reader(
        "iis_lightning", command("train", "FOLDER/recipe.yaml"), "out/checkpoints/last.ckpt", WEIGHTS,
        {"recipe.yaml": write_recipe, "out/config.yaml": write_recipe},
    ),
    "the summary of a training": Reader(
        "iis_lightning", command("train", "FOLDER/recipe.yaml"), "out/summary.json", hostile.EVERY,
        {"recipe.yaml": write_recipe, "out/config.yaml": write_recipe, "out/model/model.json": hostile.text("{}"),
         "out/checkpoints/last.ckpt": hostile.text("damaged")},
    ),
    "a changed value of a recipe": Reader(
        "iis_lightning", command("train", "FOLDER/recipe.yaml", "--dry-run", "data.augment.name=TEXT"),
        contents={**hostile.NAMES, **hostile.VALUES}, around={"recipe.yaml": write_recipe},
    ),
}  # fmt: skip

READERS = {name: reader for name, reader in ALL.items() if find_spec(reader.package) is not None}
"""The readers of the packages that are installed."""
