"""Hostile files, each written by a function of the path and of a canary, which nothing may ever create."""

from __future__ import annotations

import functools
import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Writer = Callable[[Path, Path], object]
GIB = 1 << 30


class Calls:
    """Pickled, it touches the canary when it is loaded."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.canary}'",)


def text(content: str | bytes) -> Writer:
    """Write a text, in which CANARY stands for the canary."""
    raw = content.encode() if isinstance(content, str) else content
    return lambda path, canary: path.write_bytes(raw.replace(b"CANARY", os.fsencode(canary)))


def as_json(value: Any) -> Writer:
    return text(json.dumps(value))


def pickled(make: Callable[[Path], Any], protocol: int = 2) -> Writer:
    return lambda path, canary: path.write_bytes(pickle.dumps(make(canary), protocol))


def zipped(members: Callable[[Path], Mapping[str, bytes]]) -> Writer:
    def write(path: Path, canary: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in members(canary).items():
                file.writestr(name, content)

    return write


def tarred(**wanted: Any) -> Writer:
    """Write a TAR file of a harmless entry and of one with these attributes."""

    def write(path: Path, canary: Path) -> None:
        with tarfile.open(path, "w") as file:
            for name, attributes in (("sound.txt", {}), (wanted.get("name", "entry"), wanted)):
                info = tarfile.TarInfo(name.replace("CANARY", str(canary)))
                for key, value in attributes.items():
                    if key != "name":
                        setattr(info, key, value.replace("CANARY", str(canary)) if isinstance(value, str) else value)
                info.size = 0 if info.type != tarfile.REGTYPE else 4
                file.addfile(info, io.BytesIO(b"sound"[: info.size]))

    return write


@functools.cache
def squeeze_zeros(blocks: int) -> tuple[bytes, int]:
    """Deflate blocks of 16 MiB of zeros; returns them, without zlib's frame, and their checksum."""
    squeeze, block, checksum = zlib.compressobj(9, zlib.DEFLATED, -15), bytes(1 << 24), 0
    for _ in range(blocks):
        checksum = zlib.crc32(block, checksum)
    # Flushed in full, a block may follow itself as often as one likes.
    squeezed = squeeze.compress(block) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return squeezed * blocks + squeeze.flush(), checksum


def zip_bomb(name: str) -> Writer:
    """Write a ZIP file of which one entry unpacks to 1.5 GiB of zeros."""

    def write(path: Path, canary: Path) -> None:
        blocks = 96
        size = blocks << 24
        content, checksum = squeeze_zeros(blocks)
        common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, checksum, len(content), size, len(name), 0)
        local = b"PK\3\4" + common + name.encode()
        central = b"PK\1\2\x14\0" + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name.encode()
        end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(content), 0)
        path.write_bytes(local + content + central + end)

    return write


def sparse(size: int, start: bytes = b"") -> Writer:
    def write(path: Path, canary: Path) -> None:
        path.write_bytes(start)
        os.truncate(path, size)

    return write


def end_line(write: Writer) -> Writer:
    def write_line(path: Path, canary: Path) -> None:
        write(path, canary)
        path.write_bytes(path.read_bytes() + b"\n")

    return write_line


def mask(path: Path, canary: Path) -> None:
    """Write a sound mask of one object."""
    pixels = np.zeros((24, 32), np.uint8)
    pixels[4:9, 5:20] = 255
    Image.fromarray(pixels).save(path, "PNG")


def cut(write: Writer, part: float) -> Writer:
    def write_part(path: Path, canary: Path) -> None:
        write(path, canary)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])

    return write_part


@functools.cache
def draw_large_png() -> bytes:
    """Return a grey PNG of 40000 x 40000 pixels in some 200 kB."""
    pixels = zlib.compressobj(9)
    rows = [pixels.compress(bytes((1 + 5000) * 400)) for _ in range(100)]
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", b"".join([*rows, pixels.flush()])), (b"IEND", b""))
    framed = (struct.pack(">I", len(c)) + kind + c + struct.pack(">I", zlib.crc32(kind + c)) for kind, c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def png_bomb(path: Path, canary: Path) -> None:
    path.write_bytes(draw_large_png())


def image(kind: str, shape: tuple[int, ...] = (24, 32, 3), **options: Any) -> Writer:
    def write(path: Path, canary: Path) -> None:
        pixels = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, kind, **options)
        path.write_bytes(content.getvalue())

    return write


def torch_zip(content: Writer) -> Writer:
    """Wrap a pickle as torch.save does."""

    def write(path: Path, canary: Path) -> None:
        content(path, canary)
        zipped(lambda _: {"a/data.pkl": path.read_bytes(), "a/version": b"3\n", "a/byteorder": b"little"})(path, canary)

    return write


DEEP = 100_000
BAD_TEXT: dict[str, Writer] = {
    "deep lists": text("[" * DEEP),
    "deep objects": text('{"a":' * DEEP),
    "deep flow mappings": text("a: " + "{a: " * 5_000),
    "a number of 5000 digits": text('{"format": ' + "9" * 5000 + "}"),
    "infinity": text('{"format": Infinity, "settings": NaN}'),
    "not UTF-8": text(b'{"a": "\xff\xfe\x80"}'),
    "lone surrogates": text('{"format": "\\ud800", "name": "\\udfff"}'),
    "a null byte": text(b'{"a": "\0"}'),
    "null": text("null"),
    "a list": text("[]"),
    "an empty object": text("{}"),
    "a word": text('"word"'),
}
BAD_YAML: dict[str, Writer] = {
    "a Python call": text("model: !!python/object/apply:os.system [touch CANARY]\n"),
    "a Python name": text("model: {name: !!python/name:os.system , keywords: {}}\n"),
    "laughs": text(
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(f"a{k}: &a{k} [{f'*a{k - 1}, ' * 9}]\n" for k in range(1, 10))
    ),
    "interpolated laughs": text(
        "a0: xxxxxxxxxx\n" + "".join(f"a{k}: '{f'${{a{k - 1}}}' * 10}'\n" for k in range(1, 10)) + "out: ${a9}\n"
    ),
    "itself": text("out: ${out}\nmodel: ${model}\n"),
}  # fmt: skip
BAD_PICKLES: dict[str, Writer] = {
    "a call": pickled(Calls),
    "a call in a list": pickled(lambda canary: {"state_dict": {}, "meta": [Calls(canary)]}),
    "a call, protocol 0": pickled(Calls, 0),
    "a call, protocol 5": pickled(Calls, 5),
    "a call by name": text(b"cposix\nsystem\n(S'touch CANARY'\ntR."),
    "getattr": text(b"cbuiltins\ngetattr\n(cos\nsystem\nS'__call__'\ntR(S'touch CANARY'\ntR."),
    "torch's loader": text(b"ctorch.hub\nload\n(S'x/y'\nS'z'\ntR."),
    "an unbounded memo": text(b"\x80\x02}r\xff\xff\xff\x7fr\xff\xff\xff\xff."),
    "an array of objects": pickled(lambda canary: np.array([Calls(canary)], dtype=object)),
    "an array of made-up objects": text(
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        b"(I1\n(I4\ntcnumpy\ndtype\n(S'O8'\nI00\nI01\ntR(I3\nS'|'\nNNNI-1\nI-1\nI63\ntbI00\nS'AAAAAAAABBBBBBBBCCCCCCCCDDDDDDDD'\ntb."
    ),
    "a huge string": text(b"\x80\x04\x8d" + struct.pack("<Q", 1 << 60) + b"a."),
    "a huge byte array": text(b"\x80\x05\x96" + struct.pack("<Q", 3 * GIB) + b"a."),
    "a deep tuple": text(b"\x80\x02" + b")" + b"\x85" * DEEP + b"."),
}  # fmt: skip
EVERY: dict[str, Writer] = {
    "nothing": text(""),
    "noise": text(np.random.default_rng(0).bytes(5000)),
    "zeros": text(bytes(5000)),
    "a web page": text("<!DOCTYPE html><html><body>Sign in</body></html>"),
    "a pointer of Git LFS": text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
    "a pipe": lambda path, _: os.mkfifo(path),
    "a device": lambda path, _: path.symlink_to("/dev/zero"),
    "a folder": lambda path, _: path.mkdir(),
    "a link to itself": lambda path, _: path.symlink_to(path),
    "a sparse file": sparse(20 * GIB),
    "a ZIP bomb": zip_bomb("a/data.pkl"),
    "a PNG bomb": png_bomb,
    **BAD_TEXT,
    "a pickle that calls": BAD_PICKLES["a call"],
}
"""What any reader may be given."""

IMAGES: dict[str, Writer] = {
    "a cut PNG": cut(image("PNG"), 0.6),
    "a cut JPEG": cut(image("JPEG"), 0.6),
    "a cut TIFF": cut(image("TIFF"), 0.6),
    "a cut WebP": cut(image("WEBP"), 0.6),
    "a GIF of many frames": image("GIF", save_all=True, append_images=[Image.new("L", (32, 24), k) for k in range(9)]),
    "EPS, which runs": text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(touch CANARY) system\n"),
    "a JPEG with bad EXIF": image("JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"),
    "a short BMP of many pixels": sparse(
        200, b"BM" + struct.pack("<IHHIIiiHHIIiiII", 1 << 31, 0, 0, 54, 40, 1 << 20, 1 << 20, 1, 24, *[0] * 6)
    ),
    "a large PPM": text("P6 100000 100000 255\n"),
}  # fmt: skip
ARCHIVES: dict[str, Writer] = {
    "a ZIP upwards": zipped(lambda _: {"../../ran": b""}),
    "a ZIP to the root": zipped(lambda canary: {str(canary): b""}),
    "a ZIP with a drive": zipped(lambda _: {"C:\\ran": b"", "..\\..\\ran": b""}),
    "a ZIP of one name twice": zipped(lambda _: {"a": b"", "a/b": b""}),
    "a cut ZIP": cut(zipped(lambda _: {"a.png": bytes(9000)}), 0.7),
    "a TAR upwards": tarred(name="../../ran"),
    "a TAR to the root": tarred(name="CANARY"),
    "a TAR with a link": tarred(type=tarfile.SYMTYPE, linkname="CANARY"),
    "a TAR with a hard link": tarred(type=tarfile.LNKTYPE, linkname="CANARY"),
    "a TAR with a device": tarred(type=tarfile.CHRTYPE, devmajor=1, devminor=5),
    "a TAR with a pipe": tarred(type=tarfile.FIFOTYPE),
}
NAMES = {
    "markup": "x[/y][bold]",
    "newlines": "a\nb\rc",
    "escapes": "\x1b[2J\x1b]0;title\a",
    "surrogates": os.fsdecode(b"caf\xe9"),
    "upwards": "../../../../etc",
    "an option": "--help-me",
    "an import": "os:system",
    "an attribute": "os.system",
    "length": "x" * 5000,
    "nothing": "",
    "right to left": "‮gnp.x",
    "a glob": "*/**/[!",
    "a shell": "$(touch CANARY); touch CANARY",
}
VALUES = {
    "depth": "[" * DEEP,
    "a deep value": "[" * 500 + "]" * 500,
    "digits": "9" * 5000,
    "an overflow": "1e999",
    "NaN": "NaN",
    "an import": "os:system",
    "a surrogate": '"\\ud800"',
    "an object": '{"type": "os.system", "command": "touch CANARY"}',
    "nothing": "",
}
