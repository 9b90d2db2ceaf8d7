"""Click encodings against all pixels times all clicks, same maps asserted: 8 images of 480 x 640, 20 + 20 clicks.

python benchmarks/encode.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from iis_core.clicks import disks, gaussians, tanh_distances

BATCH, CLICKS, SHAPE = 8, 20, (480, 640)


def plain_squared(points: Tensor) -> Tensor:
    """Squared distance to the nearest click of each sign, from a table of all pixels times all clicks."""
    rows, columns = torch.meshgrid(*(torch.arange(side, dtype=torch.float32) for side in SHAPE), indexing="ij")
    signed = points.reshape(BATCH, 2, CLICKS, 3)
    table = (rows - signed[..., 0, None, None]) ** 2 + (columns - signed[..., 1, None, None]) ** 2
    return table.amin(dim=2)


def seconds(work: Callable[[], Tensor]) -> tuple[float, Tensor]:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def compare(name: str, ours: Callable[[Tensor], Tensor], plain: Callable[[Tensor], Tensor], points: Tensor) -> None:
    fast, found = seconds(lambda: ours(points))
    slow, expected = seconds(lambda: plain(points))
    assert torch.allclose(found, expected, atol=1e-6)
    print(f"{name}: plain {1e3 * slow:.1f} ms, ours {1e3 * fast:.1f} ms, {slow / fast:.0f} times faster")


if __name__ == "__main__":
    generator = torch.Generator().manual_seed(0)
    places = torch.rand((BATCH, 2 * CLICKS, 2), generator=generator) * torch.tensor(SHAPE)
    points = torch.cat([places.floor(), torch.arange(2.0 * CLICKS).expand(BATCH, -1)[..., None]], dim=2)
    compare("disks", lambda p: disks(p, SHAPE, 5), lambda p: (plain_squared(p) <= 25).float(), points)
    compare(
        "tanh distances",
        lambda p: tanh_distances(p, SHAPE, 260),
        lambda p: torch.tanh(2 * plain_squared(p).sqrt() / 260),
        points,
    )
    compare(
        "Gaussians",
        lambda p: gaussians(p, SHAPE, (7, 28, 56)),
        lambda p: torch.exp(-plain_squared(p)[:, :, None] / torch.tensor([98.0, 1568, 6272])[:, None, None]).flatten(
            1, 2
        ),
        points,
    )
