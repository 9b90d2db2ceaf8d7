"""A model of disks, photographs that are drawn, and a client without a browser."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from iis_web.desk import Desk
from iis_web.server.annotating import list_routes
from iis_web.server.app import make_app
from starlette.testclient import TestClient
from torch import Tensor

from iis_core.errors import PluginError
from iis_core.models import IISModel
from iis_core.types import Clicks, State

TOKEN = "a-token-of-tests"


class Disks(IISModel):
    """The nearest click decides, within its reach; what was there before decays, so that the order of clicks counts."""

    name = "disks"

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.calls = self.encoded = 0
        self.free = threading.Event()
        self.free.set()

    def encode(self, x: Tensor) -> State:
        self.encoded += 1
        return {"mean": x.mean(dim=(1, 2, 3))}

    def initialize_z(
        self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None, features: State | None = None
    ) -> State:
        start = torch.zeros_like(image[:, :1]) if initial_mask is None else initial_mask
        return {"previous": start, **(features or self.encode(image))}

    def __call__(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        self.free.wait(10)
        self.calls += 1
        if (0, 0) in pcs[-1][0]:
            raise PluginError("model disks: the corner brings bad luck")
        rows, cols = torch.meshgrid(torch.arange(x.shape[2]), torch.arange(x.shape[3]), indexing="ij")
        y = 0.9 * z["previous"].clone()
        for clicks, value in ((pcs[-1][0], 1.0), (ncs[-1][0], 0.0)):
            for row, col in clicks:
                near = (rows - row) ** 2 + (cols - col) ** 2 <= (min(x.shape[2:]) // 6) ** 2
                y[0, 0][near] = value
        return y, {**z, "previous": y}


def draw_photograph(height: int = 90, width: int = 120, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    ramp = np.linspace(40, 200, width)[None, :, None] + np.linspace(-30, 30, height)[:, None, None]
    image = np.repeat(ramp, 3, axis=2) + rng.normal(0, 6, (height, width, 3))
    return np.clip(image, 0, 255).astype(np.uint8)


def write_photograph(file: Path, image: np.ndarray) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), image[:, :, ::-1])
    return file


def open_client(desk: Desk, base: str = f"http://127.0.0.1:1234/{TOKEN}/") -> TestClient:
    return TestClient(make_app(list_routes(desk), TOKEN), base_url=base, raise_server_exceptions=False)


def unpack(answer: Any, shape: tuple[int, int] = (90, 120)) -> np.ndarray:
    """The levels of an answer, as the page puts them in their place."""
    top, left, height, width = map(int, answer.headers["x-iis-box"].split(","))
    levels = np.zeros(shape, np.uint8)
    part = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert part.shape == (height, width)
    levels[top : top + height, left : left + width] = part
    return levels
