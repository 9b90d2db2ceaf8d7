"""What a click costs with early and with intermediate fusion, and what encoding costs: smp/unet, resnet34, 480 x 640.

python benchmarks/smp.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

import iis_core

SHAPE = (480, 640)
CLICKS = 4
REPEATS = 3


def seconds(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def one_run(model: Any, x: torch.Tensor) -> dict[str, float]:
    """Seconds of encoding, of the first click, and of the fastest later one."""
    with torch.no_grad():
        features, encoding = seconds(lambda: model.encode(x)) if hasattr(model, "encode") else (None, 0.0)
    known = {} if features is None else {"features": features}
    z, pcs, ncs, clicks = model.initialize_z(x, x[:, :1], **known), [], [], []
    for k in range(CLICKS):
        pcs.append([[(100 + 50 * k, 200)]])
        ncs.append([[]])
        (_, z), spent = seconds(lambda z=z: model(x, z, pcs, ncs))
        clicks.append(spent)
    return {"encoding": encoding, "first click": clicks[0], "later clicks": min(clicks[1:])}


def main() -> None:
    x = torch.rand(1, 3, *SHAPE)
    models = {
        fusion: iis_core.load_model("smp/unet", weights="random", encoder_name="resnet34", fusion=fusion)
        for fusion in ("early", "intermediate")
    }
    runs = [{fusion: one_run(model, x) for fusion, model in models.items()} for _ in range(REPEATS + 1)][1:]
    best = {f: {k: min(run[f][k] for run in runs) for k in runs[0][f]} for f in models}
    for fusion, costs in best.items():
        print(f"{fusion:<13}" + "  ".join(f"{stage} {cost:.3f} s" for stage, cost in costs.items()))
    early, intermediate = (best[fusion]["later clicks"] for fusion in models)
    print(f"later clicks: intermediate costs {intermediate / early:.2f} of early")


if __name__ == "__main__":
    main()
