"""Evaluation of a folder of photographs: with 2 workers and with none, images read once and read for every object.

python benchmarks/evaluate.py [FOLDER with images/ and masks/, or a COCO_MVal folder with img/ and gt/]

Without a folder, JPEG files are made from the sample photographs. Two models: one that costs nothing, so that
reading, robots and counting are all there is, and classic/graph-cut. Reading is timed on the sample photographs, which
have several objects each, image by image and object by object, by turns.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import cv2
import torch

from iis_core import EvaluationDataset, evaluate, load_dataset
from iis_core.clicks import order_clicks
from iis_core.models import IISModel

OBJECTS = 40
COPIES = 8


class Ellipses(IISModel):
    """An ellipse around every click, larger for the first: costs next to nothing."""

    device = torch.device("cpu")

    def __call__(self, x, z, pcs, ncs):
        y = x[:, :1] * 0
        for element, answered in enumerate(y):
            for radius, click in zip(range(60, 0, -2), order_clicks(pcs, ncs, element), strict=False):
                cv2.circle(answered[0].numpy(), (click.col, click.row), radius, int(click.positive), cv2.FILLED)
        return y, {}


def make_folder(folder: Path) -> Path:
    """The sample photographs, twice as large, as JPEG files with one mask for each object."""
    data = load_dataset("sample")
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for i in range(len(data)):
        sample = data[i]
        for k in range(sample.masks.shape[2]):
            for copy in range(COPIES):
                name = f"{sample.info['id']}-{k}-{copy}"
                large = cv2.resize(sample.image[:, :, ::-1], None, fx=2, fy=2)
                mask = cv2.resize(
                    sample.masks[:, :, k].astype("uint8"), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST
                )
                cv2.imwrite(str(folder / "images" / f"{name}.jpg"), large)
                cv2.imwrite(str(folder / "masks" / f"{name}.png"), mask)
    return folder


def compare(name: str, model: object, data: object, folder: Path) -> None:
    ids = EvaluationDataset(data).ids
    ids = ids[:: max(1, len(ids) // OBJECTS)][:OBJECTS]
    seconds, records = {}, {}
    for workers in (0, 2, 0, 2):
        out = folder / f"{name}-{workers}-{len(seconds)}-{time.time_ns()}".replace("/", "-")
        start = time.perf_counter()
        run = evaluate(model, data, out=out, ids=ids, workers=workers)
        seconds[workers] = min(seconds.get(workers, float("inf")), time.perf_counter() - start)
        records[workers] = [[(c.row, c.col, c.counts) for c in record.clicks] for record in run.records]
    assert records[0] == records[2]
    print(f"{name}: no workers {seconds[0]:.2f} s, 2 workers {seconds[2]:.2f} s: {seconds[0] / seconds[2]:.2f} times")


def compare_reading(repeats: int = 5) -> None:
    """Seconds to read every object of the sample photographs, image by image and object by object, by turns."""
    objects = EvaluationDataset(load_dataset("sample"))
    groups = {"image": objects.group_by_image(range(len(objects))), "object": [[i] for i in range(len(objects))]}
    seconds = dict.fromkeys(groups, float("inf"))
    for name in [*groups] * repeats:
        start = time.perf_counter()
        for indices in groups[name]:
            objects.read(indices)
        seconds[name] = min(seconds[name], time.perf_counter() - start)
    by_object, by_image = seconds["object"], seconds["image"]
    decoded = f"{len(groups['object'])} images decoded {by_object:.3f} s, {len(groups['image'])} {by_image:.3f} s"
    print(f"reading {len(objects)} objects: {decoded}: {by_object / by_image:.2f} times")


def main() -> None:
    compare_reading()
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        if len(sys.argv) > 1:
            kind = "coco-mval" if (Path(sys.argv[1]) / "img").is_dir() else "folder"
            data = load_dataset(kind, root=sys.argv[1])
        else:
            data = load_dataset("folder", root=str(make_folder(scratch)))
        compare("free model", Ellipses(), data, scratch)
        compare("classic/graph-cut", "classic/graph-cut", data, scratch)


if __name__ == "__main__":
    main()
