"""Decoding photographs with OpenCV, Pillow, simplejpeg and torchvision: milliseconds an image, ratios, differences.

python benchmarks/reading.py [FOLDER of images]

Without a folder, the sample photographs are written as JPEG and PNG. Decoders that are not installed are left out.
One thread each; the ratio is the time of `cv2.imread` and a conversion to RGB, divided by the decoder's.
"""

from __future__ import annotations

import importlib.util
import io
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from iis_core import load_dataset
from iis_core.files.images import read_image

ROUNDS = 3
LIMIT = 150

Decoder = Callable[[Path], np.ndarray]


def by_imread(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def by_pillow(path: Path) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("RGB"))


def by_simplejpeg(path: Path) -> np.ndarray:
    import simplejpeg

    return simplejpeg.decode_jpeg(path.read_bytes(), "RGB")


def by_torchvision(path: Path) -> np.ndarray:
    from torchvision.io import ImageReadMode, decode_image

    content = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
    return decode_image(content, ImageReadMode.RGB).permute(1, 2, 0).contiguous().numpy()


def decoders(ending: str) -> dict[str, Decoder]:
    found: dict[str, Decoder] = {"cv2.imread": by_imread, "iis_core": read_image, "Pillow": by_pillow}
    if importlib.util.find_spec("torchvision"):
        found["torchvision"] = by_torchvision
    if ending == ".jpg" and importlib.util.find_spec("simplejpeg"):
        found["simplejpeg"] = by_simplejpeg
    return found


def seconds(decode: Decoder, files: list[Path]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for file in files:
            decode(file)
        times.append(time.perf_counter() - start)
    return min(times) / len(files)


def compare(files: list[Path]) -> None:
    ending = files[0].suffix.lower()
    expected = [by_imread(file).astype(int) for file in files]
    reference = seconds(by_imread, files)
    for name, decode in decoders(ending).items():
        off = max(int(np.abs(decode(file) - wanted).max()) for file, wanted in zip(files, expected, strict=True))
        took = seconds(decode, files)
        print(f"{ending} {name:<12} {1000 * took:6.2f} ms, {reference / took:4.2f} times cv2.imread, off by {off}")


def sample_files(folder: Path) -> list[Path]:
    data = load_dataset("sample")
    files = []
    for i in range(len(data)):
        for ending in (".jpg", ".png"):
            files.append(folder / f"{data.info(i)['id']}{ending}")
            cv2.imwrite(str(files[-1]), data[i].image[:, :, ::-1])
    return files


def main() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        files = sorted(Path(sys.argv[1]).rglob("*.*")) if len(sys.argv) > 1 else sample_files(Path(temporary))
        for ending in (".jpg", ".png"):
            some = [file for file in files if file.suffix.lower() == ending][:LIMIT]
            if some:
                compare(some)


if __name__ == "__main__":
    main()
