"""CPU seconds of encoding and of clicks, ours against the published code by turns, on one thread.

git clone https://github.com/uncbiag/SegNext && pip install mmcv-lite
python benchmarks/segnext.py segnext/vit-b-sax2 --upstream SegNext
python benchmarks/segnext.py segnext/vit-b-sax1 --upstream SegNext --turns 5 --weights vitb_sa1_cocolvis_epoch_90.pth

Both have the same weights: those of the file, else random ones. Probabilities, which are fed back, must agree to 1e-4.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from iis_segnext.configs import CONFIGS
from torch import Tensor

from iis_core import load_model
from iis_core.clicks import points_from_clicks
from iis_core.types import Clicks

SHAPE = (450, 600)
CLICKS = [(220, 300, True), (300, 380, True), (100, 120, False), (260, 250, True)]


def build_upstream(name: str, state: dict[str, Tensor], folder: str) -> Any:
    """The published network, from the checkout."""
    sys.path.insert(0, str(Path(folder, "segnext").resolve()))
    from isegm.model.is_plainvit_model import PlainVitModel

    network = PlainVitModel(**CONFIGS[name.removeprefix("segnext/")]["params"]).eval()
    network.load_state_dict(state)
    return network


def time_upstream(network: Any, x: Tensor) -> tuple[list[float], Tensor]:
    """Seconds of encoding and of every click, as its predictor calls the network; the last probabilities."""
    features, first = measure(lambda: network.get_image_feats(x))
    seconds, previous = [first], torch.zeros_like(x[:, :1])
    pcs, ncs = list_clicks()
    for k in range(1, len(CLICKS) + 1):
        points = points_from_clicks(pcs[:k], ncs[:k]).long()

        def answer(points: Tensor = points, previous: Tensor = previous) -> Tensor:
            prompts = network.get_prompt_feats(x.shape, {"points": points, "prev_mask": previous})
            logits: Tensor = network(x.shape, features, prompts)["instances"]
            return logits.sigmoid()

        previous, own = measure(answer)
        seconds.append(own)
    return seconds, previous


def time_ours(model: Any, x: Tensor) -> tuple[list[float], Tensor]:
    """The same for the model here."""
    features, first = measure(lambda: model.encode(x))
    seconds, z, y = [first], model.initialize_z(x, x[:, :1], features=features), x
    pcs, ncs = list_clicks()
    for k in range(1, len(CLICKS) + 1):
        (y, z), own = measure(lambda k=k, z=z: model(x, z, pcs[:k], ncs[:k]))
        seconds.append(own)
    return seconds, y


def list_clicks() -> tuple[Clicks, Clicks]:
    pcs, ncs = ([[[click[:2]] if click[2] is sign else []] for click in CLICKS] for sign in (True, False))
    return pcs, ncs


def measure(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    answer = call()
    return answer, time.process_time() - start


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="e.g. segnext/vit-b-sax2")
    parser.add_argument("--upstream", required=True, help="a checkout of the published code")
    parser.add_argument("--weights", default="random", help="a published file; by default random weights")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = torch.rand(1, 3, *SHAPE)
    model: Any = load_model(arguments.name, weights=arguments.weights)
    network = build_upstream(arguments.name, model.network.state_dict(), arguments.upstream)
    both: dict[str, list[list[float]]] = {"published": [], "here": []}
    for _ in range(arguments.turns):
        published, expected = time_upstream(network, x)
        here, found = time_ours(model, x)
        both["published"].append(published)
        both["here"].append(here)
        difference = float((found - expected).abs().max())
        assert difference < 1e-4, difference
        print(f"{arguments.name}: off by {difference:.1e}")
    for who, turns in both.items():
        encode, *clicks = np.min(turns, axis=0)
        later = float(np.mean(clicks[1:]))
        share = later / (encode + clicks[0])
        print(f"{who:<10} encode {encode:.2f} s, clicks {later:.2f} s, {share:.3f} of encoding and the first click")


if __name__ == "__main__":
    main()
