"""CPU seconds of encoding and of clicks, ours against the published predictor by turns, on one thread.

git clone https://github.com/facebookresearch/segment-anything    # or SysCV/sam-hq, or facebookresearch/sam2, which
                                                                  # also needs: pip install hydra-core iopath
python benchmarks/sam.py sam/vit-b --upstream segment-anything
python benchmarks/sam.py sam/2.1-hiera-tiny --upstream sam2 --turns 5
python benchmarks/sam.py sam/hq-vit-b --upstream sam-hq --weights sam_hq_vit_b.pth

Both have the same weights: those of the file, else what the published class draws at random. The low-resolution logits
that are fed back must agree to 1e-4 of the largest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from iis_sam.renames import rename_state

from iis_core import load_model

SHAPE = (450, 600)
CLICKS = [(220, 300, True), (300, 380, True), (100, 120, False), (260, 250, True)]
POLICY: Mapping[str, Any] = {"multimask": "never", "previous_logits": True}
HIERA = {"tiny": "t", "small": "s", "base-plus": "b+", "large": "l"}


def build_predictor(name: str, weights: str | None) -> tuple[Any, Any]:
    """The published network and its predictor, from the checkout that is on the path."""
    if "hiera" in name:
        from sam2.build_sam import build_sam2
        from sam2.sam2_image_predictor import SAM2ImagePredictor

        version, size = name.removeprefix("sam/").split("-hiera-")
        folder = "sam2.1" if version == "2.1" else "sam2"
        network = build_sam2(f"configs/{folder}/{folder}_hiera_{HIERA[size]}.yaml", weights, device="cpu")
        return network, SAM2ImagePredictor(network)
    from segment_anything import SamPredictor, sam_model_registry

    network = sam_model_registry[name[-5:].replace("-", "_")](checkpoint=weights).eval()
    return network, SamPredictor(network)


def time_upstream(name: str, predictor: Any, image: np.ndarray) -> tuple[list[float], np.ndarray]:
    """Seconds of encoding and of every click; the last low-resolution logits."""
    seconds = [measure(lambda: predictor.set_image(image))]
    more = {"hq_token_only": False} if "hq" in name else {}
    low = None
    for number in range(1, len(CLICKS) + 1):
        points = np.array([(col, row) for row, col, _ in CLICKS[:number]], np.float32)
        labels = np.array([int(positive) for *_, positive in CLICKS[:number]])
        start = time.process_time()
        masks = predictor.predict(points, labels, mask_input=low, multimask_output=False, **more)
        seconds.append(time.process_time() - start)
        low = masks[2]
    assert low is not None
    return seconds, low


def time_ours(model: Any, image: np.ndarray) -> tuple[list[float], np.ndarray]:
    """The same for the model here; an answer is the probabilities at the image's size, as the predictor's is masks."""
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    start = time.process_time()
    z = model.initialize_z(x, x[:, :1])
    seconds, pcs, ncs = [time.process_time() - start], [], []
    for row, col, positive in CLICKS:
        pcs.append([[(row, col)] if positive else []])
        ncs.append([[] if positive else [(row, col)]])
        start = time.process_time()
        _, z = model(x, z, pcs, ncs)
        seconds.append(time.process_time() - start)
    return seconds, z["logits"][0].numpy()


def measure(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="e.g. sam/vit-b")
    parser.add_argument("--upstream", required=True, help="a checkout of the published code")
    parser.add_argument("--weights", help="a published file; by default random weights")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    sys.path.insert(0, str(Path(arguments.upstream).resolve()))
    torch.set_num_threads(1)
    torch.manual_seed(0)
    image = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), np.uint8)
    network, predictor = build_predictor(arguments.name, arguments.weights)
    model: Any = load_model(arguments.name, weights="random", **POLICY)
    model.network.load_state_dict(rename_state(network.state_dict()))
    both: dict[str, list[list[float]]] = {"published": [], "here": []}
    for _ in range(arguments.turns):
        published, expected = time_upstream(arguments.name, predictor, image)
        here, found = time_ours(model, image)
        both["published"].append(published)
        both["here"].append(here)
        difference = float(np.abs(found - expected).max() / np.abs(expected).max())
        assert difference < 1e-4, difference
    print(f"{arguments.name}: off by {difference:.1e} of the largest logit")
    for who, turns in both.items():
        encode, first, *later = np.min(turns, axis=0)
        print(f"{who:<10} encode {encode:.2f} s, first click {first:.3f} s, later clicks {np.mean(later):.3f} s")


if __name__ == "__main__":
    main()
