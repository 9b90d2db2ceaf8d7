"""The readers of the plugins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hostile_contents as hostile
import numpy as np
from hostile_contents import Writer
from hostile_core import PIXELS, WEIGHTS
from hostile_reading import Reader, call, command, read_dataset

TINY = """
model: {name: smp/unet, keywords: {weights: random, encoder_name: mobilenet_v2}}
data: {dataset: {name: synthetic, keywords: {count: 2, height: 64, width: 64}}, batch_size: 2}
trainer: {max_epochs: 1, accelerator: cpu}
out: OUT
"""


def write_recipe(path: Path, canary: Path) -> None:
    path.write_text(TINY.replace("OUT", str(path.parent / "out")))


def open_session(folder: Path, text: str) -> None:
    from iis_web.session import Session

    Session(folder, "here").close()


JPEG, MASK = hostile.image("JPEG"), hostile.mask
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


LOAD = ("evaluate", "--model", "FOLDER/model", "--dataset", "toy/shapes", "--limit", "1", "--out", "FOLDER/run")
RECIPES = {**hostile.EVERY, **hostile.BAD_YAML}
SMP = {
    "other weights": {"encoder_name": "resnet18", "encoder_weights": "imagenet"},
    "a model of a hub": {"encoder_name": "tu-hf-hub:x/y"},
    "a model of a folder": {"encoder_name": "tu-local-dir:FOLDER"},
    "words for numbers": {"encoder_name": "resnet18", "mean": "abc", "std": ["x"]},
    "a list for a word": {"encoder_name": ["resnet18"]},
    "an unknown keyword": {"encoder_name": "resnet18", "device": "cuda:99", "weights": "x", "target": "os:system"},
    "a fusion by its path": {"encoder_name": "resnet18", "fusion": "os.system"},
}
RITM = {
    "a class by its path": {"class": "os.system", "params": {"command": "touch CANARY"}},
    "a norm layer by its path": {
        "class": "x.HRNetModel", "params": {"width": 18, "norm_layer": {"type": "class", "value": "os.system"}},
    },
    "unknown parameters": {"class": "x.HRNetModel", "params": {"os.system": "touch CANARY"}},
    "no parameters": {"class": "x.HRNetModel", "params": [1]},
    "a word": "os.system",
}  # fmt: skip
PARTS = {"backbone_params": {}, "neck_params": {}, "head_params": {}}
SIMPLECLICK = {
    **{name: RITM[name] for name in ("a class by its path", "no parameters", "a word")},
    "parts of another kind": {"class": "x.PlainVitModel", "params": {**PARTS, "backbone_params": "os.system"}},
    "unknown parameters": {"class": "x.PlainVitModel", "params": {**PARTS, "os.system": "touch CANARY"}},
    "unknown parameters of a part": {"class": "x.PlainVitModel", "params": {**PARTS, "neck_params": {"os.system": 1}}},
}
SEGNEXT_PARTS = {"backbone_params": {}, "neck_params": {}, "head_params": {}, "fusion_params": {}}
SEGNEXT = {
    **{name: network for name, network in RITM.items() if name not in ("unknown parameters",)},
    "parts of another kind": {"class": "x.PlainVitModel", "params": {**SEGNEXT_PARTS, "head_params": "os.system"}},
    "unknown parameters": {"class": "x.PlainVitModel", "params": {**SEGNEXT_PARTS, "os.system": "touch CANARY"}},
    "a size that is none": {
        "class": "x.PlainVitModel",
        "params": {**SEGNEXT_PARTS, "backbone_params": {"img_size": "a"}},
    },
}
FOCALCLICK = {
    "a class by its path": {"class": "os.system", "params": {"command": "touch CANARY"}},
    "a size of another kind": {"class": "x.SegFormerModel", "params": {"model_version": ["b0"]}},
    "a mean of another kind": {"class": "x.SegFormerModel", "params": {"norm_mean_std": 7}},
    "unknown parameters": {"class": "x.HRNetModel", "params": {"os.system": "touch CANARY"}},
    "a word": "os.system",
}  # fmt: skip
SYSTEM = {"type": "os.system", "command": "touch CANARY"}
MMSEG = {
    "a call": {"config": "x", "mean": [0, 0, 0], "std": [1, 1, 1], "model": repr(SYSTEM)},
    "a call as the backbone": {
        "config": "x", "mean": [0, 0, 0], "std": [1, 1, 1],
        "model": repr({"type": "EncoderDecoder", "backbone": SYSTEM}),
    },
    "a program": {"config": "mine.py"},
    "a depth": {"config": "x", "mean": [0, 0, 0], "std": [1, 1, 1], "model": "[" * hostile.DEEP},
}  # fmt: skip


def describe(name: str, config: Any) -> Writer:
    given = {"fusion": "early", "click_encoding": "disks", **config} if "network" not in config else config
    return hostile.text(json.dumps({"name": name, "config": given}))


def write_mat(path: Path, canary: Path) -> None:
    from scipy.io import savemat

    mask = np.zeros((24, 32), np.uint8)
    mask[4:9, 5:20] = 1
    savemat(path, {"GTinst": {"Segmentation": mask, "Categories": np.array([[7]], np.uint8)}})


def write_masks(path: Path, canary: Path) -> None:
    hostile.image("PNG", (24, 32))(path, canary)
    hostile.pickled(lambda _: ([path.read_bytes()], [(0, 7)]))(path, canary)


PLUGINS: dict[str, dict[str, Reader]] = {
    "iis_datasets": {
        "annotations of COCO": Reader(
            read_dataset("coco", annotations="a.json", images="."), "a.json",
            {**hostile.EVERY, **{name: coco(value) for name, value in COCO.items()}}, {"a.jpg": JPEG},
            coco([[2, 2, 20, 2, 20, 20]]),
        ),
        "instances of SBD": Reader(read_dataset("sbd"), "inst/a.mat", {
            **hostile.EVERY, **hostile.BAD_PICKLES,
            "a header of MATLAB 5": hostile.text(
                b"MATLAB 5.0".ljust(124) + b"\0\1IM" + b"\x0f\0\0\0\xff\xff\xff\x7f" + b"\x78\x9c"
            ),
            "a header of MATLAB 7.3": hostile.text(b"MATLAB 7.3".ljust(124) + b"\0\2IM" + b"\x89HDF\r\n\x1a\n"),
        }, {"img/a.jpg": JPEG, "val.txt": hostile.text("a\n")}, write_mat),
        "a list of SBD": Reader(read_dataset("sbd"), "val.txt", hostile.EVERY),
        "the trees of COCO+LVIS": Reader(read_dataset("coco-lvis"), "train/hannotation.pickle", WEIGHTS),
        "the masks of COCO+LVIS": Reader(
            read_dataset("coco-lvis"), "train/masks/a.pickle", WEIGHTS,
            {
                "train/images/a.jpg": JPEG,
                "train/hannotation.pickle": hostile.pickled(
                    lambda _: {"a": {"hierarchy": {0: None}, "num_instance_masks": 1, "num_objects": 1}}
                ),
            },
            write_masks,
        ),
        "a mask of a folder": Reader(read_dataset("folder"), "masks/a.png", PIXELS, {"images/a.jpg": JPEG}, MASK),
        "an image of a folder": Reader(read_dataset("folder"), "images/a.jpg", PIXELS, {"masks/a.png": MASK}, JPEG),
    },
    "iis_lightning": {
        "a recipe": Reader(
            command("train", "FOLDER/recipe.yaml", "--dry-run"), "recipe.yaml", RECIPES, sound=write_recipe
        ),
        "the configuration of a training": Reader(
            command("train", "FOLDER/recipe.yaml"), "out/config.yaml", RECIPES,
            {"recipe.yaml": write_recipe, "out/checkpoints/last.ckpt": hostile.text("")},
        ),
        "a checkpoint of a training": Reader(
            command("train", "FOLDER/recipe.yaml"), "out/checkpoints/last.ckpt", WEIGHTS,
            {"recipe.yaml": write_recipe, "out/config.yaml": write_recipe},
        ),
        "the summary of a training": Reader(
            command("train", "FOLDER/recipe.yaml"), "out/summary.json", hostile.EVERY,
            {"recipe.yaml": write_recipe, "out/config.yaml": write_recipe, "out/model/model.json": hostile.text("{}"),
             "out/checkpoints/last.ckpt": hostile.text("damaged")},
        ),
        "a changed value of a recipe": Reader(
            command("train", "FOLDER/recipe.yaml", "--dry-run", "data.augment.name=TEXT"),
            contents={**hostile.NAMES, **hostile.VALUES}, around={"recipe.yaml": write_recipe},
        ),
    },
    "iis_smp": {
        "a model folder of iis-smp": Reader(
            command(*LOAD), "model/model.json",
            {name: describe("smp/unet", config) for name, config in SMP.items()},
            {"model/model.safetensors": hostile.text((2).to_bytes(8, "little") + b"{}")},
        ),
    },
    "iis_ritm": {
        "a model folder of iis-ritm": Reader(
            command(*LOAD), "model/model.json",
            {name: describe("ritm/hrnet18s", {"network": network}) for name, network in RITM.items()},
            {"model/model.safetensors": hostile.text((2).to_bytes(8, "little") + b"{}")},
        ),
    },
    "iis_simpleclick": {
        "a model folder of iis-simpleclick": Reader(
            command(*LOAD), "model/model.json",
            {name: describe("simpleclick/vit-b", {"network": network}) for name, network in SIMPLECLICK.items()},
            {"model/model.safetensors": hostile.text((2).to_bytes(8, "little") + b"{}")},
        ),
    },
    "iis_segnext": {
        "a model folder of iis-segnext": Reader(
            command(*LOAD), "model/model.json",
            {name: describe("segnext/vit-b-sax2", {"network": network}) for name, network in SEGNEXT.items()},
            {"model/model.safetensors": hostile.text((2).to_bytes(8, "little") + b"{}")},
        ),
    },
    "iis_focalclick": {
        "a model folder of iis-focalclick": Reader(
            command(*LOAD), "model/model.json",
            {name: describe("focalclick/hrnet18s-s1", {"network": network}) for name, network in FOCALCLICK.items()},
            {"model/model.safetensors": hostile.text((2).to_bytes(8, "little") + b"{}")},
        ),
    },
    "iis_mmseg": {
        "a model folder of iis-mmseg": Reader(
            command(*LOAD), "model/model.json",
            {name: describe("mmseg/config", config) for name, config in MMSEG.items()},
            {
                "model/model.safetensors": hostile.text((2).to_bytes(8, "little") + b"{}"),
                "mine.py": hostile.text("open('CANARY', 'w')"),
            },
        ),
    },
    "iis_web": {
        "a session of clicks": Reader(
            open_session, "session.jsonl", hostile.EVERY,
            sound=hostile.text('{"format": 1, "source": "here"}\n'),
        ),
        "the clicks of a study": Reader(
            call("iis_web.diary:read_diary"), "clicks.jsonl", hostile.EVERY, sound=hostile.text(
                '{"id": "a", "number": 1, "row": 1, "col": 1, "positive": true, "seconds": 1.5, "mouse": []}\n'
            ),
        ),
    },
}  # fmt: skip
