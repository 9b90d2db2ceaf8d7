"""Time and memory of a report on six synthetic runs of SBD's size: 6671 objects in 2857 images, 20 clicks each.

python benchmarks/report.py [OBJECTS]
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from iis_core import load_protocol
from iis_core.cli import main
from iis_core.evaluation.run_files import FORMAT
from iis_core.evaluation.settings import describe_protocol

IMAGES_PER_OBJECT = 2857 / 6671
CLICKS, RUNS = 20, 6
HEIGHT, WIDTH = 375, 500


def write_run(folder: Path, objects: int, place: int) -> None:
    """Write a run whose objects start from nothing and come near a ceiling of their own, with some noise."""
    rng = np.random.default_rng(place)
    images = np.sort(np.random.default_rng(99).integers(0, max(1, int(objects * IMAGES_PER_OBJECT)), objects))
    sizes = np.random.default_rng(98).integers(500, 40_000, objects)
    ids = [f"{image:06}#{number}" for number, image in enumerate(images)]
    protocol = load_protocol("ritm", stop_iou=None, max_clicks=CLICKS)
    named = {"distribution": "toy", "version": "1", "keywords": {}}
    settings = {
        "model": {"name": f"toy/model_{place}", **named},
        "dataset": {"name": "datasets/sbd", **named, "ignore": "none", "published": objects, "whole": objects},
        "protocol": describe_protocol(protocol),
        "robot": {"name": "core/ritm", **named},
        "seed": 0,
        "device": "cpu",
        "batch_size": 1,
    }
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"format": FORMAT, "ids": ids, "settings": settings}))
    with (folder / "records.jsonl").open("w") as file:
        for name, image, size in zip(ids, images, sizes, strict=True):
            file.write(json.dumps(make_record(rng, name, int(image), int(size), 0.01 * place)) + "\n")


def make_record(rng: np.random.Generator, name: str, image: int, size: int, lead: float):
    ceiling = min(0.99, rng.normal(0.93 + lead, 0.04))
    found = ceiling * (1 - 0.6 * rng.uniform(0.4, 0.9) ** np.arange(CLICKS)) + rng.normal(0, 0.01, CLICKS)
    clicks = []
    for number, share in enumerate(found, 1):
        counts = count(size, float(share))
        boundary = count(size // 10, float(share) * 0.8)
        seconds = {"robot": 0.001, "model": round(float(rng.exponential(0.05)), 6)}
        if number == 1:
            seconds["initialize"] = 0.01
        row, col = int(rng.integers(HEIGHT)), int(rng.integers(WIDTH))
        clicks.append({"number": number, "row": row, "col": col, "positive": bool(rng.integers(2))})
        clicks[-1] |= {"counts": counts, "boundary": boundary, "seconds": seconds}
    return {
        "id": name,
        "path": f"JPEGImages/{image:06}.jpg",
        "object_id": 1,
        "shape": [HEIGHT, WIDTH],
        "initial": [0, 0, size],
        "initial_boundary": [0, 0, size // 10],
        "clicks": clicks,
        "end": "max_clicks",
        "reading": 0.01,
        "encoding": 0.0,
    }


def count(size: int, share: float) -> list[int]:
    share = min(1.0, max(0.0, share))
    tp = int(size * share)
    return [tp, int((size - tp) * 0.2), size - tp]


if __name__ == "__main__":
    objects = int(sys.argv[1]) if len(sys.argv) > 1 else 6671
    with tempfile.TemporaryDirectory() as folder:
        runs = [Path(folder) / f"run_{place}" for place in range(RUNS)]
        for place, run in enumerate(runs):
            write_run(run, objects, place)
        sys.argv = ["iis", "report", *map(str, runs)]
        start, own_start = time.perf_counter(), time.process_time()
        try:
            main()
        finally:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            seconds, own = time.perf_counter() - start, time.process_time() - own_start
            print(
                f"{RUNS} runs of {objects} objects: {seconds:.1f} s ({own:.1f} s of one core), at most {peak:.0f} MiB"
            )
