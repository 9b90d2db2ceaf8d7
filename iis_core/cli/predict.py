"""`iis predict`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from iis_core.cli.keywords import keywords_option, parse_keywords
from iis_core.errors import UserError


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--model", default="classic/grabcut", show_default=True, help="Catalog name.")
@click.option("--click", "clicks", metavar="ROW,COL,+|-", multiple=True, required=True, help="In order; repeatable.")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="MASK", help="PNG of 0 and 255.")
@click.option("--initial-mask", type=click.Path(path_type=Path), metavar="MASK", help="Start from these pixels > 0.")
@click.option("--threshold", default=0.5, show_default=True, help="The object is where the probability exceeds it.")
@click.option("--device", default="cpu", show_default=True, help="Torch device of the model.")
@keywords_option
def predict(
    image: Path,
    model: str,
    clicks: tuple[str, ...],
    out: Path,
    initial_mask: Path | None,
    threshold: float,
    device: str,
    keywords: tuple[str, ...],
) -> None:
    """Segment IMAGE by clicks and write the mask, e.g. `iis predict cat.jpg --click 120,80,+ --out cat.png`."""
    parsed = [_parse_click(text) for text in clicks]
    from iis_core.files.images import read_binary_mask, read_image, write_mask
    from iis_core.loop import predict as run_prediction
    from iis_core.masks import binarise
    from iis_core.plugins.load import load_model

    if not 0 <= threshold <= 1:
        raise UserError(f"--threshold must lie in [0, 1], not {threshold}")
    pixels = read_image(image)
    start = None if initial_mask is None else read_binary_mask(initial_mask)
    network = load_model(model, device=device, **parse_keywords(keywords))
    mask = binarise(run_prediction(network, pixels, parsed, start), threshold, inclusive=False)
    write_mask(out, mask)
    click.echo(f"{out}: {int(mask.sum())} of {mask.size} pixels")


def _parse_click(text: str) -> tuple[int, int, bool]:
    match = re.fullmatch(r"(-?\d+),(-?\d+),([+-])", text)
    if not match:
        raise UserError(f"--click takes ROW,COL,+ or ROW,COL,-, not {text!r}")
    return int(match[1]), int(match[2]), match[3] == "+"
